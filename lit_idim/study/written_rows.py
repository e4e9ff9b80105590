"""What an earlier `d90.csv` knows and the ledger does not: why a cell failed, and the interval over dev examples."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lit_idim.errors import UserError
from lit_idim.figures.score_against_d import CellKey
from lit_idim.study.d90_row import D90Row
from lit_idim.study.measured_cell import MeasuredCell
from lit_idim.study.row_details import has_ended
from lit_idim.study.rows import rows_of
from lit_idim.study.settings import StudySettings
from lit_idim.study.tables import read_d90

D90_FILE = "d90.csv"

_log = logging.getLogger(__name__)


def written_rows(folder: Path) -> dict[CellKey, D90Row]:
    """Rows of a folder's `d90.csv` by model, checkpoint, task and method; none where it is not there or not whole."""
    path = folder / D90_FILE
    try:
        return {_key(row): row for row in read_d90(path)} if path.is_file() else {}
    except UserError as error:
        _log.warning("%s is passed over: %s", path, error)
        return {}


def with_failures(
    cells: Sequence[MeasuredCell], settings: StudySettings, written: Mapping[CellKey, D90Row]
) -> list[MeasuredCell]:
    """Cells with the reasons of those that failed, unless something was trained since.

    Args:
        cells: of a ledger.
        settings: of the study.
        written: rows of an earlier table.
    """
    failed = {key: row for key, row in written.items() if row.status == "failed" and has_ended(row)}
    if not failed:
        return list(cells)
    now = {_key(row): row for row in rows_of(cells, settings, {})[0]}

    def reason(cell: MeasuredCell) -> str | None:
        key = (cell.model, cell.checkpoint, cell.task, cell.method)
        num_trainings = now[key].num_trainings if key in now else 0
        return failed[key].reason if key in failed and failed[key].num_trainings == num_trainings else None

    return [replace(cell, reason=reason(cell)) for cell in cells]


def with_dev_intervals(rows: Sequence[D90Row], written: Mapping[CellKey, D90Row]) -> list[D90Row]:
    """Rows with the intervals over dev examples of those that are otherwise as they were written.

    Args:
        rows: of a ledger, without these intervals.
        written: rows of an earlier table.
    """
    old = [written.get(_key(row), row) for row in rows]
    return [
        before if replace(before, d90_dev_low=None, d90_dev_high=None) == row else row
        for before, row in zip(old, rows, strict=True)
    ]


def _key(row: D90Row) -> CellKey:
    return (row.model, row.checkpoint, row.task, row.method)
