"""A study whose trainings run on two devices: the same table, one writer, and an end of all where one breaks."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.forked import ForkedScript, run_forked, run_forked_ranks

from .tiny_study import STUDY, environment_of_tests, read_table, run, write_config

LAUNCHERS = {
    "lightning run": ["-m", "lit_idim.commands.launch", "run", "--accelerator=cpu", "--devices=2", "--strategy=ddp"],
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
}  # fmt: skip
SHARED = {"workers": 1, "head_baseline": False}


def launch(launcher: str, *words: object, script: str = STUDY, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *LAUNCHERS[launcher], script, *map(str, words)]
    environment = {"CUDA_VISIBLE_DEVICES": "", **environment_of_tests(), **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)


def run_ranks(*words: object, script: str = STUDY) -> subprocess.CompletedProcess[str]:
    return run_forked_ranks(script, *words, environment=environment_of_tests())


def without_dropout(tmp_path: Path) -> Path:
    """The config of a study whose numbers do not depend on how the examples are dealt out."""
    config = write_config(tmp_path, **SHARED)
    for path in tmp_path.glob("tiny/step-*/config.json"):
        model = json.loads(path.read_text())
        path.write_text(json.dumps(model | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}))
    return config


def numbers(path: Path) -> list[dict[str, Any]]:
    """Of a `d90.csv`, without the time."""
    return [{name: _parsed(value) for name, value in row.items()} for row in read_table(path)]


def _parsed(value: str) -> Any:
    try:
        return pytest.approx(float(value), rel=1e-3)
    except ValueError:
        return value


@pytest.mark.slow
@pytest.mark.ddp
def test_two_devices_measure_what_one_does(tmp_path: Path) -> None:
    words = ("--config", without_dropout(tmp_path), "--steps", "[100]")
    alone = run(*words, "--out", tmp_path / "one", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    shared = launch("lightning run", *words, "--out", tmp_path / "two")
    assert shared.returncode == 0, shared.stderr
    assert numbers(tmp_path / "two" / "d90.csv") == numbers(tmp_path / "one" / "d90.csv")
    assert shared.stdout.count("[1/1]") == 1 and shared.stdout.count("written to") == 1  # by one rank


@pytest.mark.slow
@pytest.mark.ddp
def test_torchrun_connects_the_ranks_as_well(tmp_path: Path) -> None:
    words = ("--config", write_config(tmp_path, **SHARED), "--steps", "[100]", "--search.max_trainings", 6)
    launched = launch("torchrun", *words, "--out", tmp_path / "out")
    again = run_ranks(*words, "--out", tmp_path / "out")  # finds all of it in the ledger
    for shared in (launched, again):
        assert shared.returncode == 0, shared.stderr
        assert shared.stdout.count("[1/1]") == 1
    assert " rate " in launched.stdout and " rate " not in again.stdout


BREAKING = """
import os, sys
from lit_idim.training.segmented import SegmentedTraining
advance = SegmentedTraining.advance
def breaks(training, stop):
    if os.environ["RANK"] == "1" and training.classifier.method == "said":
        raise RuntimeError("a device fell off")
    return advance(training, stop)
SegmentedTraining.advance = breaks
import runpy
runpy.run_path({study!r}, run_name="__main__")
"""

UNPREPARED = """
import os, sys
from lit_idim.study.training import Trainings
from lit_idim.errors import UserError
classifier = Trainings.classifier
def missing(trainings, request):
    if os.environ["RANK"] == "1" and request.method == "said" and "step-0" in request.location.model:
        raise UserError("model: this machine has no such checkpoint")
    return classifier(trainings, request)
Trainings.classifier = missing
import runpy
runpy.run_path({study!r}, run_name="__main__")
"""

DIFFERING = """
import atexit, os, sys, runpy, torch
atexit.register(lambda: print(f"connected at the end: {{torch.distributed.is_initialized()}}", flush=True))
if os.environ["RANK"] == "1":
    sys.argv += ["--study_seed", "7"]
