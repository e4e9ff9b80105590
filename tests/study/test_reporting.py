"""What a study leaves to look at: its report, also of a ledger that is half full, and its run on W&B."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lit_idim.commands.main import main
from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study import run
from lit_idim.study.reporting import report_from_ledger
from lit_idim.study.row_details import has_ended
from lit_idim.study.run_options import Findings, RunOptions, run_as_asked
from lit_idim.study.tables import read_d90, write_d90

from .simulated import LABELS, SimulatedTrainings, settings_of

SETTINGS = settings_of(tasks=("toy-sst2",), head_baseline=True)


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs the study into `tmp_path / "out"` as its command does, stopped before a training of that number."""

    def study(stop_before: int | None = None, settings: Any = SETTINGS, **options: Any) -> Path:
        def before(number: int) -> None:
            if number == stop_before:
                raise KeyboardInterrupt

        trainings = SimulatedTrainings(settings, before=before)
        monkeypatch.setattr("lit_idim.study.driver.Trainings", lambda: trainings)
        monkeypatch.setattr(run, "labels_of", lambda settings: dict.fromkeys(settings.tasks, LABELS))
        monkeypatch.setattr(run, "draw_figures", lambda *arguments: [])
        asked = RunOptions(out=tmp_path / "out", **options)
        try:
            run_as_asked("pretrain_curve", settings, asked, lambda result: Findings(text=f"{len(result.rows)} rows"))
        except KeyboardInterrupt:
            assert stop_before is not None
        return asked.out

    return study


def test_a_study_ends_with_its_report(study: Any, capsys: pytest.CaptureFixture[str]) -> None:
    out = study()
    assert "3 rows\n" in capsys.readouterr().out
    text = (out / "report.html").read_text()
    assert "Not complete" not in text and "lightning run studies/pretrain_curve.py" in text
    assert json.loads((out / "manifest.json").read_text())["study"] == "pretrain_curve"
    (out / "report.html").unlink()
    assert main(["report", str(out)]) == 0
    again = (out / "report.html").read_text()
    for row in read_d90(out / "d90.csv"):
        assert row.d90 is not None and f"{row.d90:,.0f}" in again


@pytest.mark.parametrize("stop_before", [1, 25])
def test_a_report_while_the_study_runs_says_so(study: Any, stop_before: int, tmp_path: Path) -> None:
    out = study(stop_before=stop_before)
    path = report_from_ledger(out, path=tmp_path / "elsewhere.html")
    text = path.read_text()
    assert path == tmp_path / "elsewhere.html" and not (out / "report.html").exists()
    assert "Not complete" in text and "of 3 cells" in text
    assert "could not be measured" not in text  # open is not failed
    assert "lightning run studies/pretrain_curve.py" in text


def test_why_a_cell_failed_is_in_later_reports_too(study: Any) -> None:
    out = study(stop_before=25)
    rows = read_d90(out / "d90.csv")
    (place,) = [place for place, row in enumerate(rows) if not has_ended(row)]
    failed = {"status": "failed", "d90_chance_corrected_status": "failed", "d90_final_target_status": "failed"}
    rows[place] = replace(rows[place], **failed, target_score=None, notes="", reason="OutOfMemoryError: made up")
    write_d90(out / "d90.csv", rows)
    assert "OutOfMemoryError: made up" in report_from_ledger(out).read_text()


def test_damaged_files_beside_the_ledger(study: Any) -> None:
    out = study()
    (out / "d90.csv").write_text("nonsense\n")
    assert "lightning run" in report_from_ledger(out).read_text()
    (out / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json is damaged .*start the study again"):
        report_from_ledger(out)


def test_a_study_on_wandb_and_its_resumption(study: Any) -> None:
    out = study(stop_before=30, wandb="offline")
    study(wandb="offline", wandb_project="elsewhere")
    runs = sorted((out / "wandb").glob("offline-run-*"))
    first, second = (read_run(folder) for folder in runs)
    with Ledger.read(out / "ledger.sqlite") as ledger:
        trainings, group = ledger.records(), f"pretrain_curve-{ledger.identity[:8]}"
    assert [of_kind(one, "run")[0]["run_group"] for one in (first, second)] == [group, group]
    assert [of_kind(one, "run")[0]["project"] for one in (first, second)] == ["lit_idim", "elsewhere"]
    assert [of_kind(one, "exit")[0]["exit_code"] for one in (first, second)] == [1, 0]
    history = [entry["item"] for entry in of_kind(second, "history")]
    scores = sorted(value for row in history for key, value in row.items() if key.startswith("score_against_d/"))
    in_subspaces = [one for one in trainings if one.status == "finished" and one.method in ("did", "said")]
    assert scores == sorted(one.score for one in in_subspaces)
    ended = sum(one.status in ("finished", "diverged") for one in trainings)
    assert [row["study/num_trainings"] for row in history if "study/num_trainings" in row][-1] == ended
    drawn = {
        (row["pretraining_step"], value)
        for row in history
        for key, value in row.items()
        if key.startswith("d90_vs_pretraining_step/")
    }
    assert drawn == {(row.pretraining_step, row.d90) for row in read_d90(out / "d90.csv") if row.d90 is not None}
    (artifact,) = [one for one in of_kind(second, "artifact") if one.get("name") == group]
    names = {entry["path"] for entry in artifact["manifest"]["contents"]}
    assert {"ledger.sqlite", "d90.csv", "trials.csv", "report.html", "config.yaml", "manifest.json"} <= names


def test_the_copy_of_a_ledger_holds_what_others_have_just_written(study: Any, tmp_path: Path) -> None:
    out = study()
    with Ledger.read(out / "ledger.sqlite") as ledger:
        ledger.save_copy(tmp_path / "copy.sqlite")
        with Ledger.read(tmp_path / "copy.sqlite") as copy:
            assert copy.records() == ledger.records() and copy.identity == ledger.identity != ""


def read_run(folder: Path) -> list[dict[str, Any]]:
    inspect = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    printed = subprocess.run(inspect, capture_output=True, text=True, timeout=60, check=True).stdout
    return [json.loads(line) for line in printed.splitlines()]


def of_kind(records: list[dict[str, Any]], kind: str) -> list[Any]:
    return [record[kind] for record in records if record["type"] == kind]
