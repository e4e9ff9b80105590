"""The study's end of the pipe to the process that speaks with W&B: it hands messages over and never waits for them."""

import contextlib
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
_MARGIN_SECONDS = 5.0  # by which the process ends its work earlier than the study gives it up
# Not -m, which would look for modules in the folder that the study is run from before all others.
_SENDER = "import sys; sys.path[:1] = []; from lit_idim.tracking.sender import main; sys.exit(main())"


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
        self._is_optional, self._say_aloud = is_optional, say
        self._log = folder / "wandb" / "sender.log"
        self._messages: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._has_begun, self._has_ended = threading.Event(), threading.Event()
        self._is_lost = self._is_complete = self._is_closing = False
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SENDER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the study, which then ends the run in an orderly way
            )
        self.put(kind="start", **start)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read)]
        for thread in self._threads:
            thread.start()

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
        self.put(kind="finish", exit_code=exit_code, seconds=max(0.0, seconds - _MARGIN_SECONDS))
        self._messages.put(None)
        try:
            if self.refusal is None:
                self._has_ended.wait(seconds)
                self._is_closing = True
                if self.refusal is None and not self._is_complete and not self._is_lost:
                    self._say_aloud("W&B: the server has not taken everything; the same command, run again, sends it")
            self._process.wait(_LAST_WORD_SECONDS if self._has_ended.is_set() else 0)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            for thread in self._threads:  # which close the pipes
                thread.join(_LAST_WORD_SECONDS)

    def _write(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            with pipe:
                while (line := self._messages.get()) is not None:
                    pipe.write(line + "\n")
                    pipe.flush()
        except (OSError, ValueError):
            return  # the process has ended, which the reader tells

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        try:
            with pipe:
                for line in pipe:
                    self._hear(json.loads(line))
            if not self._has_begun.is_set():
                self._refuse(f"its process ended (see {self._log})")
            elif not self._has_ended.is_set() and self.refusal is None:
                self.refusal = "its process ended"
                self._say(f"W&B: its process ended (see {self._log}); the study goes on without it")
        finally:
            self._has_begun.set()
            self._has_ended.set()

    def _hear(self, answer: Mapping[str, Any]) -> None:
        if answer["kind"] == "mode" and answer["mode"] == "disabled":
            self._refuse(answer["why"])
        elif answer["kind"] == "mode":
            self._has_begun.set()
            self._say(f"W&B: {answer['where']} (group {answer['group']})")
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
        self._has_begun.set()
        if self._is_optional:
            self._say(f"W&B: not used, since {why}")

    def _say(self, text: str) -> None:
        """Tells the user, while there is somebody to tell and something to do about it."""
        if not self._is_closing:
            with contextlib.suppress(OSError, ValueError):  # standard output may be closed
                self._say_aloud(text)
