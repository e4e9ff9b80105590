"""What a person sees while a study runs: a few lines that renew themselves on a terminal, plain lines elsewhere."""

import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from lit_idim.d90 import Estimate, FullScore, Request, SearchSettings
from lit_idim.ledger import TrainingRecord
from lit_idim.study.cell import Cell, PreparedCell
from lit_idim.study.expected_trainings import expected_trainings

Measured = Estimate | FullScore | None
"""d90 of a cell, or the score of a baseline; None while it has none."""


class Progress:
    """Shows cells done, the current training, the estimate so far and the time left.

    On a terminal the last lines renew themselves and each cell that ends leaves one line; elsewhere (a log, a pipe, a
    notebook) each training is one line, without colours or control characters.

    Args:
        cells: of the study.
        search: of d90, for the trainings that a cell is expected to need.
        stream: where it is shown; standard output by default.
    """

    def __init__(self, cells: Sequence[Cell], search: SearchSettings, *, stream: TextIO | None = None) -> None:
        self.num_cells = len(cells)
        self._expected = {cell.name: sum(expected_trainings(cell, search)) for cell in cells}
        self._num_needed = 0  # trainings of the cells that have ended, and how many had been expected
        self._num_expected_of_ended = 0.0
        self._num_expected_of_all = sum(self._expected.values())
        shown_on = stream or sys.stdout
        is_live = _renews_lines(shown_on)
        self.console = Console(
            file=shown_on,
            highlight=False,
            soft_wrap=not is_live,
            force_terminal=is_live,
            force_jupyter=False,
            no_color=None if is_live else True,
        )
        self.num_ended = self.num_failed = self.num_trainings = 0
        self.in_cell = 0
        self.cell, self.training, self.estimate = "", "", ""
        self._sum_seconds = 0.0
        self._live = Live(console=self.console, refresh_per_second=4) if is_live else None

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._show()
            self._live.stop()

    def preparing(self, cell: Cell) -> None:
        """A cell's checkpoint and data are being fetched."""
        self.cell, self.training, self.estimate, self.in_cell = cell.name, "fetching checkpoint and data", "", 0
        self._show()

    def training_started(self, cell: Cell, prepared: PreparedCell, request: Request) -> None:
        """A training begins."""
        self.cell = cell.name
        training = request.training
        what = f"d = {training.d:,}" if training.d is not None else "head" if cell.is_baseline else "in full"
        rate = prepared.learning_rate(training)
        until = " to its early evaluation" if request.early else ""
        self.training = f"{what}, rate {rate:.2g}, replicate {training.replicate}{until}"
        self._show()

    def training_ended(self, cell: Cell, record: TrainingRecord, measured: Measured) -> None:
        """A training was written to the ledger."""
        self.num_trainings += 1
        self.in_cell += 1
        self._sum_seconds += record.seconds
        self.estimate = describe_so_far(measured)
        if self._live is None:
            last = record.evaluations[-1][1] if record.evaluations else None
            score = record.status if last is None else f"{last:.4f}" + (" early" if record.status == "paused" else "")
            self._line(f"{cell.name}: {self.training}: {score} ({record.seconds:.1f} s); {self.estimate}")
        self._show()

    def cell_ended(self, cell: Cell, measured: Measured, reason: str | None) -> None:
        """The search of a cell has ended."""
        self.num_ended += 1
        self.num_failed += reason is not None
        self._num_needed += self.in_cell
        self._num_expected_of_ended += self._expected[cell.name]
        self.in_cell = 0
        self._line(f"{cell.name}: " + (f"FAILED: {reason}" if reason is not None else describe(measured)))
        self._show()

    def waiting(self, num_open: int) -> None:
        """Everything that is left is being run by other drivers."""
        self.training = f"waiting for other drivers on this ledger ({num_open} cells open)"
        self._show()

    def _line(self, text: str) -> None:
        self.console.print(f"[{self.num_ended}/{self.num_cells}] {text}", markup=False)

    def _show(self) -> None:
        if self._live is None:
            return
        table = Table.grid(padding=(0, 2))
        failed = f", {self.num_failed} failed" if self.num_failed else ""
        table.add_row("cells", f"{self.num_ended} of {self.num_cells}{failed}")
        table.add_row("trainings", f"{self.num_trainings}; {self.time_left()}")
        table.add_row("now", f"{self.cell}: {self.training}")
        table.add_row("so far", self.estimate)
        self._live.update(table)

    def time_left(self) -> str:
        """In words; from the mean duration of a training and the number of trainings that cells have needed."""
        if not self.num_trainings:
            return "time left unknown"
        # Cells that ended tell by which factor the others will need more or less than expected.
        factor = self._num_needed / self._num_expected_of_ended if self._num_needed else 1.0
        trainings = max(0.0, factor * (self._num_expected_of_all - self._num_expected_of_ended) - self.in_cell)
        seconds = trainings * self._sum_seconds / self.num_trainings
        return f"about {duration(seconds)} left"


def _renews_lines(stream: TextIO) -> bool:
    """Whether a stream is a terminal that moves its cursor; what rich guesses, CI and notebooks make it guess wrong."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def describe(measured: Measured) -> str:
    """What is measured, in a few words.

    >>> describe(Estimate(status="reached", d90=212.4, low=150.2, high=None))
    'd90 212 (150 to beyond the range)'
    """
    if measured is None:
        return "no score yet"
    if isinstance(measured, FullScore):
        return f"head alone {measured.mean:.4f}"
    estimate = measured
    if estimate.status != "reached" or estimate.d90 is None:
        words = estimate.status.replace("_", " ")
        return f"d90 {words}" + (f": {estimate.reason}" if estimate.reason else "")
    low = "below the range" if estimate.low is None else f"{estimate.low:,.0f}"
    high = "beyond the range" if estimate.high is None else f"{estimate.high:,.0f}"
    return f"d90 {estimate.d90:,.0f} ({low} to {high})"


def describe_so_far(measured: Measured) -> str:
    """As `describe`, of a search that goes on: what it has not found yet has not failed.

    >>> describe_so_far(Estimate(status="failed", reason="no training in full finished"))
    'no d90 yet'
    """
    is_without = isinstance(measured, Estimate) and measured.status == "failed"
    return "no d90 yet" if is_without else describe(measured)


def duration(seconds: float) -> str:
    """In words.

    >>> duration(50), duration(600), duration(10000)
    ('50 s', '10 min', '2.8 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
