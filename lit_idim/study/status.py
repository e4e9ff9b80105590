"""What a study has measured, runs and has left, from its ledger alone, also while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_idim.d90 import full_score
from lit_idim.ledger import Ledger
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import Cell, load_cells
from lit_idim.study.config_file import read_config
from lit_idim.study.expected_trainings import expected_trainings
from lit_idim.study.measured_cell import MeasuredCell, measured_cells
from lit_idim.study.outputs import VARIANT_OF_TARGET
from lit_idim.study.progress import describe, describe_so_far, duration
from lit_idim.study.row_details import has_ended
from lit_idim.study.rows import rows_of
from lit_idim.study.run import LEDGER_FILE
from lit_idim.study.settings import StudySettings
from lit_idim.study.written_rows import with_failures, written_rows
from lit_idim.text import aligned

_HEADINGS = ("cell", "state", "trainings", "diverged", "time", "so far")


@dataclass(frozen=True, kw_only=True)
class CellStatus:
    """How far a cell is.

    Attributes:
        name: series, step, task and method.
        state: "done", "open" (begun), "not begun", or "failed" as the folder's `d90.csv` tells.
        num_trainings: finished or diverged.
        num_diverged: of these.
        num_paused: that go on later, or are dropped.
        seconds: of all of them.
        num_left: whole trainings that the search is expected to need yet.
        so_far: d90 in words, or the head's score, or why the cell failed.
    """

    name: str
    state: str
    num_trainings: int
    num_diverged: int
    num_paused: int
    seconds: float
    num_left: float
    so_far: str


def describe_study(folder: Path, *, ledger: str | None = None) -> str:
    """A line a cell, and what the study comes to, as text.

    Args:
        folder: of the study's outputs.
        ledger: address, where it is not what the folder's `config.yaml` names.

    Raises:
        UserError: if there is no study or no ledger, or either is damaged.
    """
    config = read_config(folder)
    settings = config.settings
    with Ledger.read(ledger or config.ledger or folder / LEDGER_FILE, settings=settings_to_agree(settings)) as book:
        records, num_running = book.records(), book.num_running()
    cells = load_cells(settings)
    measured = with_failures(measured_cells(cells, records), settings, written_rows(folder))
    statuses = study_status(settings, cells, measured)
    lines = [_HEADINGS, *(_line(status) for status in statuses)]
    text = aligned(lines)
    return "\n".join([*text, _summary(statuses, num_running)])


def study_status(settings: StudySettings, cells: Sequence[Cell], measured: Sequence[MeasuredCell]) -> list[CellStatus]:
    """How far every cell is.

    Args:
        settings: of the study.
        cells: of the study.
        measured: the same cells with their trainings, in the same order.
    """
    rows, estimates = rows_of(measured, settings, {})
    by_cell = {(row.model, row.checkpoint, row.task, row.method): row for row in rows}
    found = []
    for cell, one in zip(cells, measured, strict=True):
        key = (one.model, one.checkpoint, one.task, one.method)
        if one.reason is not None:
            is_done, so_far = False, one.reason
        elif not one.records:
            is_done, so_far = False, ""
        elif one.is_baseline:
            is_done, results = one.asked(settings.search, None)
            so_far = describe(full_score(results))
        else:
            row = by_cell[key]
            is_done = has_ended(row)
            so_far = (describe if is_done else describe_so_far)(estimates[key])
            if (variant := VARIANT_OF_TARGET[settings.search.targets[0]]) != "d90":
                so_far = f"{variant}: {so_far}"
        found.append(_status(cell, one, settings, is_done, so_far))
    return found


def _status(cell: Cell, measured: MeasuredCell, settings: StudySettings, is_done: bool, so_far: str) -> CellStatus:
    records, has_failed = list(measured.records.values()), measured.reason is not None
    ended = [record for record in records if record.status in ("finished", "diverged")]
    expected = sum(expected_trainings(cell, settings.search))
    return CellStatus(
        name=cell.name,
        state="failed" if has_failed else "done" if is_done else "open" if records else "not begun",
        num_trainings=len(ended),
        num_diverged=sum(record.status == "diverged" for record in ended),
        num_paused=sum(record.status == "paused" for record in records),
        seconds=sum(record.seconds for record in records),
        num_left=0.0 if is_done or has_failed else max(0.0, expected - len(ended)),
        so_far=so_far,
    )


def _line(status: CellStatus) -> tuple[str, ...]:
    return (
        status.name,
        status.state,
        str(status.num_trainings),
        str(status.num_diverged or ""),
        duration(status.seconds) if status.seconds else "",
        status.so_far,
    )


def _summary(statuses: Sequence[CellStatus], num_running: int) -> str:
    # Trainings in full stand in every method's cell of a checkpoint and task, so that sums count them more than once.
    done = sum(status.state == "done" for status in statuses)
    num_ended, num_left = sum(status.num_trainings for status in statuses), sum(status.num_left for status in statuses)
    seconds = sum(status.seconds for status in statuses)
    text = f"{done} of {len(statuses)} cells done; {num_running} training{'' if num_running == 1 else 's'} running"
    if num_ended and num_left:
        text += f"; about {num_left:,.0f} trainings left, {duration(num_left * seconds / num_ended)} of one process"
    return text
