"""`lit-idim status` over simulated studies: done, interrupted, running, damaged."""

from pathlib import Path
from typing import Any

import pytest

from lit_idim.commands.main import main
from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study import run
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.config_file import StudyConfig, read_config
from lit_idim.study.run import measure
from lit_idim.study.status import describe_study

from .simulated import LABELS, SimulatedTrainings, settings_of

SETTINGS = settings_of(tasks=("toy-sst2",), head_baseline=True)


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs the study into `tmp_path / "out"`, stopped before a training of that number."""

    def simulate(stop_before: int | None = None) -> Path:
        def before(number: int) -> None:
            if number == stop_before:
                raise KeyboardInterrupt

        trainings = SimulatedTrainings(SETTINGS, before=before)
        monkeypatch.setattr("lit_idim.study.driver.Trainings", lambda: trainings)
        monkeypatch.setattr(run, "labels_of", lambda settings: dict.fromkeys(settings.tasks, LABELS))
        monkeypatch.setattr(run, "draw_figures", lambda *arguments: [])
        try:
            measure(SETTINGS, tmp_path / "out", study="simulated")
        except KeyboardInterrupt:
            assert stop_before is not None
        return tmp_path / "out"

    return simulate


def test_a_study_that_is_done(simulate: Any, capsys: pytest.CaptureFixture[str]) -> None:
    out = simulate()
    capsys.readouterr()
    assert main(["status", str(out)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1] == "6 of 6 cells done; 0 trainings running"
    cells = shown[1:-1]
    assert len(cells) == 6 and all(" done " in line for line in cells)
    assert sum("head alone 0." in line for line in cells) == 3
    assert sum(" d90 " in line for line in cells) == 3


def test_a_study_that_was_interrupted_says_what_is_left(simulate: Any) -> None:
    out = simulate(stop_before=25)
    text = describe_study(out)
    states = [line.split("  ")[1].strip() for line in text.splitlines()[1:-1]]
    assert "open" in states and states[-1] == "not begun"
    last = text.splitlines()[-1]
    assert "6 cells done; 0 trainings running; about " in last and "trainings left" in last
    simulate()
    assert describe_study(out).endswith("6 of 6 cells done; 0 trainings running")


def test_a_search_that_goes_on_has_not_failed(simulate: Any) -> None:
    text = describe_study(simulate(stop_before=6))  # trainings in full only
    (line,) = [line for line in text.splitlines() if " open " in line]
    assert line.endswith("no d90 yet") and "failed" not in text


def test_a_claimed_training_is_running(simulate: Any) -> None:
    out = simulate()
    with Ledger.open(out / "ledger.sqlite", settings=settings_to_agree(SETTINGS)) as ledger:
        assert ledger.claim("a training")
        assert describe_study(out).endswith("1 training running")
    assert describe_study(out).endswith("0 trainings running")


def test_the_settings_are_those_that_were_written(simulate: Any) -> None:
    assert read_config(simulate(stop_before=1)) == StudyConfig(settings=SETTINGS, ledger=None, pretraining_step=None)


@pytest.mark.parametrize("text", ["series: [", "- a\n", "tasks: 3\n", "tasks: [mrpc]\nmethods: [dod]\n"])
def test_a_damaged_config_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml is damaged"):
        describe_study(tmp_path)


def test_a_folder_without_a_study_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path)]) == 2
    assert "holds no config.yaml; give the --out of a study that was started" in capsys.readouterr().err
    assert main(["status"]) == 2 and "OUT" in capsys.readouterr().err
