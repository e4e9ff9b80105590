"""What a report is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lit_idim.figures.score_against_d import CellKey, Curve
from lit_idim.ledger.record import TrainingRecord
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.row_details import has_ended


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A further table of a study.

    Attributes:
        title: its heading.
        header: names of its columns.
        rows: its cells as text; a column of numbers sorts as numbers.
        note: a sentence below it; "" if there is nothing to say.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportFigure:
    """A further figure, put into the report as it is.

    Attributes:
        path: PNG or SVG.
        alt: what it shows, for those who cannot see it.
        note: a few words below it, such as when it was drawn; "" if there is nothing to say.
    """

    path: Path
    alt: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """A study as far as it has been measured.

    Attributes:
        study: name of its script, such as "pretrain_curve"; "" if it is not known.
        variant: the d90 that the headline figure and the tables are about.
        rows: of `d90.csv`.
        headline_rows: those of the rows that the headline figure draws; all if None, and along D those of each model's
            last pretraining step.
        records: all trainings that the rows rest on, those of heads trained alone included.
        curves: fitted score against ln d, by cell, where there is one.
        tables: further tables of the study.
        figures: further figures, each with its alternative text.
        config: text of `config.yaml`.
        manifest: what `manifest.json` holds.
        trends: a sentence a trend.
        is_complete: False while the study runs or cells are left.
        num_cells: d90 that the study asks for; as many as there are rows if None.
        written_at: when, in UTC.
    """

    study: str
    variant: D90Variant
    rows: Sequence[D90Row]
    records: Sequence[TrainingRecord]
    curves: Mapping[CellKey, Curve] = field(default_factory=dict)
    tables: Sequence[ReportTable] = ()
    figures: Sequence[ReportFigure] = ()
    config: str
    manifest: Mapping[str, Any]
    trends: Sequence[str] = ()
    is_complete: bool
    num_cells: int | None = None
    written_at: datetime
    headline_rows: Sequence[D90Row] | None = None

    @property
    def num_done(self) -> int:
        """Cells whose search has ended."""
        return sum(has_ended(row) and row.status_of(self.variant) != "failed" for row in self.rows)


def cell_key(row: D90Row) -> CellKey:
    """Model, checkpoint, task and method."""
    return (row.model, row.checkpoint, row.task, row.method)
