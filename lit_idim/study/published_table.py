"""Measured d90 beside published ones: Table 1 of the paper with what was run here."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from lit_idim.study.d90_row import D90Row
from lit_idim.study.provenance import write_whole
from lit_idim.study.published import SOURCE, TABLE_1, PublishedD90
from lit_idim.study.tables import write_table
from lit_idim.text import interval, whole

NOT_RUN = "not run"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One line of the table.

    Attributes:
        title: the model as the paper names it; "" if it is not in the paper.
        model: its name here; "" if it was not run.
        checkpoint: within its series.
        task: name of the task.
        method: "did" or "said".
        published_d90: of the paper, in trained numbers; None if it has none.
        status: of the measurement, as in `d90.csv`, or "not run".
        d90: measured, in trained numbers; None unless reached.
        d90_low: lower end of its 90% interval.
        d90_high: upper end of its 90% interval.
        d90_first_crossing: by the paper's own estimator; None under other protocols than grid.
        full_score: dev score of full fine-tuning.
        metric: name of the score.
    """

    title: str
    model: str
    checkpoint: str
    task: str
    method: str
    published_d90: int | None
    status: str
    d90: float | None
    d90_low: float | None
    d90_high: float | None
    d90_first_crossing: int | None
    full_score: float | None
    metric: str


def compare(rows: Iterable[D90Row], published: Sequence[PublishedD90] = TABLE_1) -> list[Comparison]:
    """Every published number with the measurements of its model, and the measurements that nobody published.

    Args:
        rows: of `d90.csv`.
        published: numbers to stand beside them.

    Returns:
        The published lines first, in their order; a model that was not run has status "not run".
    """
    left = list(rows)
    lines = []
    for number in published:
        mine = [
            row for row in left if row.model in number.models and (row.task, row.method) == (number.task, number.method)
        ]
        lines += [_line(row, number) for row in mine] or [_not_run(number)]
        left = [row for row in left if row not in mine]
    return lines + [_line(row, None) for row in left]


def write_comparison(folder: Path, stem: str, lines: Sequence[Comparison]) -> list[Path]:
    """Writes the table as CSV and as Markdown, and returns their paths."""
    columns = [field.name for field in fields(Comparison)]
    write_table(folder / f"{stem}.csv", columns, (astuple(line) for line in lines))
    write_whole(folder / f"{stem}.md", markdown(lines))
    return [folder / f"{stem}.csv", folder / f"{stem}.md"]


def markdown(lines: Sequence[Comparison]) -> str:
    """The table in Markdown, aligned so that it reads as plain text, too."""
    table = [
        ("model", "task", "method", "d90 published", "d90 here", "90% interval", "first of grid", "full score"),
        *(_words(line) for line in lines),
    ]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    shown = [
        "| " + " | ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(
        [*shown, "", f"Published: {SOURCE}; without intervals, the first d of a grid that reached 90%.", ""]
    )


def _line(row: D90Row, number: PublishedD90 | None) -> Comparison:
    return Comparison(
        title="" if number is None else number.title,
        model=row.model,
        checkpoint=row.checkpoint,
        task=row.task,
        method=row.method,
        published_d90=None if number is None else number.d90,
        status=row.status,
        d90=row.d90,
        d90_low=row.d90_low,
        d90_high=row.d90_high,
        d90_first_crossing=row.d90_first_crossing,
        full_score=row.full_score,
        metric=row.metric,
    )


def _not_run(number: PublishedD90) -> Comparison:
    return Comparison(
        title=number.title,
        model="",
        checkpoint="",
        task=number.task,
        method=number.method,
        published_d90=number.d90,
        status=NOT_RUN,
        d90=None,
        d90_low=None,
        d90_high=None,
        d90_first_crossing=None,
        full_score=None,
        metric="",
    )


def _words(line: Comparison) -> tuple[str, ...]:
    name = " = ".join(word for word in (line.title, f"{line.model}/{line.checkpoint}" if line.model else "") if word)
    return (
        name,
        line.task,
        line.method.upper(),
        whole(line.published_d90),
        whole(line.d90) if line.d90 is not None else line.status.replace("_", " "),
        interval(line.d90_low, line.d90_high),
        whole(line.d90_first_crossing),
        "" if line.full_score is None else f"{line.full_score:.3f} {line.metric}",
    )
