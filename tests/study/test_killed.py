"""The main job with real trainings: however it ends and whoever helps, it leaves the same tables."""

import json
import random
import signal
import time
from pathlib import Path

import pytest

from lit_idim.ledger import Ledger
from tests.forked import ForkedScript

from .tiny_study import STUDY, environment_of_tests, read_table, run, write_config

pytestmark = pytest.mark.slow
NUM_KILLS = 10
INTERRUPTIONS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("killed"))


def start_again_and_again(signals: list[signal.Signals | None], config: Path, out: Path) -> list[tuple[int, str]]:
    """Starts the main job so many times and sends each the signal after a random wait, None letting it end.

    Returns:
        Exit code (negative: killed by that signal) and prints of each start.
    """
    drawn, told = random.Random(5), []
    for number in signals:
        study = ForkedScript(STUDY, "--config", config, "--out", out, environment=environment_of_tests())
        if number is not None:
            study.wait_for_lines(drawn.randrange(4))
            time.sleep(drawn.uniform(0, 0.5))
            study.send_signal(number)
        ended = study.wait()
        told.append((ended.returncode, ended.stdout + ended.stderr))
    return told


@pytest.fixture(scope="module")
def undisturbed(config: Path) -> Path:
    """The outputs of a study that was let run."""
    out = config.parent / "undisturbed"
    assert [code for code, _ in start_again_and_again([None], config, out)] == [0]
    return out


def assert_same_tables(out: Path, other: Path) -> None:
    for name in ("d90.csv", "trials.csv"):
        assert read_table(out / name) == read_table(other / name)
    assert {path.name for path in out.iterdir()} >= {"ledger.sqlite", "config.yaml", "manifest.json", "figures"}


def test_it_measures_something(undisturbed: Path) -> None:
    rows = read_table(undisturbed / "d90.csv")
    assert [row["pretraining_step"] for row in rows] == ["0", "100"]
    assert {row["status"] for row in rows} == {"reached"} and all(int(row["num_trainings"]) > 10 for row in rows)
    assert {row["status"] for row in read_table(undisturbed / "trials.csv")} == {"finished", "paused"}


def test_all_outputs_are_there(undisturbed: Path) -> None:
    files = {str(path.relative_to(undisturbed)) for path in undisturbed.rglob("*") if path.is_file()}
    tables = {"ledger.sqlite", "trials.csv", "d90.csv", "config.yaml", "manifest.json"}
    figures = {f"figures/d90_vs_pretraining_step.{kind}" for kind in ("png", "svg")}
    assert tables | figures <= files and not [name for name in files if name.endswith((".part", ".writable"))]
    assert (undisturbed / "figures/d90_vs_pretraining_step.png").read_bytes().startswith(b"\x89PNG")
    manifest = json.loads((undisturbed / "manifest.json").read_text())
    trials = read_table(undisturbed / "trials.csv")
    assert set(manifest["seeds"]) == {trial["key"] for trial in trials} and manifest["machine"]["threads"] == 1
    assert set(manifest["weights"]) == {"tiny/step-0", "tiny/step-100"} and set(manifest["data"]["dev"]) == {"sst2"}
    assert all(len(checksums) == 1 for checksums in manifest["weights"].values()) and len(manifest["projections"]) > 5
    assert {"python", "torch", "lightning", "transformers"} <= set(manifest["versions"])


def test_signals_at_random_moments_leave_no_trace(config: Path, undisturbed: Path) -> None:
    out = config.parent / "killed"
    ended = start_again_and_again([*INTERRUPTIONS, *[signal.SIGKILL] * NUM_KILLS, None], config, out)
    for code, shown in ended[: len(INTERRUPTIONS)]:
        assert code == 130 and "interrupted; the same command goes on where it was" in shown
    codes = [code for code, _ in ended[len(INTERRUPTIONS) :]]
    assert set(codes[:-1]) <= {-signal.SIGKILL, 0} and codes.count(-signal.SIGKILL) >= NUM_KILLS // 2 and codes[-1] == 0
    assert "Traceback" not in "".join(shown for _, shown in ended)
    assert_same_tables(out, undisturbed)
    keys = [row["key"] for row in read_table(out / "trials.csv")]
    assert len(set(keys)) == len(keys)


def test_two_workers_end_in_an_orderly_way(config: Path) -> None:
    out = config.parent / "stopped"
    words = ("--config", config, "--out", out, "--workers", 2)
    study = ForkedScript(STUDY, *words, environment=environment_of_tests())
    try:
        study.wait_for(" rate ")
        study.send_signal(signal.SIGTERM)
        ended = study.wait(timeout=60)
    finally:
        study.kill()
    errors = ended.stderr
    assert ended.returncode == 130 and "interrupted; the same command goes on" in errors
    assert "Traceback" not in errors, errors
    assert (out / "d90.csv").exists()


def test_two_workers_give_the_table_of_one(config: Path, undisturbed: Path) -> None:
    out = config.parent / "workers"
    ended = run("--config", config, "--out", out, "--workers", 2, cwd=config.parent)
    assert ended.returncode == 0, ended.stderr
    assert_same_tables(out, undisturbed)
    with Ledger.read(out / "ledger.sqlite") as ledger:
        num_trainings = len(ledger.records())
    shown = [line for line in ended.stdout.splitlines() if " rate " in line]
    assert 0 < len(shown) < num_trainings + 10  # the other worker prints nothing
