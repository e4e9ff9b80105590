"""How much of the error of a d90 the dev examples make: scores of all trainings of a cell on the same resamples.

Shapes: n dev examples, b resamples, t trainings.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lit_idim.d90 import Estimate, FullScore, TrainingId
from lit_idim.d90.crossing import KERNEL_NATS
from lit_idim.data.sampling import sample_positions
from lit_idim.data.sources import load_examples
from lit_idim.ledger import TrainingRecord
from lit_idim.randomness import stream_key
from lit_idim.study.outcomes import score_predictions, unpack_predictions
from lit_idim.tasks import get_task

NUM_RESAMPLES = 400


def dev_labels(
    task: str, data_dir: str | None, max_dev_examples: int | None, subset_seed: int
) -> npt.NDArray[np.generic]:
    """Labels of the dev examples that a study scores, shape (n,).

    Raises:
        UserError: if the data are not there.
    """
    definition = get_task(task)
    examples = load_examples(definition, "dev", None if definition.brings_data else data_dir)
    seed = subset_seed if max_dev_examples is not None else 0
    labels = examples.take(sample_positions(len(examples), max_dev_examples, seed, f"{task}/dev")).labels
    assert labels is not None
    return labels


def crossing_deviation(
    estimate: Estimate,
    full: FullScore,
    records: Mapping[TrainingId, TrainingRecord],
    labels: npt.NDArray[np.generic],
    *,
    target_fraction: float,
    seed: int,
) -> float | None:
    """Standard deviation of ln d90 over dev sets, to first order.

    All trainings are scored on the same resamples of the dev examples, so that what a hard dev set takes from the
    subspaces and from full fine-tuning cancels. Each resample moves the target, and the curve by the mean over the
    best rate's points around the crossing; their difference over the slope moves the crossing.

    Args:
        estimate: with its curve.
        full: the full score of the cell. It stands for that of the last checkpoint, too, where the target is the final
            one.
        records: finished trainings of the cell.
        labels: of the dev examples, shape (n,).
        target_fraction: of the full score.
        seed: of the resamples.

    Returns:
        In nats; None if the trainings' predictions are not there.
    """
    curve = estimate.curve
    if curve is None or estimate.target is None or curve.crossing.slope <= 0:
        return None
    centre = curve.crossing.x
    points = [
        (record, math.exp(-0.5 * ((math.log(training.d) - centre) / KERNEL_NATS) ** 2))
        for training, record in records.items()
        if training.d is not None and training.rate == curve.rate and record.outcomes is not None
    ]
    in_full = [
        (record, 1.0)
        for training, record in records.items()
        if training.d is None and training.rate == full.rate and record.outcomes is not None
    ]
    if not points or not in_full:
        return None
    random = np.random.default_rng(stream_key(seed, "dev examples"))
    weights = random.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=NUM_RESAMPLES)  # (b, n)
    moved = _moved(points, labels, weights) - target_fraction * _moved(in_full, labels, weights)
    return float(np.std(moved) / curve.crossing.slope)


def _moved(
    trainings: Sequence[tuple[TrainingRecord, float]], labels: npt.NDArray[np.generic], weights: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Weighted mean over trainings of the score on each resample, shape (b,)."""
    total: npt.NDArray[np.float64] = np.zeros(len(weights))
    for record, weight in trainings:
        assert record.outcomes is not None
        predictions = unpack_predictions(record.outcomes)
        total += weight * np.asarray(score_predictions(get_task(record.task), predictions, labels, weights))
    return total / sum(weight for _, weight in trainings)


def widened(
    estimate: Estimate, deviation: float, z: float, d_range: tuple[int, int]
) -> tuple[float | None, float | None]:
    """The ends of an estimate's interval with the dev examples' error added in quadrature, in trained numbers.

    An end outside the range of d is open: None.
    """
    if estimate.curve is None or estimate.status != "reached":
        return None, None
    crossing = estimate.curve.crossing
    low = crossing.x - math.hypot(crossing.x - crossing.low, z * deviation)
    high = crossing.x + math.hypot(crossing.high - crossing.x, z * deviation)
    return (
        None if estimate.low is None or low < math.log(d_range[0]) else math.exp(low),
        None if estimate.high is None or high > math.log(d_range[1]) else math.exp(high),
    )
