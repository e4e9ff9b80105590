"""What a study shows on W&B, and when."""

import importlib.util
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from lit_idim.errors import UserError
from lit_idim.ledger import TrainingRecord
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.tracking.history import chart_table, d90_points, is_for_size, training_points, training_run
from lit_idim.tracking.keys import (
    AXES,
    NUM_CELLS_DONE,
    NUM_CELLS_REACHED,
    NUM_TRAININGS,
    TRAINING_SECONDS,
    chart_key,
    figure_key,
    table_key,
)
from lit_idim.tracking.process import SenderProcess
from lit_idim.tracking.server import may_have_key

WandbMode = Literal["auto", "online", "offline", "disabled"]
Mode = Literal["online", "offline", "disabled"]

START_SECONDS = 60.0  # in which an online run that was asked for must have begun
FINISH_SECONDS = 60.0  # in which the server must have taken the rest
INTERRUPTED_FINISH_SECONDS = 10.0
TABLE_SECONDS = 30.0  # between two versions of the table: the server keeps every one


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """Where a study is shown on W&B.

    Attributes:
        mode: "auto" is online where a key is configured and the server answers within 5 seconds, else disabled.
        project: of the runs.
        entity: user or team of the project; the key's own if None.
        trainings: whether every training gets a run of its own in the study's group.
    """

    mode: WandbMode = "auto"
    project: str = "lit_idim"
    entity: str | None = None
    trainings: bool = False


