"""The main job with real trainings: however it ends and whoever helps, it leaves the same tables."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lit_idim.ledger import Ledger

from .tiny_study import command, environment_of_tests, read_table, run, write_config

pytestmark = pytest.mark.slow
NUM_KILLS = 10
INTERRUPTIONS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("killed"))


def start_again_and_again(signals: list[int | None], config: Path, out: Path) -> list[tuple[int, str]]:
    """Exit code and prints of each start."""
    program = str(Path(__file__).with_name("killing.py"))
    ended = subprocess.run(
        [sys.executable, program, json.dumps(signals), "--config", str(config), "--out", str(out)],
        env=environment_of_tests(),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return [tuple(one) for one in json.loads(ended.stdout.splitlines()[-1])]


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
    pipe = subprocess.PIPE
    words = command("--config", config, "--out", out, "--workers", 2)
    process = subprocess.Popen(words, env=environment_of_tests(), stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout is not None
        while " rate " not in (line := process.stdout.readline()):
            assert line, process.communicate()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and "interrupted; the same command goes on" in errors
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
