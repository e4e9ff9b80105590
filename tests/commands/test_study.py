"""The command of the main job: its options, its one-line errors, what it prints without a network."""

import runpy
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lit_idim.commands.study import run_study
from lit_idim.resources import resource_path

STUDY = runpy.run_path(str(resource_path("studies") / "pretrain_curve.py"))["pretrain_curve"]
DEFAULT = "configs/pretrain_curve/toy.yaml"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], stop_signals: object
) -> Command:
    """Runs the command in an empty folder; exit code, output and errors."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*words: object, study: Any = STUDY) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pretrain_curve.py", *map(str, words)])
        try:
            code = run_study(study, default_config=DEFAULT)
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.mark.parametrize(
    ("name", "expected"), [("probe_across_time", ["124,647,170", "124,647,939"]), ("multiberts", ["109,483,778"])]
)
def test_dry_run_of_the_real_configs(command: Command, name: str, expected: list[str]) -> None:
    code, shown, _ = command("--config", f"configs/pretrain_curve/{name}.yaml", "--dry-run")
    assert code == 0 and "66 cells and 66 heads alone" in shown and "hours" in shown
    assert all(number in shown for number in expected)
    mrpc = [line.split() for line in shown.splitlines() if " mrpc " in line and " said " in line]
    assert [line[1] for line in mrpc] == [str(step) for step in range(0, 200_001, 20_000)]
    assert all(line[4] == expected[0] for line in mrpc)
    assert not list(Path().iterdir())


def test_a_part_of_a_config(command: Command) -> None:
    words = ("--tasks", "[mrpc]", "--steps", "[0, 20000]", "--dry_run")
    code, shown, _ = command("--config", "configs/pretrain_curve/probe_across_time.yaml", *words)
    assert code == 0 and "2 cells and 2 heads alone" in shown


def test_the_default_is_the_toy_series_of_any_folder(command: Command) -> None:
    default = command("--dry-run")
    assert default[0] == 0 and "12 cells and 12 heads alone" in default[1] and "toy-L2-H128" in default[1]
    assert command("--dry-run=true", f"--config={DEFAULT}") == default
    assert command("--dry_run", "true") == default


def test_hyphens_and_underscores_are_the_same(command: Command) -> None:
    faster = command(
        "--dry-run", "--teraflops-per-second", 1, "--search.max-trainings=9", "--steps=[0]", "--head-baseline=false"
    )
    assert faster[0] == 0 and "sustains 1 TFLOP/s" in faster[1] and "18 trainings" in faster[1]
    assert (
        command(
            "--dry_run",
            "--teraflops_per_second=1",
            "--search.max_trainings",
            9,
            "--steps",
            "[0]",
            "--head_baseline",
            "false",
        )
        == faster
    )


def test_help_names_the_options(command: Command) -> None:
    code, shown, _ = command("--help")
    assert code == 0 and all(f"--{name}" in shown for name in ("config", "out", "plot_only", "search.tolerance"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--series", "[toy-L3-H128]"], "series 'toy-L3-H128' is neither registered nor a file or folder"),
        (["--series", "[toy-L2-H128, checkpoints/toy-L2-H128]"], "series: two of them are named toy-L2-H128"),
        (["--steps", "[0, 300]"], "series 'toy-L2-H128' has no step 300; the nearest are"),
        (["--steps", "[]"], "steps: expected one or more different names, got []"),
        (["--steps", "[0, 0]"], "steps: expected one or more different"),
        (["--tasks", "[toy-topics]"], "toy-topics"),
        (["--tasks", "[toy-topic, toy-topic]"], "tasks: expected one or more different names"),
        (["--tasks", "[]"], "tasks: expected one or more different names"),
        (["--methods", "[said, said]"], "methods: expected one or more different names"),
        (["--methods", "[head]"], "methods"),
        (["--projection", "fastfod"], "projection: expected one of fastfood"),
        (["--task_training", "{toy-topi: {epochs: 1}}"], "toy-topi"),
        (["--task_training", "{toy-topic: {epoch: 1}}"], "task_training.toy-topic: epoch is no setting of a training"),
        (["--task_training", "{mrpc: {batch_size: 0}}"], "training.batch_size: expected a whole number of at"),
        (["--training.epochs", "1"], "training: expected either num_updates or epochs"),
        (["--search.d_min", "500", "--search.d_max", "20"], "expected 1 <= d_min < d_max, got d_min=500, d_max=20"),
        (["--search.tolerance", "0"], "search.tolerance: expected a positive number, got 0"),
        (["--workers", "0"], "workers: expected at least 1, got 0"),
        (["--threads", "0"], "threads: expected at least 1, got 0"),
        (["--plot-only"], "there is no such file: give the --out of a study that was run"),
        (["--config", "configs/pretrain_curve/toys.yaml"], "toys.yaml does not exist"),
        (["--serie", "[toy-L2-H128]"], "unrecognized arguments: --serie"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_anything_is_made(command: Command, words: list[str], message: str) -> None:
    code, _, errors = command(*words)
    assert code == 2 and message in errors and "Traceback" not in errors
    assert "error: " in errors
    assert not list(Path().iterdir())


@pytest.mark.parametrize("variable", ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_several_processes_of_a_launcher_are_refused(
    command: Command, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "2")
    code, _, errors = command()
    assert code == 2 and errors.startswith(f"pretrain_curve: error: {variable}=2: ") and errors.count("\n") == 1


def test_tasks_without_published_dev_labels_are_refused(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from lit_idim.tasks import get_split

    monkeypatch.setattr("lit_idim.study.run.get_split", lambda *words: replace(get_split(*words), labelled=False))
    code, _, errors = command()
    assert code == 2 and "tasks: the dev labels of 'toy-topic' are not published" in errors


def test_an_interruption_is_told_in_one_line(command: Command) -> None:
    def interrupted(out: Path = Path("out")) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    config = Path("empty.yaml")
    config.write_text(yaml.safe_dump({"out": "elsewhere"}))
    code, _, errors = command("--config", config, study=interrupted)
    assert (code, errors) == (130, "interrupted: interrupted; the same command goes on where it was\n")
