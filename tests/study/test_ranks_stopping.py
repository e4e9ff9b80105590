"""A signal to stop, whichever rank it reaches: all leave the training together, the tables are written, it goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lit_idim.ledger import Ledger

from .test_ranks import LAUNCHERS, SHARED, STUDY, launch
from .tiny_study import environment_of_tests, read_table, write_config

SLOW = """
import os, sys, time
from pathlib import Path
from lit_idim.study.shared_trainings import SharedTrainings
from lit_idim.training.classifier import SubspaceClassifier
step, run = SubspaceClassifier.training_step, SharedTrainings.run
Path(sys.argv.pop(1), os.environ["RANK"]).write_text(str(os.getpid()))
done = []
def lingers(module, batch, batch_index):
    if len(done) >= 3:
        time.sleep(0.2)  # the signal comes while a training is under way
    return step(module, batch, batch_index)
def counted(trainings, request):
    outcome = run(trainings, request)
    done.append(outcome)
    if os.environ["RANK"] == "0" and len(done) == 3:
        print("three are done", flush=True)
    return outcome
SubspaceClassifier.training_step, SharedTrainings.run = lingers, counted
import runpy
runpy.run_path({study!r}, run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.ddp
@pytest.mark.parametrize(
    ("reached", "number"), [("launcher", signal.SIGTERM), ("0", signal.SIGUSR1), ("1", signal.SIGTERM)]
)
def test_a_signal_ends_all_ranks_and_the_same_command_goes_on(
    tmp_path: Path, reached: str, number: signal.Signals
) -> None:
    config, script = write_config(tmp_path, **SHARED), tmp_path / "script.py"
    script.write_text(SLOW.format(study=STUDY))
    launcher = [sys.executable, *LAUNCHERS["torchrun"], str(script), str(tmp_path)]
    words = ("--config", str(config), "--out", str(tmp_path / "out"), "--steps=[100]", "--search.max_trainings=6")
    environment = {"CUDA_VISIBLE_DEVICES": "", **environment_of_tests()}
    pipe = subprocess.PIPE
    process = subprocess.Popen([*launcher, *words], env=environment, stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout is not None
        while "three are done" not in (line := process.stdout.readline()):
            assert line, process.communicate()[1]
        time.sleep(0.5)  # into the fourth training
        process_id = process.pid if reached == "launcher" else int((tmp_path / reached).read_text())
        os.kill(process_id, number)
        sent = time.monotonic()
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert time.monotonic() - sent < 15, errors  # the launcher kills after 30
    assert process.returncode != 0
    assert errors.count("interrupted; the same command goes on where it was") == 1, errors
    assert "All ranks end" not in errors
    trials = read_table(tmp_path / "out" / "trials.csv")
    with Ledger.read(tmp_path / "out" / "ledger.sqlite") as ledger:
        assert len(trials) == len(ledger.records()) >= 3  # no cell has ended: without the signal there were no tables
    assert (tmp_path / "out" / "d90.csv").exists()
    again = launch("torchrun", *words)
    assert again.returncode == 0, again.stderr
    final = {trial["key"]: trial for trial in read_table(tmp_path / "out" / "trials.csv")}
    assert len(final) > len(trials) and [final[trial["key"]] for trial in trials] == trials
