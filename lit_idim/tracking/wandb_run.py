"""The run of a study on W&B, by its client; in the process that `lit_idim.tracking.sender` is."""

import csv
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from lit_idim.tracking.keys import AXES, D90_NUMBERS, d90_section
from lit_idim.tracking.server import ANSWER_SECONDS, ServerRefusedError, find_key, require_answer

INIT_SECONDS, FINISH_SECONDS = 30.0, 40.0
_TRUSTED_SECONDS, _DISTRUSTED_SECONDS = 1.0, 30.0  # for which an answer, or the lack of one, holds
_LOST_FINISH_SECONDS = 4.0

Message = dict[str, Any]


class WandbRun:
    """The run of a study, sent to the server or kept in its folder.

    Args:
        start: the first message.
        answers: where the study is told of what happens.

    Attributes:
        has_missed: whether something was not sent.
    """

    def __init__(self, start: Message, answers: TextIO) -> None:
        self._start, self._answers = start, answers
        self._is_lost = self._has_been_lost = self.has_missed = False
        self._probed = time.monotonic()
        self._key: str | None = None
        self._url = ""
        self._mode = start["mode"]
        self._run: Any = None

    def open(self) -> bool:
        """Starts the run; False if W&B cannot be used, which the study is told."""
        import wandb

        folder = Path(self._start["folder"])
        # What is staged for the server stays beside the run, so that it can be sent later from this folder alone.
        os.environ.setdefault("WANDB_DATA_DIR", str(folder / "wandb"))
        os.environ.setdefault("WANDB_CACHE_DIR", str(folder / "wandb" / "cache"))
        try:
            if self._mode == "online":
                # A mode in the environment would go before what was asked for.
                os.environ["WANDB_MODE"] = "online"
                self._url = wandb.setup().settings.base_url
                self._key = find_key(self._url)
                require_answer(self._url, self._key)
                os.environ["WANDB_API_KEY"] = str(self._key)
            else:
                os.environ["WANDB_MODE"] = "offline"
            self._run = self._init("study", self._start["name"], self._start["config"])
        except Exception as error:  # whatever the client raises, the study goes on without it
            what = str(error) if isinstance(error, ServerRefusedError) else f"the client failed: {_brief(error)}"
            self._answer(kind="mode", mode="disabled", why=what)
            return False
        for axis in AXES:
            self._run.define_metric(axis, hidden=True)
            for number in D90_NUMBERS:
                self._run.define_metric(f"{d90_section(number, axis)}/*", step_metric=axis)
        self._run.define_metric("d", hidden=True)
        self._run.define_metric("score_against_d/*", step_metric="d")
        self._run.define_metric("full_score_vs_pretraining_step/*", step_metric="pretraining_step")
        where = self._run.url if self._mode == "online" else str(Path(self._run.dir).parent)
        self._answer(kind="mode", mode=self._mode, where=where, group=self._start["group"])
        return True

    def send(self, message: Message) -> None:
        """Does what a message asks for; trouble with the server makes the rest of the study local.

        Raises:
            Exception: if the client does not even take numbers.
        """
        kind = message["kind"]
        if kind == "log":
            self._run.log(message["data"])
            return
        try:
            if self._server_answers():  # the client asks the server about these before it goes on
                getattr(self, f"_send_{kind}")(message)
            else:
                self.has_missed = True
        except Exception as error:  # of any kind, as in open()
            print(f"{kind}: {_brief(error)}", file=sys.stderr)
            self.has_missed = True
            self._lose()

    def finish(self, exit_code: int, seconds: float) -> bool:
        """Ends the run.

        Args:
            exit_code: of the study.
            seconds: to wait for a server that answers, at most.

        Returns:
            Whether it has taken everything.
        """
        end = time.monotonic() + seconds
        is_there = seconds >= 2 * ANSWER_SECONDS and self._server_answers(again=True)
        ending = threading.Thread(target=self._end_run, args=(exit_code,), daemon=True)
        ending.start()
        ending.join(max(0.0, end - time.monotonic()) if is_there else _LOST_FINISH_SECONDS)
        is_complete = not ending.is_alive() and not self.has_missed and not self._is_lost
        self._answer(kind="finished", is_complete=is_complete)
        return is_complete

    def _end_run(self, exit_code: int) -> None:
        try:
            self._run.finish(exit_code=exit_code)
        except Exception as error:  # of any kind, as in open()
            print(f"finish: {_brief(error)}", file=sys.stderr)
            self.has_missed = True

    def idle(self) -> None:
        """Looks now and then whether the server is still there."""
        self._server_answers()

    def _init(self, job_type: str, name: str, config: dict[str, Any], **how: Any) -> Any:
        import wandb

        start = self._start
        return wandb.init(
            project=start["project"],
            entity=start["entity"],
            group=start["group"],
            name=name,
            job_type=job_type,
            config=config,
            dir=start["folder"],
            mode=self._mode,
            settings=_client_settings(program=start["program"]),
            **how,
        )

    def _send_training(self, message: Message) -> None:
        run = self._init("training", message["name"], message["config"], reinit="create_new")
        run.define_metric("update", hidden=True)
        run.define_metric("score", step_metric="update")
        for point in message["points"]:
            run.log(point)
        run.finish()

    def _send_table(self, message: Message) -> None:
        import wandb

        with Path(message["path"]).open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        columns = [_typed(column) for column in zip(*rows, strict=True)]
        data = [list(row) for row in zip(*columns, strict=True)]
        self._run.log({message["key"]: wandb.Table(columns=list(header), data=data)})

    def _send_chart(self, message: Message) -> None:
        import wandb

        table = wandb.Table(columns=message["columns"], data=message["rows"])
        chart = wandb.plot.line(table, message["x"], "d90", stroke="line", title=message["title"])
        self._run.log({message["key"]: chart})

    def _send_image(self, message: Message) -> None:
        import wandb

        self._run.log({message["key"]: wandb.Image(message["path"])})

    def _send_artifact(self, message: Message) -> None:
        import wandb

        artifact = wandb.Artifact(message["name"], type="study")
        for path in map(Path, message["paths"]):
            if path.is_dir():
                artifact.add_dir(str(path), name=path.name)
            elif path.exists():
                artifact.add_file(str(path), name=path.name)
        self._run.log_artifact(artifact)

    def _server_answers(self, *, again: bool = False) -> bool:
        """Whether the server is there; True offline. One that was lost may come back."""
        if self._mode == "offline":
            return True
        holds = _DISTRUSTED_SECONDS if self._is_lost else _TRUSTED_SECONDS
        if again or time.monotonic() - self._probed >= holds:
            try:
                require_answer(self._url, self._key)
                self._is_lost = False
            except ServerRefusedError as error:
                print(f"probe: {error}", file=sys.stderr)
                self._lose()
            self._probed = time.monotonic()
        return not self._is_lost

    def _lose(self) -> None:
        self._is_lost = True
        if not self._has_been_lost:
            self._has_been_lost = True
            self._answer(kind="lost", where=str(Path(self._run.dir).parent))

    def _answer(self, **message: Any) -> None:
        print(json.dumps(message), file=self._answers, flush=True)


def _client_settings(program: str) -> Any:
    """Settings of the client: silent, never waiting for long, its file written every second.

    Those that begin with x_ may be gone in another release, which then goes without.
    """
    import wandb

    wished: dict[str, Any] = {
        "program": program,
        "console": "off",
        "silent": True,
        "init_timeout": INIT_SECONDS,
        "finish_timeout": FINISH_SECONDS,
        "x_graphql_timeout_seconds": 10,
        "x_graphql_retry_max": 2,
        "x_transaction_log_flush_interval": 1.0,  # what is not written yet is lost if the process is killed
    }
    return wandb.Settings(**{name: value for name, value in wished.items() if name in wandb.Settings.model_fields})


def _typed(column: tuple[str, ...]) -> list[str | float | None]:
    """A column of a CSV file as numbers, if it holds nothing else; empty is None."""
    try:
        return [float(value) if value else None for value in column]
    except ValueError:
        return [value or None for value in column]


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
