"""The error of a d90 by its dev examples beside what it is known to be."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from lit_idim.d90 import Estimate, FullScore, Result, SearchSettings, TrainingId, estimate_d90, full_score
from lit_idim.d90.crossing import KERNEL_NATS
from lit_idim.ledger import TrainingRecord
from lit_idim.study.dev_resampling import NUM_RESAMPLES, crossing_deviation, widened
from lit_idim.study.outcomes import pack_predictions

from .records import record_of

NUM_EXAMPLES = 2000
FRACTION = 0.9
# Of an estimate of a standard deviation from that many resamples, three standard errors.
WITHIN = 3 / math.sqrt(2 * NUM_RESAMPLES)
LABELS = np.arange(NUM_EXAMPLES) % 2
IN_FULL, IN_SUBSPACE = TrainingId(None, 0, 0), TrainingId(100, 0, 0)

Right = npt.NDArray[np.bool_]


def right(share: float, *, seed: int) -> Right:
    """Which examples a training has right."""
    return np.random.default_rng(seed).random(NUM_EXAMPLES) < share


def record(training: TrainingId, is_right: Right) -> TrainingRecord:
    packed = pack_predictions(np.where(is_right, LABELS, 1 - LABELS), num_labels=2)
    method = "full" if training.d is None else "said"
    return record_of(method, 0.1, float(is_right.mean()), d=training.d, replicate=training.replicate, outcomes=packed)


def estimated() -> tuple[Estimate, FullScore]:
    """A curve through the target 0.81 at d = 100, by trainings at five d."""
    curve = {25: 0.69, 50: 0.75, 100: 0.81, 200: 0.85, 400: 0.88}
    asked = {TrainingId(None, 0, number): Result(score=0.9 + 0.002 * number) for number in (-1, 0, 1)}
    asked |= {TrainingId(d, 0, number): Result(score=y + 0.002 * number) for d, y in curve.items() for number in (0, 1)}
    settings = SearchSettings(d_min=10, d_max=1000)
    full = full_score(asked)
    assert full is not None
    return estimate_d90(asked, kind="full_fraction", chance=0.5, settings=settings), full


def deviation(records: dict[TrainingId, TrainingRecord], estimate: Estimate, full: FullScore) -> float | None:
    return crossing_deviation(estimate, full, records, LABELS, target_fraction=FRACTION, seed=0)


def test_the_deviation_is_that_of_the_difference_over_the_slope() -> None:
    estimate, full = estimated()
    assert estimate.curve is not None
    in_full, in_subspace = right(0.9, seed=1), right(0.81, seed=2)
    found = deviation(
        {IN_FULL: record(IN_FULL, in_full), IN_SUBSPACE: record(IN_SUBSPACE, in_subspace)}, estimate, full
    )
    # Of a mean over n examples drawn with replacement: the deviation of one over sqrt(n).
    of_one = np.std(in_subspace - FRACTION * in_full)
    assert found == pytest.approx(of_one / math.sqrt(NUM_EXAMPLES) / estimate.curve.crossing.slope, rel=WITHIN)


def test_what_examples_take_from_both_cancels() -> None:
    estimate, full = estimated()
    hard = right(0.9, seed=1)
    alike = {IN_FULL: record(IN_FULL, hard), IN_SUBSPACE: record(IN_SUBSPACE, hard)}
    apart = {IN_FULL: record(IN_FULL, hard), IN_SUBSPACE: record(IN_SUBSPACE, right(0.9, seed=2))}
    together, independent = deviation(alike, estimate, full), deviation(apart, estimate, full)
    assert together is not None and independent is not None
    # 0.1 of the share of right answers is left, beside sqrt(1 + 0.81) of it.
    assert together / independent == pytest.approx((1 - FRACTION) / math.hypot(1, FRACTION), rel=2 * WITHIN)


def test_trainings_of_other_rates_and_far_from_the_crossing_do_not_count() -> None:
    estimate, full = estimated()
    base = {IN_FULL: record(IN_FULL, right(0.9, seed=1)), IN_SUBSPACE: record(IN_SUBSPACE, right(0.8, seed=2))}
    far = TrainingId(10**9, 0, 0)
    more = {far: record(far, right(0.6, seed=3))}
    for other in (TrainingId(None, 1, 0), TrainingId(100, 1, 0)):
        more[other] = replace(record(other, right(0.6, seed=4)), rate=1)
    found = deviation(base, estimate, full)
    assert found is not None and deviation(base | more, estimate, full) == pytest.approx(found, rel=1e-6)


def test_trainings_count_by_their_distance_from_the_crossing() -> None:
    estimate, full = estimated()
    assert estimate.curve is not None
    in_full, x = right(0.9, seed=1), estimate.curve.crossing.x
    points = {TrainingId(d, 0, 0): right(0.81, seed=d) for d in (25, 100, 1600)}
    records = {training: record(training, one) for training, one in ({IN_FULL: in_full} | points).items()}
    found = deviation(records, estimate, full)
    weights = [math.exp(-0.5 * ((math.log(training.d or 0) - x) / KERNEL_NATS) ** 2) for training in points]
    of_one = np.std(np.average(list(points.values()), axis=0, weights=weights) - FRACTION * in_full)
    assert found == pytest.approx(of_one / math.sqrt(NUM_EXAMPLES) / estimate.curve.crossing.slope, rel=WITHIN)


def test_a_flat_curve_tells_nothing() -> None:
    estimate, full = estimated()
    assert estimate.curve is not None
    flat = replace(estimate, curve=replace(estimate.curve, crossing=replace(estimate.curve.crossing, slope=0.0)))
    records = {IN_FULL: record(IN_FULL, right(0.9, seed=1)), IN_SUBSPACE: record(IN_SUBSPACE, right(0.8, seed=2))}
    assert deviation(records, flat, full) is None


def test_without_predictions_there_is_none() -> None:
    estimate, full = estimated()
    records = {IN_FULL: record(IN_FULL, right(0.9, seed=1)), IN_SUBSPACE: record(IN_SUBSPACE, right(0.8, seed=2))}
    for lost in records:
        assert deviation(records | {lost: replace(records[lost], outcomes=None)}, estimate, full) is None
    assert deviation(records, Estimate(status="no_signal"), full) is None


def test_an_interval_is_widened_in_quadrature_and_open_beyond_the_range() -> None:
    estimate, _ = estimated()
    assert estimate.curve is not None and estimate.low is not None and estimate.high is not None
    crossing = replace(estimate.curve.crossing, x=math.log(60), low=math.log(40), high=math.log(90))
    reached = replace(estimate, d90=60.0, low=40.0, high=90.0, curve=replace(estimate.curve, crossing=crossing))
    low, high = widened(reached, 0.2, 1.645, (27, 1000))
    assert low is not None and math.log(60 / low) == pytest.approx(math.hypot(math.log(60 / 40), 0.329))
    assert high is not None and math.log(high / 60) == pytest.approx(math.hypot(math.log(90 / 60), 0.329))
    assert widened(reached, 0.0, 1.645, (27, 1000)) == pytest.approx((40, 90))
    farther = 60 * math.exp(math.hypot(math.log(90 / 60), 0.8 * 1.645))
    assert widened(reached, 0.8, 1.645, (27, 1000)) == (None, pytest.approx(farther))
    assert widened(reached, 3.0, 1.645, (27, 1000)) == (None, None)
    assert widened(replace(reached, low=None), 0.2, 1.645, (27, 1000)) == (None, high)
    assert widened(replace(reached, high=None), 0.2, 1.645, (27, 1000)) == (low, None)
    assert widened(replace(reached, status="above_range"), 0.2, 1.645, (27, 1000)) == (None, None)
