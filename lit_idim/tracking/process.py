"""The study's end of the pipe to the process that speaks with W&B: it hands messages over and never waits for them."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_LAST_WORD_SECONDS = 2.0


class SenderProcess:
    """A process that runs `lit_idim.tracking.sender`.

    Args:
        start: its first message.
        folder: that W&B's own files go to, in `wandb/`.
        is_optional: whether the user is told of a refusal; else whoever started this asks for `refusal`.
        say: takes lines for the user.

    Raises:
        OSError: if the folder cannot be written or no process be started.
    """

    def __init__(
        self, start: Mapping[str, Any], *, folder: Path, is_optional: bool, say: Callable[[str], None]
    ) -> None:
        self.refusal: str | None = None
        self._is_optional, self._say = is_optional, say
        self._log = folder / "wandb" / "sender.log"
        self._messages: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._has_begun, self._has_ended = threading.Event(), threading.Event()
        self._is_lost = self._is_complete = False
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lit_idim.tracking.sender"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the study, which then ends the run in an orderly way
            )
        self.put(kind="start", **start)
        for work in (self._write, self._read):
            threading.Thread(target=work, daemon=True).start()

    def put(self, **message: Any) -> None:
        """Hands a message over."""
        if self.refusal is None:
            self._messages.put(json.dumps(message, default=str))

    def wait_for_start(self, seconds: float) -> None:
        """Waits until W&B has begun a run, or was refused."""
        if not self._has_begun.wait(seconds):
            self.refusal = f"the server has not begun a run within {seconds:g} s"

    def finish(self, exit_code: int, seconds: float) -> None:
        """Ends the run, and the process after so many seconds in any case."""
        self.put(kind="finish", exit_code=exit_code)
        self._messages.put(None)
        if self.refusal is None:
            self._has_ended.wait(seconds)
            is_told, self._is_lost = self._is_lost, True  # what comes after this is too late to be told
            if self.refusal is None and not self._is_complete and not is_told:
                self._say("W&B: the server has not taken everything; the same command, run again, sends it")
        try:
            self._process.wait(_LAST_WORD_SECONDS if self._has_ended.is_set() else 0)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _write(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            while (line := self._messages.get()) is not None:
                pipe.write(line + "\n")
                pipe.flush()
            pipe.close()
        except (OSError, ValueError):
            return  # the process has ended, which the reader tells

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._hear(json.loads(line))
        if not self._has_begun.is_set():
            self._refuse(f"its process ended (see {self._log})")
        elif not self._has_ended.is_set() and self.refusal is None:
            self.refusal = "its process ended"
            self._say(f"W&B: its process ended (see {self._log}); the study goes on without it")
        self._has_ended.set()

    def _hear(self, answer: Mapping[str, Any]) -> None:
        if answer["kind"] == "mode" and answer["mode"] == "disabled":
            self._refuse(answer["why"])
        elif answer["kind"] == "mode":
            self._say(f"W&B: {answer['where']} (group {answer['group']})")
            self._has_begun.set()
        elif answer["kind"] == "lost" and not self._is_lost:
            self._is_lost = True
            self._say(
                "W&B: the server stopped answering; the study goes on. Its numbers are kept in "
                f"{answer['where']} (`wandb sync` sends them); the same command, run again, sends everything"
            )
        elif answer["kind"] == "finished":
            self._is_complete = answer["is_complete"]
            self._has_ended.set()

    def _refuse(self, why: str) -> None:
        self.refusal = why
        if self._is_optional:
            self._say(f"W&B: not used, since {why}")
        self._has_begun.set()
