"""A study on W&B: with its real client, kept offline and read back, and against a server that does well or fails."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lit_idim.errors import UserError
from lit_idim.tracking import tracker as tracker_module
from lit_idim.tracking.tracker import Tracker

from .wandb_server import FakeServer, Mood, wait_until

Make = Callable[..., tuple[Tracker, list[str]]]
ServerIn = Callable[[Mood], FakeServer]
LINE = "toy-L2-H128/toy-sst2/said"
IDENTITY = "0123456789abcdef"


def read_run(folder: Path) -> list[dict[str, Any]]:
    """What the client has kept of a run, as its own inspector prints it."""
    inspect = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    printed = subprocess.run(inspect, capture_output=True, text=True, timeout=60, check=True).stdout
    return [json.loads(line) for line in printed.splitlines()]


def of_kind(records: list[dict[str, Any]], kind: str) -> list[Any]:
    return [record[kind] for record in records if record["type"] == kind]


def history_of(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry.get("item", entry) for entry in of_kind(records, "history")]


def test_disabled_and_auto_without_a_key_start_no_process(tracker_of: Make, rows: Any, tmp_path: Path) -> None:
    for mode, words in (("disabled", []), ("auto", ["W&B: not used, since no API key is configured"])):
        tracker, said = tracker_of(mode)
        with tracker:
            tracker.start(IDENTITY)
            tracker.rows_changed(rows, ended=lambda row: True)
            tracker.send_artifact([tmp_path / "out" / "d90.csv"])
        assert not (tmp_path / "out" / "wandb").exists()
        assert [line.split(" (")[0] for line in said] == words


def test_auto_follows_the_mode_of_the_shell(tracker_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    tracker, said = tracker_of("auto")
    with tracker:
        tracker.start(IDENTITY)
    assert said == []


def test_what_is_asked_for_and_cannot_be_had_is_an_error(
    tracker_of: Make, server_in: ServerIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="wandb: no API key is configured"):
        tracker_of("online")[0].start(IDENTITY)
    server_in("refuses")
    with pytest.raises(UserError, match="wandb: .* refuses the API key .*; pass --wandb offline"):
        tracker_of("online")[0].start(IDENTITY)
    monkeypatch.setattr(tracker_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="package wandb is not installed; pass --wandb disabled"):
        tracker_of("offline")[0].start(IDENTITY)


def test_a_folder_that_cannot_be_written_stops_nobody_who_did_not_ask(
    tracker_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "wandb").write_text("a file where a folder should be")
    tracker, said = tracker_of("auto")
    with tracker:
        tracker.start(IDENTITY)
    assert len(said) == 1 and "not used, since" in said[0]
    with pytest.raises(UserError, match="wandb: .*mend that, or pass --wandb disabled"):
        tracker_of("offline")[0].start(IDENTITY)


def test_a_study_is_kept_offline(tracker_of: Make, rows: Any, make_training: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "figures").mkdir()
    (out / "figures" / "d90.png").write_bytes(PNG)
    tracker, said = tracker_of("offline", project="a-project")
    with tracker:
        tracker.start(IDENTITY)
        for number in (0, 1, 2, 2):  # one is found once more
            tracker.training_ended(make_training(key=str(number), d=100 * (number + 1)))
        tracker.rows_changed(rows[:1], ended=lambda row: True)
        tracker.rows_changed(rows, ended=lambda row: True)
        tracker.rows_changed(rows, ended=lambda row: True)  # nothing new: no point is drawn twice
        tracker.send_figures([out / "figures" / "d90.png", out / "figures" / "d90.svg"])
        tracker.send_artifact([out / "d90.csv", out / "figures", out / "missing"])
    folder = Path(said[0].removeprefix("W&B: ").removesuffix(f" (group {tracker.group})"))
    assert len(said) == 1 and folder.parent == out.resolve() / "wandb"
    assert tracker.group == "pretrain_curve-01234567"
    records = read_run(folder)
    (run,) = of_kind(records, "run")
    assert (run["project"], run["run_group"], run["job_type"]) == ("a-project", tracker.group, "study")
    config = run["config"]["update"]
    assert config["study"] == "pretrain_curve" and config["tasks"] == ["toy-sst2"]
    metrics = {
        metric.get("glob_name") or metric["name"]: metric.get("step_metric") for metric in of_kind(records, "metric")
    }
    assert metrics["d90_vs_pretraining_step/*"] == "pretraining_step"
    assert metrics["d90_high_vs_num_parameters/*"] == "num_parameters"
    assert metrics["score_against_d/*"] == "d"
    history = history_of(records)
    drawn = [
        (row["pretraining_step"], row[key]) for row in history if (key := f"d90_vs_pretraining_step/{LINE}") in row
    ]
    assert drawn == [(1000, 300.0), (2000, 150.0)]
    assert [row["d"] for row in history if "d" in row] == [100, 200, 300]
    assert [row["study/training_seconds"] for row in history if "study/training_seconds" in row] == [2.0, 4.0, 6.0]
    assert [row["study/num_cells_done"] for row in history if "study/num_cells_done" in row] == [1, 2, 2]
    assert history[-1]["figures/d90._type"] == "image-file"
    assert [row["tables/d90.nrows"] for row in history if "tables/d90.nrows" in row][-1] == 2
    (final,) = [artifact for artifact in of_kind(records, "artifact") if artifact.get("name") == tracker.group]
    assert {entry["path"] for entry in final["manifest"]["contents"]} == {"d90.csv", "figures/d90.png"}
    listed = subprocess.run(
        [sys.executable, "-m", "wandb", "sync", "--dry-run", str(folder)], capture_output=True, text=True, timeout=60
    )
    assert listed.returncode == 0 and folder.name in listed.stdout + listed.stderr


def test_auto_goes_online(tracker_of: Make, server_in: ServerIn, rows: Any, make_training: Any) -> None:
    server = server_in("well")
    tracker, said = tracker_of("auto", trainings=True, entity="tester")
    with tracker:
        tracker.start(IDENTITY)
        tracker.training_ended(make_training())
        tracker.rows_changed(rows, ended=lambda row: True)
    assert len(said) == 1 and said[0].startswith(f"W&B: {server.url}/tester/lit_idim/runs/")
    drawn = [row for row in server.history() if f"d90_vs_pretraining_step/{LINE}" in row]
    assert [row["pretraining_step"] for row in drawn] == [1000, 2000]
    started = [one for one in server.variables("UpsertBucket") if one.get("groupName")]
    assert [(one["groupName"], one["jobType"]) for one in started] == [
        (tracker.group, "study"),
        (tracker.group, "training"),
    ]
    assert [row["score"] for row in server.history() if "update" in row] == [0.6, 0.75]


@pytest.mark.parametrize(
    ("mood", "words"),
    [("refuses", "refuses the API key"), ("broken", "answers HTTP 500"), ("slow", "does not answer within 5 s")],
)
def test_auto_with_a_server_that_does_not_do_goes_without(
    tracker_of: Make, server_in: ServerIn, rows: Any, mood: Mood, words: str
) -> None:
    server = server_in(mood)
    tracker, said = tracker_of("auto")
    with tracker:
        tracker.start(IDENTITY)
        tracker.rows_changed(rows, ended=lambda row: True)
        assert wait_until(lambda: bool(said))
    assert len(said) == 1 and said[0].startswith(f"W&B: not used, since {server.url}") and words in said[0]


def test_a_network_that_is_lost_is_told_once_and_the_rest_is_kept(
    tracker_of: Make, server_in: ServerIn, rows: Any, make_training: Any
) -> None:
    server = server_in("well")
    tracker, said = tracker_of("auto")
    with tracker:
        tracker.start(IDENTITY)
        assert wait_until(lambda: bool(said))
        server.stop()
        for number in range(20):
            tracker.training_ended(make_training(key=str(number), d=number + 1))
        for _ in range(3):
            tracker.rows_changed(rows, ended=lambda row: True)
    assert len(said) == 2 and "the server stopped answering; the study goes on" in said[1]
    folder = Path(said[1].split("kept in ")[1].split(" (")[0])
    history = history_of(read_run(folder))
    assert [row["d"] for row in history if "d" in row] == list(range(1, 21))
    assert [row["pretraining_step"] for row in history if f"d90_vs_pretraining_step/{LINE}" in row] == [1000, 2000]


def runs_in(folder: Path) -> list[Path]:
    return [run for run in (folder / "wandb").glob("run-*") if list(run.glob("*.wandb"))]


def test_runs_of_trainings_do_not_hold_up_the_study_s_numbers(
    tracker_of: Make, server_in: ServerIn, make_training: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the server, which hangs here; the numbers of all of them are kept before."""
    monkeypatch.setattr(tracker_module, "FINISH_SECONDS", 16.0)
    server = server_in("well")
    tracker, said = tracker_of("auto", trainings=True)
    with tracker:
        tracker.start(IDENTITY)
        assert wait_until(lambda: bool(said))
        assert wait_until(lambda: bool(runs_in(tracker._folder)))
        (folder,) = runs_in(tracker._folder)  # the study's own: those of the trainings come beside it
        server.mood = "slow"
        for number in range(12):
            tracker.training_ended(make_training(key=str(number), d=number + 1))

    def kept() -> list[int]:
        return [row["d"] for row in history_of(read_run(folder)) if "d" in row]

    assert wait_until(lambda: kept() == list(range(1, 13))), kept()  # the client writes the last of it when it ends


