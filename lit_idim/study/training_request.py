"""What a study asks of one training, and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lit_idim.errors import UserError
from lit_idim.series.location import CheckpointLocation
from lit_idim.study.settings import TrainingSettings
from lit_idim.training import Method

SEEDS = ("projection", "head", "order", "dropout", "subset")


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """What to train.

    Attributes:
        location: the checkpoint.
        task: name of the task.
        data_dir: folder of the task's files; the data hub if None.
        method: "full", "did", "said" or "head".
        d: trained numbers; None without a subspace.
        projection: name of P; None without a subspace.
        learning_rate: peak rate.
        seeds: `projection`, `head`, `order`, `dropout` and `subset`.
        settings: what all trainings of a study have in common.
        stop_after: pause after so many updates in all; not for "full".
        evaluate_at: numbers of further updates after which the dev split is scored; the last one always is.
        state: of the paused training that goes on.
        random_weights: start from the untrained encoder.
    """

    location: CheckpointLocation
    task: str
    data_dir: str | None = None
    method: Method
    d: int | None = None
    projection: str | None = None
    learning_rate: float
    seeds: Mapping[str, int]
    settings: TrainingSettings
    stop_after: int | None = None
    evaluate_at: tuple[int, ...] = ()
    state: bytes | None = None
    random_weights: bool = False

    def __post_init__(self) -> None:
        if set(self.seeds) != set(SEEDS):
            raise UserError(f"seeds: expected {', '.join(SEEDS)}; got {', '.join(self.seeds) or 'none'}")
        if self.method == "full" and (self.stop_after is not None or self.state is not None):
            raise UserError(
                "stop_after: full fine-tuning cannot pause, its state is as large as the model; leave it out"
            )
        if any(update < 1 for update in (*self.evaluate_at, *([] if self.stop_after is None else [self.stop_after]))):
            raise UserError(
                f"stop_after, evaluate_at: expected numbers of updates, at least 1; got {self.stop_after} and "
                f"{self.evaluate_at}"
            )


@dataclass(frozen=True, kw_only=True)
class TrainingOutcome:
    """What came out; attributes as of `lit_idim.ledger.TrainingRecord`, of this run alone where they are of time.

    Attributes:
        status: "paused", "finished" or "diverged".
        reason: where it diverged, or that memory held its batches in parts only.
        score: headline metric on the dev split; None unless finished.
        metric: its name.
        chance_score: score of the majority class of the dev examples; 0 for correlations.
        evaluations: (update, dev score) ascending, those before a pause included.
        num_parameters: D.
        num_updates: of the whole training.
        num_updates_done: so far, those before a pause included.
        num_examples: training examples seen so far, repetitions counted.
        num_train_examples: distinct ones.
        num_dev_examples: dev examples of a score.
        seconds: wall time of this run.
        checksums: `projection` (in a subspace), `weights` (the encoder's at theta_0), `train` and `dev` data.
        outcomes: dev predictions behind the score (`lit_idim.study.outcomes`); None unless finished.
        state: what a paused training goes on from.
        device: that it ran on.
    """

    status: Literal["paused", "finished", "diverged"]
    reason: str | None
    score: float | None
    metric: str
    chance_score: float
    evaluations: tuple[tuple[int, float], ...]
    num_parameters: int
    num_updates: int
    num_updates_done: int
    num_examples: int
    num_train_examples: int
    num_dev_examples: int
    seconds: float
    checksums: Mapping[str, str]
    outcomes: bytes | None
    state: bytes | None
    device: str
