"""The seeds of a study's trainings, by hash of what they are of."""

from lit_idim.randomness import stream_key

_KINDS = ("projection", "head", "order", "dropout")


def derived_seeds(
    *, study_seed: int, series: str, step: int, task: str, method: str, d: int | None, replicate: int
) -> dict[str, int]:
    """The seeds of a training: those of a replicate are the same at all learning rates, the subset that of the task.

    Args:
        study_seed: of the study.
        series: name of the checkpoint series.
        step: of pretraining.
        task: name of the task.
        method: "full", "did", "said" or "head".
        d: trained numbers; None without a subspace.
        replicate: number of the seeds.

    Example:
        >>> sorted(derived_seeds(study_seed=0, series="toy", step=0, task="rte", method="did", d=9, replicate=0))
        ['dropout', 'head', 'order', 'projection', 'subset']
    """
    name = f"{series}/{step}/{task}/{method}/{d}/{replicate}"
    seeds = {kind: stream_key(study_seed, f"study/{kind}/{name}")[0] for kind in _KINDS}
    return seeds | {"subset": subset_seed(study_seed, task)}


def subset_seed(study_seed: int, task: str) -> int:
    """The seed that chooses the examples of a task where there are more than the study takes."""
    return stream_key(study_seed, f"study/subset/{task}")[0]
