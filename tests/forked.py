"""Scripts in processes of their own that import next to nothing: forks of a process that has imported all there is.

What a script imports takes seconds of a processor, and the tests start more than a hundred. Such a process differs from
one that a user starts: it ends without the interpreter's own end, all forks hash strings alike, what a library reads
from the environment when it is imported is that of the tests, and `sys.path` is theirs, too. How a user starts a script
is tested where that is what matters: `lightning run`, torchrun, `python SCRIPT` and the installed commands are real.
"""

import atexit
import contextlib
import multiprocessing
import multiprocessing.util  # its own work at exit comes after ours
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only

from lit_idim.study.device_groups import _launched_as

PRELOADED = [
    "torch._dynamo",
    "lightning.pytorch",
    "transformers.models.roberta.modeling_roberta",
    "scipy.stats",
    "matplotlib.pyplot",
    "lit_idim.commands.study",
    "lit_idim.study.run_options",
    "lit_idim.study.summary",
    "tests.forked",
]
PATIENCE_SECONDS = 280


class ForkedScript:
    """A script that has been started; what it prints goes to files.

    Args:
        script: its path.
        words: its command line.
        environment: all of its environment variables.
        cwd: its current folder; that of the tests if None.
    """

    def __init__(
        self, script: Path | str, *words: object, environment: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        # Elsewhere what libraries have begun does not survive a fork, and each script imports for itself.
        context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        multiprocessing.set_forkserver_preload(PRELOADED)
        self._outputs = [tempfile.NamedTemporaryFile("r", prefix="forked-") for _ in range(2)]  # noqa: SIM115
        self.args = [str(script), *map(str, words)]
        arguments = (self.args, dict(environment), str(cwd or Path.cwd()), [file.name for file in self._outputs])
        # No daemon, which could start no workers; a test that fails may leave it behind.
        self._process = context.Process(target=_become_script, args=arguments)
        self._process.start()
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def stdout(self) -> str:
        return Path(self._outputs[0].name).read_text()

    @property
    def stderr(self) -> str:
        return Path(self._outputs[1].name).read_text()

    @property
    def returncode(self) -> int | None:
        """Negative: killed by that signal; None while it runs."""
        return self._process.exitcode

    def wait_for(self, text: str) -> None:
        """Until it has printed that, which it must."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            has_ended = self.returncode is not None
            shown = self.stdout + self.stderr
            if text in shown:
                return
            assert not has_ended and time.monotonic() < deadline, shown
            time.sleep(0.05)

    def wait_for_lines(self, count: int) -> None:
        """Until it has printed so many lines, or ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (self.stdout + self.stderr).count("\n") < count and self.returncode is None:
            assert time.monotonic() < deadline, self.stdout + self.stderr
            time.sleep(0.01)

    def wait(self, timeout: float = PATIENCE_SECONDS) -> subprocess.CompletedProcess[str]:
        """Until it ends, which it does in any case: it is killed if the test is interrupted, or the time is over.

        Raises:
            subprocess.TimeoutExpired: if the time is over.
        """
        try:
            self._process.join(timeout)
            timed_out = self.returncode is None
        finally:
            self.kill()
        if timed_out:
            raise subprocess.TimeoutExpired(self.args, timeout, self.stdout, self.stderr)
        assert self.returncode is not None
        return subprocess.CompletedProcess(self.args, self.returncode, self.stdout, self.stderr)

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing, if it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ends just now
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it, if it has not ended."""
        self._process.kill()
        self._process.join()
        atexit.unregister(self.kill)


def run_forked(
    script: Path | str, *words: object, environment: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a script to its end."""
    return ForkedScript(script, *words, environment=environment, cwd=cwd).wait()


class ForkedRanks:
    """A script in two processes on the CPU that find each other as those of torchrun do; nobody watches them.

    Args:
        script: its path.
        words: its command line.
        environment: variables besides those of the tests.
    """

    def __init__(self, script: Path | str, *words: object, environment: Mapping[str, str]) -> None:
        self._store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        self.ranks: list[ForkedScript] = []
        for rank in range(2):
            variables = {**environment, "CUDA_VISIBLE_DEVICES": "", **_launched_as(rank, 2, self._store.port)}
            self.ranks.append(ForkedScript(script, *words, environment=variables))

    def wait(self, timeout: float = PATIENCE_SECONDS) -> subprocess.CompletedProcess[str]:
        """Until both end: what both have printed, and the exit code of the first that failed, or 0.

        Raises:
            subprocess.TimeoutExpired: if they do not; they are killed.
        """
        deadline = time.monotonic() + timeout
        try:
            while any(rank.returncode is None for rank in self.ranks) and time.monotonic() < deadline:
                time.sleep(0.05)
            codes = [rank.returncode for rank in self.ranks]
        finally:
            self.kill()
        texts = ["".join(getattr(rank, name) for rank in self.ranks) for name in ("stdout", "stderr")]
        if None in codes:
            raise subprocess.TimeoutExpired(f"{self.ranks[0].args}, exit codes {codes}", timeout, *texts)
        return subprocess.CompletedProcess(self.ranks[0].args, next((code for code in codes if code), 0), *texts)

    def kill(self) -> None:
        for rank in self.ranks:
            rank.kill()


def run_forked_ranks(
    script: Path | str, *words: object, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Runs a script on two ranks to its end."""
    return ForkedRanks(script, *words, environment=environment).wait()


def _become_script(words: list[str], environment: dict[str, str], cwd: str, outputs: list[str]) -> None:
    """Runs a script as the main program of this process, and makes up for what was imported before."""
    for number, path in ((0, os.devnull), *enumerate(outputs, start=1)):
        file = os.open(path, os.O_RDWR)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    np.random.seed()  # noqa: NPY002 (the one of libraries, which all forks would share)
    rank_zero_only.rank = int(environment.get("RANK", 0))
    if "OMP_NUM_THREADS" in environment:
        torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
    sys.argv = words
    sys.path.insert(0, str(Path(words[0]).parent))
    runpy.run_path(words[0], run_name="__main__")
