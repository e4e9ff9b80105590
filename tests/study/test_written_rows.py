"""What a table drawn from the ledger keeps of the failures that only an earlier `d90.csv` tells of."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lit_idim.study.run import StudyResult, draw_again
from lit_idim.study.settings import StudySettings
from lit_idim.study.status import describe_study
from lit_idim.study.training import TrainingOutcome, TrainingRequest

from .simulated import ONE_TASK, Measure, SimulatedTrainings, by_step, draw_named, load_all, settings_of

LAST: dict[str, Any] = ONE_TASK | {"steps": (4000,)}
Drawn = Callable[[StudySettings], StudyResult]


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    """Draws a study again, twice: the second time changes nothing."""

    def draw(settings: StudySettings) -> StudyResult:
        first = draw_again(settings, tmp_path / "out", study="simulated")
        second = draw_again(settings, tmp_path / "out", study="simulated")
        assert second.rows == first.rows and second.num_failed == first.num_failed
        return first

    return draw


class Failing(SimulatedTrainings):
    """Trainings some of which fail."""

    def __init__(self, settings: StudySettings, fails: Callable[[TrainingRequest], bool], error: Exception) -> None:
        super().__init__(settings)
        self.fails, self.error = fails, error

    def run(self, request: TrainingRequest) -> TrainingOutcome:
        if self.fails(request):
            raise self.error
        return super().run(request)


class Unreachable(SimulatedTrainings):
    """Trainings whose data cannot be had."""

    def data(self, request: TrainingRequest) -> Any:
        raise OSError("unreachable")


def stop_after(number: int) -> Callable[[int], None]:
    def before(training: int) -> None:
        if training > number:
            raise KeyboardInterrupt

    return before


def diverging_in_subspaces(settings: StudySettings, step: int) -> SimulatedTrainings:
    class Diverging(SimulatedTrainings):
        def run(self, request: TrainingRequest) -> TrainingOutcome:
            diverging = 1.0 if request.d is not None and request.location.model.endswith(f"-{step}") else 0.0
            self.cell = lambda name: replace(draw_named(name), diverging=diverging)
            return super().run(request)

    return Diverging(settings)


@pytest.mark.parametrize("number", [1, 4, 9, 13])
def test_a_cell_that_failed_among_its_trainings_stays_so(simulate: Measure, drawn: Drawn, number: int) -> None:
    settings = settings_of(**ONE_TASK)
    done = iter(range(100))

    def fails(request: TrainingRequest) -> bool:
        return request.location.model.endswith("-4000") and next(done) == number

    result, _ = simulate(settings, Failing(settings, fails, RuntimeError("out of memory")))
    assert by_step(result.rows)[4000].reason == "RuntimeError: out of memory" and result.num_failed == 1
    again = drawn(settings)
    assert again.rows == result.rows and again.num_failed == 1


@pytest.mark.parametrize("targets", [("full_fraction",), ("full_fraction", "final"), ("final", "full_fraction")])
def test_a_search_without_a_score_is_told_from_its_trainings(
    simulate: Measure, drawn: Drawn, targets: tuple[str, ...]
) -> None:
    """Its full score is there, and is the reference of the others."""
    settings = settings_of(tasks=("toy-sst2",), search={"targets": targets})
    result, _ = simulate(settings, diverging_in_subspaces(settings, 4000))
    rows = by_step(result.rows)
    assert rows[4000].status == "failed" and rows[1000].final_target_score == rows[4000].target_score is not None
    again = drawn(settings)
    assert again.rows == result.rows and again.num_failed == result.num_failed == 1


def test_a_raised_budget_opens_what_had_failed_for_want_of_it(simulate: Measure, drawn: Drawn) -> None:
    settings = settings_of(**LAST, search={"max_trainings": 3})
    (row,) = simulate(settings)[0].rows
    assert row.reason is not None and "raise search.max_trainings, which is 3" in row.reason
    again = drawn(settings_of(**LAST))
    assert (again.rows[0].reason, again.num_failed) == ("not measured yet", 0)


def test_a_reason_is_out_of_date_once_something_was_trained(simulate: Measure, drawn: Drawn, tmp_path: Path) -> None:
    settings, table = settings_of(**LAST), tmp_path / "out/d90.csv"
    with pytest.raises(KeyboardInterrupt):
        simulate(settings, SimulatedTrainings(settings, before=stop_after(11)))
    result, _ = simulate(settings, Unreachable(settings))
    assert (result.rows[0].reason, result.num_failed) == ("OSError: unreachable", 1)
    again = drawn(settings)
    assert (again.rows[0].reason, again.num_failed) == ("OSError: unreachable", 1)
    os.utime(table, (0, 0))
    assert (drawn(settings).num_failed, "not ended" in drawn(settings).rows[0].notes) == (0, True)


def test_a_method_that_no_d_is_left_for_stays_failed_beside_another(simulate: Measure, drawn: Drawn) -> None:
    settings = settings_of(**LAST, methods=("did", "said"), search={"d_min": 2, "d_max": 5})
    result, _ = simulate(settings)
    again = drawn(settings)
    failed = [[row.reason for row in one.rows if row.method == "said"] for one in (result, again)]
    assert failed[0] == failed[1] and "pays for 4 lambdas" in (failed[0][0] or "")
    assert result.num_failed == again.num_failed == 1


def test_a_head_that_failed_is_told_again(simulate: Measure, drawn: Drawn, tmp_path: Path) -> None:
    settings = settings_of(**LAST, head_baseline=True)

    def fails(request: TrainingRequest) -> bool:
        return request.method == "head"

    result, _ = simulate(settings, Failing(settings, fails, RuntimeError("no room; none at all")))
    assert result.num_failed == 1
    assert result.rows[0].notes.endswith("WARNING: the head alone failed: RuntimeError: no room; none at all")
    again = drawn(settings)
    assert again.rows == result.rows and again.num_failed == 1
    mended, _ = simulate(settings)
    assert drawn(settings).rows == mended.rows and mended.rows[0].head_score is not None


def test_the_status_of_a_study_tells_failures(simulate: Measure, tmp_path: Path) -> None:
    settings = settings_of(**ONE_TASK, search={"targets": ("full_fraction", "final")})
    broken = load_all(settings.series)[0].fetch(4000).model
    simulate(settings, SimulatedTrainings(settings, broken=(broken,)))
    _, last, first, summary = describe_study(tmp_path / "out").splitlines()
    assert "failed" in last and last.endswith("not a zip archive")
    assert " done " in first
    assert summary.startswith("1 of 2 cells done") and "left" not in summary