class Tracker:
    """One run of a study on W&B; used as a context, which ends the run. Before `start` it does nothing.

    Args:
        settings: where.
        study: name of the study.
        folder: of the study's outputs; W&B's own files go to `wandb/` in it.
        config: of the run.
        variant: which d90 is shown.
        say: takes lines for the user.
    """

    def __init__(
        self,
        settings: TrackingSettings,
        *,
        study: str,
        folder: Path,
        config: Mapping[str, Any],
        variant: D90Variant,
        say: Callable[[str], None] = print,
    ) -> None:
        self._settings, self._study, self._folder, self._config = settings, study, folder, config
        self._variant, self._say = variant, say
        self.group = ""
        self._size_step: int | None = None
        self._sent: set[frozenset[tuple[str, float]]] = set()
        self._trainings: dict[str, tuple[str, float]] = {}
        self._num_ended, self._seconds = 0, 0.0
        self._tables_sent = -math.inf
        self._sender: SenderProcess | None = None

    def start(self, identity: str, *, size_step: int | None = None) -> None:
        """Begins the run.

        Args:
            identity: of the ledger; all runs on it are a group.
            size_step: pretraining step at which d90 is set against D.

        Raises:
            UserError: if "online" or "offline" is asked for and cannot be had.
        """
        settings, self._size_step = self._settings, size_step
        self.group = f"{self._study}-{identity[:8]}"
        mode = _resolved(settings.mode, self._say)
        if mode == "disabled":
            return
        start = {
            "mode": mode,
            "project": settings.project,
            "entity": settings.entity,
            "group": self.group,
            "name": self._study,
            "program": Path(sys.argv[0]).name,
            "folder": str(self._folder.resolve()),
            "config": {**self._config, "study": self._study},
        }
        is_optional = settings.mode == "auto"
        try:
            self._sender = SenderProcess(start, folder=self._folder, is_optional=is_optional, say=self._say)
        except OSError as error:
            if not is_optional:
                raise UserError(f"wandb: {error}; mend that, or pass --wandb disabled") from error
            self._say(f"W&B: not used, since {error}")
        if is_optional or self._sender is None:
            return
        self._sender.wait_for_start(START_SECONDS)
        if self._sender.refusal is not None:
            self._sender.finish(1, 0)
            raise UserError(f"wandb: {self._sender.refusal}; pass --wandb offline, or --wandb disabled")

    def __enter__(self) -> "Tracker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._sender is not None and error is None:
            self._sender.finish(0, FINISH_SECONDS)
        elif self._sender is not None:
            self._sender.finish(1, INTERRUPTED_FINISH_SECONDS)

    @property
    def is_active(self) -> bool:
        """Whether anything is sent."""
        return self._sender is not None

    def training_ended(self, record: TrainingRecord) -> None:
        """Sends a training that was run, or was found in the ledger; once."""
        status, seconds = self._trainings.get(record.key, ("", 0.0))
        if self._sender is None or status == record.status:
            return
        self._trainings[record.key] = (record.status, record.seconds)
        self._num_ended += record.status in ("finished", "diverged")
        self._seconds += record.seconds - seconds
        for point in training_points(record):
            self._sender.put(kind="log", data=point)
        so_far = {NUM_TRAININGS: self._num_ended, TRAINING_SECONDS: self._seconds}
        self._sender.put(kind="log", data=so_far)
        if self._settings.trainings and record.status != "paused":
            config, points = training_run(record)
            what = "full" if record.d is None else f"d={record.d}"
            name = f"{record.model} {record.checkpoint} {record.task} {record.method} {what}"
            self._sender.put(kind="training", name=name, config=config, points=points)

    def rows_changed(self, rows: Sequence[D90Row], *, ended: Callable[[D90Row], bool], are_final: bool = False) -> None:
        """Sends the rows of cells that have ended, those it has sent before left out.

        The table as it is now, and the charts made from it, follow, but not more often than every TABLE_SECONDS.

        Args:
            rows: of `d90.csv`, which is written.
            ended: whether the search of a row's cell has ended.
            are_final: whether nothing will change any more.
        """
        if self._sender is None or not rows:
            return
        done = [row for row in rows if ended(row)]
        for row in done:
            for point in d90_points(row, self._variant, is_last=is_for_size(row, rows, self._size_step)):
                if (content := frozenset(point.items())) not in self._sent:
                    self._sent.add(content)
                    self._sender.put(kind="log", data=point)
        num_reached = sum(row.status_of(self._variant) == "reached" for row in done)
        self._sender.put(kind="log", data={NUM_CELLS_DONE: len(done), NUM_CELLS_REACHED: num_reached})
        if not are_final and time.monotonic() - self._tables_sent < TABLE_SECONDS:
            return
        self._tables_sent = time.monotonic()
        self.send_tables([self._folder / "d90.csv"])
        for axis in AXES:
            columns, lines = chart_table(done, axis, self._variant, self._size_step)
            if lines:
                title = f"d90 against {axis.replace('_', ' ')}"
                self._sender.put(kind="chart", key=chart_key(axis), title=title, x=axis, columns=columns, rows=lines)

    def send_tables(self, paths: Sequence[Path]) -> None:
        """Sends CSV files as tables."""
        if self._sender is not None:
            for path in paths:
                self._sender.put(kind="table", key=table_key(path.stem), path=str(path.resolve()))

    def send_figures(self, paths: Sequence[Path]) -> None:
        """Sends those of the figures that are PNG files."""
        if self._sender is not None:
            for path in paths:
                if path.suffix == ".png":
                    self._sender.put(kind="image", key=figure_key(path.stem), path=str(path.resolve()))

    def send_artifact(self, paths: Sequence[Path]) -> None:
        """Sends the files and folders that the study leaves behind, as one artifact."""
        if self._sender is not None:
            names = [str(path.resolve()) for path in paths]
            self._sender.put(kind="artifact", name=self.group, paths=names)


def untracked() -> Tracker:
    """A tracker that shows nothing."""
    settings = TrackingSettings(mode="disabled")
    return Tracker(settings, study="", folder=Path(), config={}, variant="d90")


def _resolved(mode: WandbMode, say: Callable[[str], None]) -> Mode:
    """The mode to try: "auto" follows WANDB_MODE, and is disabled at once where no key can be."""
    wished = os.environ.get("WANDB_MODE")
    chosen: Mode = "online" if mode == "auto" else mode
    if mode == "auto" and wished in ("offline", "disabled"):
        chosen = "offline" if wished == "offline" else "disabled"
    if chosen == "disabled":
        return chosen
    why = None
    if importlib.util.find_spec("wandb") is None:
        why = "the package wandb is not installed"
    elif chosen == "online" and not may_have_key():
        why = "no API key is configured (`wandb login` sets one)"
    if why is None:
        return chosen
    if mode != "auto":
        raise UserError(f"wandb: {why}; pass --wandb disabled{' or offline' if chosen == 'online' else ''}")
    say(f"W&B: not used, since {why}")
    return "disabled"
