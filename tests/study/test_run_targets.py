"""A study of several targets: what a row says of each, and where the last checkpoint has failed."""

from dataclasses import replace
from pathlib import Path

import pytest

from lit_idim.d90.simulation import SimulatedCell
from lit_idim.study.run import draw_again
from lit_idim.study.summary import summarize

from .simulated import (
    ONE_TASK,
    DivergingInSubspaces,
    Measure,
    SimulatedTrainings,
    by_step,
    draw_named,
    load_all,
    settings_of,
)


def test_the_final_target_is_the_last_checkpoints(simulate: Measure) -> None:
    settings = settings_of(**ONE_TASK, search={"targets": ("final",), "max_trainings": 24})
    rows = by_step(simulate(settings)[0].rows)
    assert rows[4000].full_score is not None
    assert rows[1000].final_target_score == rows[4000].final_target_score == 0.9 * rows[4000].full_score
    assert rows[4000].d90_final_target == rows[4000].d90 and rows[4000].d90 is not None
    assert "not ended" not in rows[1000].notes + rows[4000].notes


@pytest.mark.parametrize("targets", [("full_fraction",), ("full_fraction", "final")])
def test_without_the_last_checkpoint_there_is_no_final_target(
    simulate: Measure, tmp_path: Path, targets: tuple[str, ...]
) -> None:
    settings = settings_of(tasks=("toy-sst2",), steps=(500, 1000, 4000), search={"targets": targets})
    broken = load_all(settings.series)[0].fetch(4000).model
    result, _ = simulate(settings, SimulatedTrainings(settings, broken=(broken,)))
    rows = by_step(result.rows)
    expected = "failed" if "final" in targets else None
    assert [rows[step].d90_final_target_status for step in (500, 1000, 4000)] == [expected, expected, "failed"]
    assert all(rows[step].status != "failed" and "not ended" not in rows[step].notes for step in (500, 1000))

    # The ledger does not know of it, and its table does.
    again = draw_again(settings, tmp_path / "out", study="simulated")
    assert again.rows == result.rows and again.num_failed == result.num_failed == 1
    (tmp_path / "out/d90.csv").unlink()
    alone = by_step(draw_again(settings, tmp_path / "out", study="simulated").rows)
    assert list(alone) == [500, 1000]
    for step, row in alone.items():
        assert row.d90_final_target is None and (row.d90, row.d90_low) == (rows[step].d90, rows[step].d90_low)
        assert ("not ended" in row.notes) == ("final" in targets)


def test_a_checkpoint_that_was_trained_after_it_had_failed_is_told_from_its_trainings(
    simulate: Measure, tmp_path: Path
) -> None:
    settings = settings_of(**ONE_TASK)
    broken = load_all(settings.series)[0].fetch(4000).model
    simulate(settings, SimulatedTrainings(settings, broken=(broken,)))
    with_failure = (tmp_path / "out/d90.csv").read_bytes()
    mended, _ = simulate(settings)
    (tmp_path / "out/d90.csv").write_bytes(with_failure)
    assert draw_again(settings, tmp_path / "out", study="simulated").rows == mended.rows


def test_a_failed_search_of_the_first_target_says_why(simulate: Measure) -> None:
    settings = settings_of(**ONE_TASK | {"steps": (4000,)}, search={"targets": ("chance_corrected",)})

    def cell(name: str) -> SimulatedCell:
        return replace(draw_named(name), full=0.53, chance=0.5, sd=0.002, diverging=0.0)

    result, _ = simulate(settings, DivergingInSubspaces(settings, cell))
    (row,) = result.rows
    assert (row.status, row.d90_chance_corrected_status, result.num_failed) == ("trivial", "failed", 1)
    assert row.reason is not None and "all that ended have diverged" in row.reason


def test_a_d90_that_no_search_aimed_at_fails_no_cell(simulate: Measure, tmp_path: Path) -> None:
    settings = settings_of(**ONE_TASK, search={"targets": ("final",)})

    def cell(name: str) -> SimulatedCell:
        full = 0.85 if name.startswith("1000") else 0.55
        return replace(draw_named(name), full=full, chance=0.5, sd=0.002, diverging=0.0)

    result, _ = simulate(settings, SimulatedTrainings(settings, cell=cell))
    row = by_step(result.rows)[1000]
    assert (row.d90_final_target_status, row.status, result.num_failed) == ("trivial", "failed", 0)
    assert row.reason is not None and "no search aimed at it" in row.reason
    assert "no search aimed at it" not in summarize(result.rows, settings)
    assert draw_again(settings, tmp_path / "out", study="simulated").rows == result.rows


def test_a_failed_d90_counts_beside_a_first_target_that_was_found(simulate: Measure) -> None:
    settings = settings_of(**ONE_TASK, search={"targets": ("final", "full_fraction")})

    def cell(name: str) -> SimulatedCell:
        full = 0.85 if name.startswith("1000") else 0.55
        return replace(draw_named(name), full=full, chance=0.5, sd=0.002, diverging=0.0)

    result, _ = simulate(settings, DivergingInSubspaces(settings, cell))
    row = by_step(result.rows)[1000]
    assert (row.d90_final_target_status, row.status, result.num_failed) == ("trivial", "failed", 1)
    assert "all that ended have diverged" in summarize(result.rows, settings)


def test_the_full_score_of_the_last_checkpoint_is_no_target_while_its_search_goes_on(
    simulate: Measure, tmp_path: Path
) -> None:
    simulate(settings_of(**ONE_TASK, search={"max_trainings": 12}))
    rows = by_step(draw_again(settings_of(**ONE_TASK), tmp_path / "out", study="simulated").rows)
    assert all("not ended" in row.notes and row.full_score is not None for row in rows.values())
    assert rows[1000].final_target_score is None
    assert rows[4000].final_target_score == rows[4000].target_score


def test_a_target_that_no_search_aims_at_has_not_failed(simulate: Measure) -> None:
    settings = settings_of(**ONE_TASK)

    def cell(name: str) -> SimulatedCell:
        return replace(draw_named(name), full=0.53, chance=0.5, sd=0.002)

    rows = simulate(settings, SimulatedTrainings(settings, cell=cell))[0].rows
    assert [(row.status, row.d90_chance_corrected_status) for row in rows] == [("trivial", None)] * 2
