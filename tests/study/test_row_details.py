"""What a row tells its reader beside the numbers."""

import math
from dataclasses import replace
from typing import Any

import pytest

from lit_idim.d90 import Estimate, FullScore, Result, SearchSettings, TrainingId, estimate_d90
from lit_idim.study.measured_cell import MeasuredCell
from lit_idim.study.row_details import NOT_ENDED, notes, tolerance_met

from .records import record_of

CELL = MeasuredCell(model="m", checkpoint="final", pretraining_step=None, task="toy-sst2", method="did")


def told(estimate: Estimate, *, has_ended: bool = True) -> list[str]:
    return list(notes(CELL, has_ended, {}, None, SearchSettings(), 10, estimate))


def test_an_interval_that_rules_nothing_out_is_a_warning() -> None:
    (warning,) = told(Estimate(status="reached", d90=41_000.0))
    assert warning.startswith("WARNING: the interval is open at both ends")
    assert told(Estimate(status="reached", d90=41_000.0, low=9_000.0)) == []
    assert told(Estimate(status="above_range", low=100_000.0)) == []


@pytest.mark.parametrize(
    ("status", "low", "high", "warning"),
    [
        ("above_range", 300.0, 90_000.0, "begins at 300;"),
        ("above_range", 3.0, 90_000.0, "covers all of it;"),
        ("above_range", 1001.0, 90_000.0, None),
        ("below_range", 1.0, 700.0, "ends at 700;"),
        ("below_range", 1.0, 1001.0, "covers all of it;"),
        ("below_range", 1.0, 9.0, None),
    ],
)
def test_a_crossing_beyond_the_range_that_may_lie_within_it(
    status: Any, low: float, high: float, warning: str | None
) -> None:
    rising = {10: [0.5, 0.51], 100: [0.6, 0.61], 1000: [0.7, 0.71]}
    search = SearchSettings(d_min=10, d_max=1000)
    estimate = estimate_d90(asked_of(rising), kind="full_fraction", chance=0.5, settings=search)
    assert estimate.curve is not None
    moved = replace(estimate.curve, crossing=replace(estimate.curve.crossing, low=math.log(low), high=math.log(high)))
    shown = list(notes(CELL, True, {}, None, search, search.d_min, replace(estimate, status=status, curve=moved)))
    assert len(shown) == (warning is not None)
    for text in shown:
        assert text.startswith("WARNING: d90 may lie within the range") and warning is not None and warning in text


def test_the_warnings_name_another_target_than_that_of_the_column_d90() -> None:
    search = SearchSettings(d_min=10, d_max=1000)
    flat = asked_of({10: [0.5, 0.51], 100: [0.55, 0.6], 1000: [0.6, 0.65]})
    estimate = estimate_d90(flat, kind="chance_corrected", chance=0.5, settings=search)
    assert estimate.curve is not None
    within = replace(estimate.curve.crossing, low=math.log(300))
    moved = replace(estimate, status="above_range", curve=replace(estimate.curve, crossing=within))
    (text,) = notes(CELL, True, {}, None, search, search.d_min, moved)
    assert text.startswith("WARNING: d90 of the target chance_corrected may lie within the range")
    (text,) = told(replace(estimate, status="reached", low=None, high=None))
    assert text.startswith("WARNING: the interval of the target chance_corrected is open at both ends")


def test_the_range_begins_above_the_lambdas() -> None:
    rising = {30: [0.75, 0.76], 100: [0.8, 0.81], 1000: [0.85, 0.86]}
    search = SearchSettings(d_min=10, d_max=1000)
    estimate = estimate_d90(asked_of(rising), kind="full_fraction", chance=0.5, settings=search, num_lambdas=26)
    assert estimate.curve is not None
    crossing = replace(estimate.curve.crossing, x=math.log(15), low=math.log(6), high=math.log(22))
    below = replace(estimate, status="below_range", curve=replace(estimate.curve, crossing=crossing))
    assert list(notes(CELL, True, {}, None, search, 27, below)) == []
    (warning,) = notes(CELL, True, {}, None, search, 10, below)
    assert "ends at 22" in warning


@pytest.mark.parametrize(("score", "is_told"), [(0.53, True), (0.57, False)])
def test_a_training_in_full_that_ended_at_chance_is_told_by_the_error_of_a_score(score: float, is_told: bool) -> None:
    scores = [0.9, 0.6, 0.3, score]  # seeds that differ by far more than the dev examples make a score differ
    asked = {TrainingId(None, number, 0): Result(score=one) for number, one in enumerate(scores)}
    records = {one: record_of("full", 10.0**-one.rate, result.score) for one, result in asked.items()}
    cell = replace(CELL, records=records)
    full = FullScore(rate=0, mean=0.9, sd=0.3, count=1, sum_of_squares=0.0, degrees_of_freedom=1)
    shown = list(notes(cell, True, asked, full, SearchSettings(), 10, Estimate(status="no_signal")))
    told = [text for text in shown if "ended at chance" in text]
    assert told == [f"{1 + is_told} trainings in full ended at chance (rates {'0.001, ' * is_told}0.01)"]


def test_a_search_that_goes_on_says_so_first() -> None:
    assert told(Estimate(status="reached", d90=41_000.0), has_ended=False) == [NOT_ENDED]


def asked_of(scores: dict[int, list[float]]) -> dict[TrainingId, Result]:
    """The trainings of a search that has made these at each d."""
    full = {TrainingId(None, 0, number): Result(score=0.9 + 0.001 * number) for number in range(4)}
    return full | {
        TrainingId(d, 0, number): Result(score=score)
        for d, values in scores.items()
        for number, score in enumerate(values)
    }


def is_met(scores: dict[int, list[float]], *, tolerance: float = 0.31) -> bool | None:
    """Of a search that has made these trainings at each d."""
    asked, search = asked_of(scores), SearchSettings(tolerance=tolerance, d_min=10, d_max=1000)
    estimate = estimate_d90(asked, kind="full_fraction", chance=0.5, settings=search)
    return tolerance_met(estimate, search, asked, search.d_min)


def test_the_tolerance_is_met_where_the_search_ends_by_itself() -> None:
    curve = {50: [0.72, 0.721], 80: [0.78, 0.781], 100: [0.81, 0.811, 0.809], 125: [0.84, 0.841], 200: [0.87, 0.871]}
    assert is_met(curve) is True
    assert is_met(curve, tolerance=0.0001) is False
    assert is_met({d: values[:1] for d, values in curve.items() if d in (50, 100, 200)}) is False  # too few near it


def test_beyond_the_range_it_is_met_once_the_end_was_run_three_times() -> None:
    below = {100: [0.5, 0.5], 300: [0.5, 0.5]}
    assert is_met(below | {1000: [0.501, 0.502]}) is False
    assert is_met(below | {1000: [0.501, 0.502, 0.5]}) is True