def test_a_module_in_the_folder_of_the_user_is_not_run(
    tracker_of: Make, server_in: ServerIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_in("well")
    (tmp_path / "requests.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    tracker, said = tracker_of("auto")
    with tracker:
        tracker.start(IDENTITY)
    assert "/runs/" in said[0]


def test_nobody_listens_any_more(tracker_of: Make, tmp_path: Path, rows: Any) -> None:
    tracker, _ = tracker_of("offline")

    def say(text: str) -> None:
        raise BrokenPipeError

    tracker._say = say
    with tracker:
        tracker.start(IDENTITY)
        tracker.rows_changed(rows, ended=lambda row: True, are_final=True)
    (folder,) = (tmp_path / "out" / "wandb").glob("offline-run-*")
    assert of_kind(read_run(folder), "exit")[0]["exit_code"] == 0


def test_the_table_is_not_sent_more_often_than_need_be(tracker_of: Make, rows: Any, tmp_path: Path) -> None:
    tracker, _ = tracker_of("offline")
    with tracker:
        tracker.start(IDENTITY)
        for number in (1, 2, 2, 2):
            tracker.rows_changed(rows[:number], ended=lambda row: True)
        tracker.rows_changed(rows, ended=lambda row: True, are_final=True)
    (folder,) = (tmp_path / "out" / "wandb").glob("offline-run-*")
    sizes = [row["tables/d90.nrows"] for row in history_of(read_run(folder)) if "tables/d90.nrows" in row]
    assert len(sizes) == 2 and sizes[-1] == 2


def test_a_server_that_hangs_midway_does_not_hold_the_study(
    tracker_of: Make, server_in: ServerIn, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker_module, "FINISH_SECONDS", 12.0)
    server = server_in("well")
    tracker, said = tracker_of("auto")
    with tracker:
        tracker.start(IDENTITY)
        assert wait_until(lambda: bool(said))
        server.mood = "slow"
        tracker.rows_changed(rows, ended=lambda row: True)
    assert len(said) == 2 and ("stopped answering" in said[1] or "not taken everything" in said[1])


def test_the_process_ends_with_a_study_that_is_killed(tmp_path: Path) -> None:
    """What it reads ends without a word of farewell; the run is then closed as broken off."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lit_idim.tracking.sender"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "WANDB_SILENT": "true"},
    )
    start = {
        "kind": "start",
        "mode": "offline",
        "project": "p",
        "entity": None,
        "group": "g",
        "name": "n",
        "program": "p",
    }
    lines = [start | {"folder": str(tmp_path), "config": {}}, {"kind": "log", "data": {"d": 1}}]
    answers, _ = process.communicate("".join(json.dumps(line) + "\n" for line in lines), timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["kind"] for line in answers.splitlines()] == ["mode", "finished"]
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    (end,) = of_kind(read_run(folder), "exit")
    assert end["exit_code"] == 255


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
