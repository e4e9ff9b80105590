"""What W&B is told: numbers with their step metric, and nothing in place of a d90 that is none."""

from typing import Any

import pytest

from lit_idim.tracking.history import chart_table, d90_points, is_for_size, training_points, training_run


def test_a_training_in_a_subspace_is_a_score_against_d(make_training: Any) -> None:
    assert training_points(make_training()) == [{"d": 100, "score_against_d/toy-L2-H128/step-1000/toy-sst2/said": 0.75}]


@pytest.mark.parametrize("changes", [{"status": "paused", "score": None}, {"status": "diverged", "score": None}])
def test_a_training_without_a_score_is_none(make_training: Any, changes: dict[str, Any]) -> None:
    assert training_points(make_training(**changes)) == []
    assert training_points(make_training(method="full", d=None, projection=None)) == []


def test_a_row_is_set_against_step_and_the_last_one_against_size(make_row: Any) -> None:
    line = "toy-L2-H128/toy-sst2/said"
    against_step = {
        "pretraining_step": 1000,
        f"d90_vs_pretraining_step/{line}": 300.0,
        f"d90_low_vs_pretraining_step/{line}": 200.0,
        f"d90_high_vs_pretraining_step/{line}": 450.0,
    }
    full = {"pretraining_step": 1000, "full_score_vs_pretraining_step/toy-L2-H128/toy-sst2": 0.92}
    assert d90_points(make_row(), "d90", is_last=False) == [against_step, full]
    points = d90_points(make_row(), "d90", is_last=True)
    assert points[1] == {
        "num_parameters": 480_000,
        "d90_vs_num_parameters/toy-sst2/said": 300.0,
        "d90_low_vs_num_parameters/toy-sst2/said": 200.0,
        "d90_high_vs_num_parameters/toy-sst2/said": 450.0,
    }
    corrected = d90_points(make_row(), "d90_chance_corrected", is_last=False)
    assert corrected[0][f"d90_vs_pretraining_step/{line}"] == 320.0


def test_an_open_end_and_a_censored_d90_are_not_sent(make_row: Any) -> None:
    (point, _) = d90_points(make_row(d90_high=None), "d90", is_last=False)
    assert not [key for key in point if key.startswith("d90_high")]
    (full,) = d90_points(make_row(status="above_range", d90_low=16384.0), "d90", is_last=True)
    assert set(full) == {"pretraining_step", "full_score_vs_pretraining_step/toy-L2-H128/toy-sst2"}


def test_the_chart_holds_lines_in_order_of_their_axis(make_row: Any) -> None:
    rows = [
        make_row(pretraining_step=2000),
        make_row(pretraining_step=1000),
        make_row(pretraining_step=0, status="trivial"),
        make_row(model="other", pretraining_step=None, checkpoint="final", num_parameters=7),
    ]
    assert [is_for_size(row, rows, None) for row in rows] == [True, False, False, True]
    assert [is_for_size(row, rows, 1000) for row in rows] == [False, True, False, True]
    columns, lines = chart_table(rows, "pretraining_step", "d90")
    assert [line[columns.index("pretraining_step")] for line in lines] == [1000, 2000]
    columns, lines = chart_table(rows, "num_parameters", "d90")
    assert [line[columns.index("num_parameters")] for line in lines] == [7, 480_000]


def test_a_training_s_own_run_has_its_curve(make_training: Any) -> None:
    config, points = training_run(make_training(seeds={"head": 3}))
    assert points == [{"update": 50, "score": 0.6}, {"update": 100, "score": 0.75}]
    assert config["d"] == 100 and config["seeds"] == {"head": 3} and "outcomes" not in config
