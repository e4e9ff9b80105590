import csv
import json
from dataclasses import fields, replace

import numpy as np
import pytest

from lit_idim.errors import UserError
from lit_idim.ledger.record import TrainingRecord
from lit_idim.study.d90_row import D90_COLUMNS, D90Row
from lit_idim.study.tables import read_d90, write_d90, write_trials

SPECIFIED = """
model checkpoint pretraining_step num_parameters task method projection metric full_score full_score_std
full_learning_rate chance_score target_score d90 d90_low d90_high interval_level status reason
d90_first_crossing d90_chance_corrected d90_chance_corrected_low d90_chance_corrected_high
d90_chance_corrected_status d90_final_target d90_final_target_low d90_final_target_high
d90_final_target_status d_min d_max protocol tolerance_met learning_rate_best learning_rates_tried
learning_rate_at_edge num_seeds num_updates batch_size num_train_examples num_dev_examples num_trainings
num_examples seconds
""".split()  # noqa: SIM905 - reads like the specification


def training(**changes):
    values = {
        "key": "a1",
        "model": "toy",
        "checkpoint": "step-10",
        "pretraining_step": 10,
        "num_parameters": 1000,
        "task": "toy-sst2",
        "method": "said",
        "projection": "fastfood",
        "d": 16,
        "learning_rate": 0.1,
        "rate": 0,
        "replicate": 0,
        "status": "finished",
        "metric": "accuracy",
        "score": 0.1 + 0.2,
        "chance_score": 0.5,
        "evaluations": ((5, 0.5), (10, 0.1 + 0.2)),
        "num_updates": 10,
        "num_updates_done": 10,
        "num_examples": 320,
        "batch_size": 32,
        "num_train_examples": 4000,
        "num_dev_examples": 1000,
        "seconds": 1.5,
        "seeds": {"order": 2, "head": 1},
        "versions": {"torch": "2.9"},
        "checksums": {"P": "00ff"},
        "outcomes": b"\0\1",
        "started_at": "2026-11-21T13:00:00Z",
    }
    return TrainingRecord(**(values | changes))


def test_the_columns_are_those_specified_and_in_their_order():
    assert list(D90_COLUMNS[: len(SPECIFIED)]) == SPECIFIED


def test_every_column_is_described():
    for entry in fields(D90Row):
        assert f"\n        {entry.name}: " in D90Row.__doc__ or f"\n    {entry.name}: " in D90Row.__doc__


def test_rows_come_back_as_they_were(tmp_path, make_row):
    rows = [
        make_row(d90=1 / 3, notes='with "quotes", commas\nand a line break', learning_rates_tried=()),
        make_row(status="above_range", d90_low=16384.0, tolerance_met=None, pretraining_step=None),
        make_row(d90_first_crossing=64, tolerance_met=False, full_score=float("inf"), d90_final_target_status="failed"),
    ]
    write_d90(tmp_path / "deep" / "d90.csv", rows)
    assert read_d90(tmp_path / "deep" / "d90.csv") == rows
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["d90.csv"]


def test_a_reason_may_hold_the_end_of_a_line_of_a_progress_bar(tmp_path, make_row):
    write_d90(tmp_path / "d90.csv", [make_row(reason="50%\r100%\r\nno room"), make_row()])
    assert [row.reason for row in read_d90(tmp_path / "d90.csv")] == ["50%\n100%\nno room", make_row().reason]


@pytest.mark.parametrize("damaged", ["cut", "longer", "bytes"])
def test_a_damaged_table_is_told(tmp_path, make_row, damaged):
    path = tmp_path / "d90.csv"
    write_d90(path, [make_row()])
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-200], "longer": whole[:-1] + b",x\n", "bytes": whole + b"\xff\n"}[damaged])
    with pytest.raises(UserError, match="make the table again from its ledger"):
        read_d90(path)


def test_numpy_numbers_are_written_as_numbers(tmp_path, make_row):
    row = make_row(d90=np.float64(0.1), num_seeds=np.int64(3), tolerance_met=np.True_)
    write_d90(tmp_path / "d90.csv", [row])
    assert read_d90(tmp_path / "d90.csv") == [make_row(d90=0.1)]


def test_no_rows_leave_a_header(tmp_path):
    write_d90(tmp_path / "d90.csv", [])
    assert read_d90(tmp_path / "d90.csv") == []
    assert (tmp_path / "d90.csv").read_text().startswith("model,checkpoint,")


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [("reached", "nearly", "status"), ("300.0", "many", "d90"), ("True", "yes", "tolerance")],
)
def test_what_a_column_cannot_hold_is_named(tmp_path, make_row, before, after, named):
    path = tmp_path / "d90.csv"
    write_d90(path, [make_row()])
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(UserError, match=named):
        read_d90(path)


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "d90.csv").write_text("model\nx\n")
    with pytest.raises(UserError, match="lacks the columns checkpoint"):
        read_d90(tmp_path / "d90.csv")


def test_a_failed_write_leaves_the_table_as_it_was(tmp_path, make_row):
    write_d90(tmp_path / "d90.csv", [make_row()])

    def rows():
        yield make_row(task="other")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_d90(tmp_path / "d90.csv", rows())
    assert read_d90(tmp_path / "d90.csv") == [make_row()]
    assert len(list(tmp_path.iterdir())) == 1


def test_trials_keep_every_number_and_no_blob(tmp_path):
    write_trials(tmp_path / "trials.csv", [training()])
    with (tmp_path / "trials.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["score"]) == 0.1 + 0.2
    assert json.loads(row["evaluations"]) == [[5, 0.5], [10, 0.1 + 0.2]]
    assert (row["seeds.head"], row["seeds.order"], row["versions.torch"], row["checksums.P"]) == (
        "1",
        "2",
        "2.9",
        "00ff",
    )
    assert row["reason"] == ""
    written = {name.split(".")[0] for name in row}
    assert {entry.name for entry in fields(TrainingRecord)} - written == {"outcomes", "state", "started_at"}


def test_trials_do_not_tell_the_order_or_the_time_of_day(tmp_path):
    records = [
        training(key=f"{d}{replicate}", d=d, replicate=replicate, seeds={"head": d} if d else {"order": 1})
        for d in (None, 16, 4096)
        for replicate in (0, 1)
    ]
    write_trials(tmp_path / "a.csv", records)
    write_trials(tmp_path / "b.csv", [replace(one, started_at="later") for one in reversed(records)])
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