runpy.run_path({study!r}, run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.ddp
def test_a_rank_that_breaks_ends_all_and_nothing_is_lost(tmp_path: Path) -> None:
    config, script = without_dropout(tmp_path), tmp_path / "script.py"
    script.write_text(BREAKING.format(study=STUDY))
    words = ("--config", config, "--steps", "[100]", "--out", tmp_path / "out")
    broken = launch("lightning run", *words, script=str(script))
    assert broken.returncode != 0
    assert "rank 1 of 2" in broken.stderr and "RuntimeError: a device fell off" in broken.stderr
    resumed = run_ranks(*words)
    assert resumed.returncode == 0, resumed.stderr
    assert "[1/1]" in resumed.stdout and "replicate 0" in resumed.stdout
    assert " in full, " not in resumed.stdout.split(" d = ")[0]  # they were finished


@pytest.mark.slow
@pytest.mark.ddp
def test_what_one_rank_cannot_begin_fails_its_cell_alone(tmp_path: Path) -> None:
    config, script = write_config(tmp_path, **SHARED), tmp_path / "script.py"
    script.write_text(UNPREPARED.format(study=STUDY))
    words = ("--config", config, "--search.max_trainings", 6, "--out", tmp_path / "out")
    part = run_ranks(*words, script=str(script))
    assert part.returncode == 1, part.stderr
    reasons = {row["checkpoint"]: row["reason"] for row in read_table(tmp_path / "out" / "d90.csv")}
    assert "rank 1 of 2" in reasons["step-0"] and "this machine has no such checkpoint" in reasons["step-0"]
    assert "rank" not in reasons["step-100"]


@pytest.mark.ddp
def test_ranks_with_different_settings_are_refused(tmp_path: Path) -> None:
    config, script = write_config(tmp_path, **SHARED), tmp_path / "script.py"
    script.write_text(DIFFERING.format(study=STUDY))
    refused = launch("lightning run", "--config", config, "--out", tmp_path / "out", script=str(script))
    assert refused.returncode == 2, refused.stderr
    assert (
        "rank 1 of 2" in refused.stderr and "another setting study_seed than rank 0: 7 instead of 0" in refused.stderr
    )
    # A process that leaves while connected aborts now and then, with another exit code.
    assert "connected at the end: False" in refused.stdout and "connected at the end: True" not in refused.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.ddp
def test_a_batch_that_cannot_be_dealt_out_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path, **SHARED)
    refused = run_ranks("--config", config, "--training.batch_size", 15, "--out", tmp_path / "out")
    assert refused.returncode == 2 and "2 devices must divide it; got 15 for sst2" in refused.stderr


def test_a_rank_whose_others_never_come_hears_signals(tmp_path: Path) -> None:
    config = write_config(tmp_path, **SHARED)
    environment = environment_of_tests() | {"WORLD_SIZE": "2", "RANK": "0", "MASTER_PORT": str(_free_port())}
    rank = ForkedScript(STUDY, "--config", config, "--out", tmp_path / "out", environment=environment)
    try:
        rank.wait_for("rank 0 of 2 waits for the others at 127.0.0.1:")
        rank.send_signal(signal.SIGTERM)
        ended = rank.wait(timeout=60)
    finally:
        rank.kill()
    assert ended.returncode == 130 and "interrupted" in ended.stderr and "Traceback" not in ended.stderr


def test_it_does_not_wait_for_ever(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("""
from lit_idim.study.rendezvous import meet_others
from lit_idim.training import build_trainer
meet_others(build_trainer(accelerator="cpu").strategy, patience_seconds=1)
""")
    environment = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_PORT": str(_free_port())}
    environment |= environment_of_tests() | {"MASTER_ADDR": "127.0.0.1", "GROUP_RANK": "0", "LOCAL_WORLD_SIZE": "2"}
    ended = run_forked(script, environment=environment)
    assert ended.returncode == 1
    assert "rank 0 of 2 has waited 1 seconds for the others at 127.0.0.1:" in ended.stderr


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_environment_of_no_launcher_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path, **SHARED)
    environment = {name: value for name, value in environment_of_tests().items() if name != "RANK"}
    refused = run("--config", config, cwd=tmp_path, environment={**environment, "WORLD_SIZE": "2"})
    assert refused.returncode == 2
    assert "WORLD_SIZE=2: no launcher has started 2 processes, for RANK is not set" in refused.stderr
    assert os.environ.get("WORLD_SIZE") is None
