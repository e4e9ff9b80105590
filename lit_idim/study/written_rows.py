"""What an earlier `d90.csv` knows and the ledger does not: why a cell failed, and the interval over dev examples."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from lit_idim.errors import UserError
from lit_idim.figures.score_against_d import CellKey
from lit_idim.study.d90_row import D90Row
from lit_idim.study.measured_cell import MeasuredCell
from lit_idim.study.row_details import HEAD_FAILED, has_ended
from lit_idim.study.rows import rows_of
from lit_idim.study.settings import StudySettings
from lit_idim.study.tables import read_d90

D90_FILE = "d90.csv"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WrittenRows:
    """The rows of a `d90.csv`.

    Attributes:
        rows: by model, checkpoint, task and method.
        written_at: when the table was written; UTC, ISO 8601, as in the ledger.
    """

    rows: Mapping[CellKey, D90Row] = field(default_factory=dict)
    written_at: str = ""

    def reason(self, cell: MeasuredCell) -> str | None:
        """Why a cell failed: its checkpoint, its data or its memory, not what its trainings came to."""
        if cell.is_baseline:
            place = (cell.model, cell.checkpoint, cell.task)
            notes = [row.notes for key, row in self.rows.items() if key[:3] == place]
            return next((note.partition(HEAD_FAILED)[2] for note in notes if HEAD_FAILED in note), None)
        row = self.rows.get((cell.model, cell.checkpoint, cell.task, cell.method))
        if row is None or not has_ended(row) or row.target_score is not None:
            return None
        statuses = (row.status, row.d90_chance_corrected_status, row.d90_final_target_status)
        return row.reason if set(statuses) == {"failed"} else None


def written_rows(folder: Path) -> WrittenRows:
    """Of a folder's `d90.csv`; none where it is not there or not whole."""
    path = folder / D90_FILE
    try:
        if not path.is_file():
            return WrittenRows()
        written_at = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).isoformat(timespec="seconds")
        return WrittenRows(rows={_key(row): row for row in read_d90(path)}, written_at=written_at)
    except UserError as error:
        _log.warning("%s is passed over: %s", path, error)
        return WrittenRows()


def with_failures(cells: Sequence[MeasuredCell], settings: StudySettings, written: WrittenRows) -> list[MeasuredCell]:
    """Cells with the reasons of those that failed.

    A reason is out of date where the ledger alone tells how the cell's search ended, or where one of its trainings was
    begun after the table was written.

    Args:
        cells: of a ledger.
        settings: of the study.
        written: an earlier table.
    """
    reasons = [written.reason(cell) for cell in cells]
    if not any(reasons):
        return list(cells)
    ended = {_key(row) for row in rows_of(cells, settings, {})[0] if has_ended(row)}

    def is_out_of_date(cell: MeasuredCell) -> bool:
        if cell.is_baseline:
            return cell.asked(settings.search, None)[0]
        return (cell.model, cell.checkpoint, cell.task, cell.method) in ended

    def was_trained_since(cell: MeasuredCell) -> bool:
        return any(record.started_at > written.written_at for record in cell.records.values())

    return [
        cell if reason is None or is_out_of_date(cell) or was_trained_since(cell) else replace(cell, reason=reason)
        for cell, reason in zip(cells, reasons, strict=True)
    ]


def with_dev_intervals(rows: Sequence[D90Row], written: WrittenRows) -> list[D90Row]:
    """Rows with the intervals over dev examples of those that are otherwise as they were written.

    Args:
        rows: of a ledger, without these intervals.
        written: an earlier table.
    """
    old = [written.rows.get(_key(row), row) for row in rows]
    return [
        before if replace(before, d90_dev_low=None, d90_dev_high=None) == row else row
        for before, row in zip(old, rows, strict=True)
    ]


def _key(row: D90Row) -> CellKey:
    return (row.model, row.checkpoint, row.task, row.method)
