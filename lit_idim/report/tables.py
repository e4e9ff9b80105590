"""The tables of a report: d90, all columns of `d90.csv`, trainings, and those of the study itself."""

from collections.abc import Sequence

from lit_idim.ledger.record import TrainingRecord
from lit_idim.report.content import ReportContent, ReportTable, cell_key
from lit_idim.report.links import Links
from lit_idim.report.markup import Markup, element, join
from lit_idim.report.sortable import Cell, sortable_table
from lit_idim.report.words import VARIANT_WORDS, rate_words, score_words, status_words
from lit_idim.study.d90_row import D90_COLUMNS, D90Row, D90Variant
from lit_idim.text import whole


def d90_table(content: ReportContent, links: Links) -> Markup:
    """The important columns of all rows, and below them, folded, all columns."""
    name = VARIANT_WORDS[content.variant]
    header = ["model", "checkpoint", "D", "task", "method", name, "low", "high", "status", "full score", "trainings"]
    rows = [_important(row, content.variant, links) for row in content.rows]
    every = [[_raw(getattr(row, column)) for column in D90_COLUMNS] for row in content.rows]
    return join(
        [
            sortable_table(header, rows, title=f"{name} of every cell"),
            element(
                "p",
                "low and high are the ends of the interval; an empty one is open. Of a cell above range low is d_max, "
                "of one below range high is d_min: d90 lies beyond. A model's name leads to the cell's scores.",
                class_="note",
            ),
            element(
                "details",
                element("summary", f"All {len(D90_COLUMNS)} columns of d90.csv"),
                sortable_table(D90_COLUMNS, every, title="All columns of d90.csv"),
            ),
        ]
    )


def trainings_table(records: Sequence[TrainingRecord]) -> Markup:
    """One row a training."""
    header = [
        "model",
        "checkpoint",
        "task",
        "method",
        "d",
        "learning rate",
        "ladder step",
        "replicate",
        "status",
        "score",
        "updates",
        "seconds",
        "reason",
    ]
    ordered = sorted(records, key=lambda record: record.place)
    return sortable_table(header, [_training(record) for record in ordered], title="Trainings")


def seeds_table(records: Sequence[TrainingRecord]) -> Markup:
    """The seeds of every training, by its key in the ledger."""
    names = sorted({name for record in records for name in record.seeds})
    rows = [
        [record.key, *(str(record.seeds[name]) if name in record.seeds else "" for name in names)]
        for record in sorted(records, key=lambda record: record.place)
    ]
    return sortable_table(["training", *names], rows, title="Seeds of the trainings")


def further_table(table: ReportTable) -> Markup:
    """A table of the study itself."""
    note = element("p", table.note, class_="note") if table.note else None
    return element(
        "section", element("h3", table.title), sortable_table(table.header, table.rows, title=table.title), note
    )


def _important(row: D90Row, variant: D90Variant, links: Links) -> list[str | Cell]:
    d90, low, high = row.interval_of(variant)
    step = "" if row.pretraining_step is None else str(row.pretraining_step)
    return [
        Cell(shown=element("a", row.model, href=f"#{links[cell_key(row)]}"), key=row.model),
        Cell(shown=row.checkpoint, key=step) if step else row.checkpoint,
        whole(row.num_parameters),
        row.task,
        row.method.upper(),
        whole(d90),
        whole(low),
        whole(high),
        status_words(row, variant),
        score_words(row.full_score),
        whole(row.num_trainings),
    ]


def _training(record: TrainingRecord) -> list[str]:
    return [
        record.model,
        record.checkpoint,
        record.task,
        record.method,
        whole(record.d),
        rate_words(record.learning_rate),
        f"{record.rate}",
        f"{record.replicate}",
        record.status,
        score_words(record.score, 4),
        f"{record.num_updates_done}",
        f"{record.seconds:.1f}",
        record.reason or "",
    ]


def _raw(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(_raw, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
