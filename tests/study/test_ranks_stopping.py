"""A signal to stop, whichever rank it reaches: all leave the training together, the tables are written, it goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lit_idim.ledger import Ledger
from tests.forked import ForkedRanks

from .test_ranks import LAUNCHERS, SHARED, run_ranks
from .tiny_study import STUDY, environment_of_tests, read_table, write_config

SLOW = """
import os, time
from pathlib import Path
from lit_idim.study.shared_trainings import SharedTrainings
from lit_idim.training.classifier import SubspaceClassifier
step, run = SubspaceClassifier.training_step, SharedTrainings.run
Path({folder!r}, os.environ["RANK"]).write_text(str(os.getpid()))
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


pytestmark = [pytest.mark.slow, pytest.mark.ddp]


def prepare(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The script and the words of its command line."""
    config, script = write_config(folder, **SHARED), folder / "script.py"
    script.write_text(SLOW.format(study=STUDY, folder=str(folder)))
    return script, ("--config", str(config), "--out", str(folder / "out"), "--steps=[100]", "--search.max_trainings=6")


@pytest.mark.parametrize("reached", ["launcher", "rank 1"])
def test_a_signal_under_a_launcher(tmp_path: Path, reached: str) -> None:
    script, words = prepare(tmp_path)
    environment, pipe = {"CUDA_VISIBLE_DEVICES": "", **environment_of_tests()}, subprocess.PIPE
    command = [sys.executable, *LAUNCHERS["torchrun"], str(script), *words]
    process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout is not None
        while "three are done" not in (line := process.stdout.readline()):
            assert line, process.communicate()[1]
        time.sleep(0.5)  # into the fourth training
        os.kill(process.pid if reached == "launcher" else int((tmp_path / "1").read_text()), signal.SIGTERM)
        sent = time.monotonic()
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    require_an_orderly_end(process.returncode, errors, seconds=time.monotonic() - sent)
    require_that_it_goes_on(tmp_path / "out", words)


@pytest.mark.parametrize(("reached", "number"), [(0, signal.SIGUSR1), (1, signal.SIGTERM)])
def test_a_signal_to_one_of_ranks_that_nobody_watches(tmp_path: Path, reached: int, number: signal.Signals) -> None:
    script, words = prepare(tmp_path)
    ranks = ForkedRanks(script, *words, environment=environment_of_tests())
    try:
        ranks.ranks[0].wait_for("three are done")
        time.sleep(0.5)  # into the fourth training
        ranks.ranks[reached].send_signal(number)
        sent = time.monotonic()
        ended = ranks.wait(timeout=60)
    finally:
        ranks.kill()
    assert [rank.returncode for rank in ranks.ranks] == [130, 0], ended.stderr  # one tells of it
    require_an_orderly_end(ended.returncode, ended.stderr, seconds=time.monotonic() - sent)
    require_that_it_goes_on(tmp_path / "out", words)


def require_an_orderly_end(code: int, errors: str, *, seconds: float) -> None:
    assert seconds < 15, errors  # a launcher kills after 30
    assert code != 0
    assert errors.count("interrupted; the same command goes on where it was") == 1, errors
    assert "All ranks end" not in errors


def require_that_it_goes_on(out: Path, words: tuple[str, ...]) -> None:
    trials = read_table(out / "trials.csv")
    with Ledger.read(out / "ledger.sqlite") as ledger:
        assert len(trials) == len(ledger.records()) >= 3  # no cell has ended: without the signal there were no tables
    assert (out / "d90.csv").exists()
    again = run_ranks(*words)
    assert again.returncode == 0, again.stderr
    final = {trial["key"]: trial for trial in read_table(out / "trials.csv")}
    assert len(final) > len(trials) and [final[trial["key"]] for trial in trials] == trials
