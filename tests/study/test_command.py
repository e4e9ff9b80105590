"""The command of the main job over simulated trainings: exit codes, and a config that is its own."""

import re
import runpy
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lit_idim.commands.study import run_study
from lit_idim.resources import resource_path
from lit_idim.study import run
from lit_idim.study.config_file import read_config
from lit_idim.study.reporting import report_from_ledger

from .simulated import LABELS, SimulatedTrainings, load_all, settings_of

STUDY = runpy.run_path(str(resource_path("studies") / "pretrain_curve.py"))["pretrain_curve"]
SIZES = runpy.run_path(str(resource_path("studies") / "model_size.py"))["model_size"]
WORDS = (
    "--series=[toy-L2-H128]",
    "--steps=[1000, 4000]",
    "--tasks=[toy-sst2]",
    "--training.num-updates=100",
    "--head-baseline",
)
SEARCH = ("--search.d-max=4000", "--search.tolerance=0.5", "--search.max-trainings=16")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> SimulatedTrainings:
    trainings = SimulatedTrainings(settings_of())
    monkeypatch.setattr("lit_idim.study.driver.Trainings", lambda: trainings)
    monkeypatch.setattr(run, "labels_of", lambda settings: dict.fromkeys(settings.tasks, LABELS))
    monkeypatch.setattr(run, "draw_figures", lambda *arguments: [])
    return trainings


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, trainings: SimulatedTrainings, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    handler, num_threads = signal.getsignal(signal.SIGTERM), torch.get_num_threads()

    def called(*words: object, study: Callable[..., int] = STUDY) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", [f"{study.__name__}.py", *map(str, words)])
        code = run_study(study)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    yield called
    signal.signal(signal.SIGTERM, handler)
    torch.set_num_threads(num_threads)


def without_seconds(shown: str) -> str:
    return re.sub(r"written to .*", "", shown[shown.index("series ") :])


def test_its_own_config_goes_on_in_the_same_folder(
    command: Command, trainings: SimulatedTrainings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown, _ = command(*WORDS, *SEARCH, "--out", "a/b", "--threads", 1)
    assert code == 0 and shown.count(" rate ") == len(trainings.requests) > 20
    written = (tmp_path / "a/b/config.yaml").read_text()
    config = yaml.safe_load(written)
    names = {"series", "steps", "tasks", "methods", "head_baseline", "projection", "data_dir", "study_seed"}
    assert set(config) == names | {
        "training",
        "task_training",
        "search",
        "out",
        "ledger",
        "workers",
        "threads",
        "devices_per_training",
    }
    assert (config["out"], config["ledger"], config["threads"]) == (str(tmp_path / "a/b"), None, 1)
    num_requests = len(trainings.requests)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = command("--config", "../a/b/config.yaml")
    assert again[0] == 0 and without_seconds(again[1]) == without_seconds(shown)
    plotted = command("--config=../a/b/config.yaml", "--plot-only")
    assert plotted[0] == 0 and without_seconds(plotted[1]) == without_seconds(shown)
    assert len(trainings.requests) == num_requests and not list(Path().iterdir())
    assert (tmp_path / "a/b/config.yaml").read_text() == written
    code, _, errors = command("--config", "../a/b/config.yaml", "--training.batch-size=16")
    assert code == 2 and "training.batch_size: the ledger has 32, came 16" in errors


@pytest.mark.parametrize("step", [1000, 4000])
def test_a_ledger_alone_in_a_folder_is_drawn_with_all_that_belongs_to_it(
    command: Command, tmp_path: Path, step: int
) -> None:
    words = (*WORDS, *SEARCH, "--head-baseline=false", f"--pretraining-step={step}")
    code, shown, _ = command(*words, "--out", tmp_path / "first", study=SIZES)
    assert code == 0
    (tmp_path / "second").mkdir()
    shutil.copy(tmp_path / "first" / "ledger.sqlite", tmp_path / "second")
    code, drawn, errors = command(*words, "--out", tmp_path / "second", "--plot-only", study=SIZES)
    assert (code, errors) == (0, "") and drawn.partition("written to")[0] in shown
    assert (tmp_path / "second" / "d90.csv").read_text() == (tmp_path / "first" / "d90.csv").read_text()
    assert read_config(tmp_path / "second") == read_config(tmp_path / "first")
    assert read_config(tmp_path / "second").pretraining_step == step
    report = report_from_ledger(tmp_path / "second").read_text()
    assert f"pretraining_step: {step}" in report


def test_a_ledger_elsewhere_is_named_in_the_config(command: Command, tmp_path: Path) -> None:
    code, _, _ = command(*WORDS, *SEARCH, "--out", tmp_path / "out", "--ledger", f"sqlite:///{tmp_path}/shared.db")
    assert code == 0 and not (tmp_path / "out" / "ledger.sqlite").exists()
    assert yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())["ledger"] == str(tmp_path / "shared.db")


def test_failed_cells_make_the_exit_code_1(command: Command, trainings: SimulatedTrainings, tmp_path: Path) -> None:
    trainings.broken = (load_all(("toy-L2-H128",))[0].fetch(1000).model,)
    code, shown, errors = command(*WORDS, *SEARCH, "--out", tmp_path)
    assert (code, errors) == (1, "")
    assert "FAILED: RuntimeError: PytorchStreamReader failed" in shown and "[4/4]" in shown


def test_a_head_that_fails_makes_the_exit_code_1(
    command: Command, trainings: SimulatedTrainings, tmp_path: Path
) -> None:
    def break_heads(number: int) -> None:
        if trainings.requests[number - 1].method == "head":
            raise MemoryError("no room")

    trainings.before = break_heads
    code, shown, errors = command(*WORDS, *SEARCH, "--out", tmp_path)
    assert (code, errors) == (1, "") and "toy-sst2 head: FAILED: MemoryError: no room" in shown
    assert shown.count("WARNING: the head alone failed: MemoryError: no room") == 2  # a line a row


def test_a_ledger_that_cannot_be_written_ends_all(
    command: Command, trainings: SimulatedTrainings, tmp_path: Path
) -> None:
    def remove(number: int) -> Any:
        if number == 3:
            (tmp_path / "ledger.sqlite").unlink()

    trainings.before = remove
    code, _, errors = command(*WORDS, *SEARCH, "--out", tmp_path)
    assert code == 2 and errors.startswith("pretrain_curve: error: ledger ") and "was deleted" in errors
    assert errors.count("\n") == 1 and len(trainings.requests) == 3


def test_a_range_without_room_beside_the_lambdas_is_refused(command: Command, tmp_path: Path) -> None:
    words = (*WORDS, "--search.d-min=2", "--out", tmp_path)
    code, shown, _ = command(*words, "--search.d-max=5")
    assert code != 0 and "search.d_max: said on toy-L2-H128 pays for 4 lambdas out of d" in shown
    assert "expected at least 6; got 5" in shown
    assert "lambdas" not in command(*words[:-1], tmp_path / "other", "--search.d-max=6")[1]
