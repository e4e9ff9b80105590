"""Scripts in processes of their own that import next to nothing: forks of a process that has imported all there is.

What a script imports takes seconds of a processor, and the tests start more than a hundred. How a user starts a script
is tested where that is what matters: `lightning run`, torchrun and the installed commands are real ones.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch

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
        self._process = context.Process(target=_become_script, args=arguments)
        self._process.start()

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
        """Until it has printed that, which it must before it ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.stdout + self.stderr:
            assert self.returncode is None and time.monotonic() < deadline, self.stdout + self.stderr
            time.sleep(0.05)

    def wait_for_lines(self, count: int) -> None:
        """Until it has printed so many lines, or ends."""
        while (self.stdout + self.stderr).count("\n") < count and self.returncode is None:
            time.sleep(0.01)

    def wait(self, timeout: float = PATIENCE_SECONDS) -> subprocess.CompletedProcess[str]:
        """Until it ends.

        Raises:
            subprocess.TimeoutExpired: if it does not; it is killed.
        """
        self._process.join(timeout)
        if self.returncode is None:
            self.kill()
            raise subprocess.TimeoutExpired(self.args, timeout, self.stdout, self.stderr)
        return subprocess.CompletedProcess(self.args, self.returncode, self.stdout, self.stderr)

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()


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
        self.ranks = [
            ForkedScript(
                script,
                *words,
                environment={**environment, "CUDA_VISIBLE_DEVICES": "", **_launched_as(rank, 2, self._store.port)},
            )
            for rank in range(2)
        ]

    def wait(self, timeout: float = PATIENCE_SECONDS) -> subprocess.CompletedProcess[str]:
        """Until both end: what both have printed, and the exit code of the first that failed, or 0."""
        ended = [rank.wait(timeout) for rank in self.ranks]
        code = next((one.returncode for one in ended if one.returncode), 0)
        texts = ("".join(getattr(one, name) for one in ended) for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(ended[0].args, code, *texts)

    def kill(self) -> None:
        for rank in self.ranks:
            rank.kill()


def run_forked_ranks(
    script: Path | str, *words: object, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Runs a script on two ranks to its end."""
    ranks = ForkedRanks(script, *words, environment=environment)
    try:
        return ranks.wait()
    finally:
        ranks.kill()


def _become_script(words: list[str], environment: dict[str, str], cwd: str, outputs: list[str]) -> None:
    """As the interpreter does with a script; ends the process with its exit code."""
    for number, path in ((0, os.devnull), *enumerate(outputs, start=1)):
        file = os.open(path, os.O_RDWR)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = words
    sys.path.insert(0, str(Path(words[0]).parent))
    runpy.run_path(words[0], run_name="__main__")
