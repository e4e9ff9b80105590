"""What W&B is told of trainings and of d90, as plain numbers under the names of `lit_idim.tracking.keys`."""

from collections.abc import Iterable, Sequence
from typing import Any

from lit_idim.ledger import TrainingRecord
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.tracking.keys import D90_NUMBERS, Axis, d90_key, full_score_key, score_key

Point = dict[str, float | int]
"""Numbers that are sent together, with the step metric that they are drawn against."""
CHART_COLUMNS = ("line", "d90", "d90_low", "d90_high", "model", "task", "method", "status")


def training_points(record: TrainingRecord) -> list[Point]:
    """The score of a finished training in a subspace, against d; nothing of others."""
    if record.status != "finished" or record.score is None or record.d is None:
        return []
    key = score_key(record.model, record.checkpoint, record.task, record.method)
    return [{"d": record.d, key: record.score}]


def d90_points(row: D90Row, variant: D90Variant, *, is_last: bool) -> list[Point]:
    """The numbers of a row, against pretraining step and against D, as far as it has them.

    A d90 that is no number is not drawn; its status stands in the table.

    Args:
        row: of a cell whose search has ended.
        variant: which d90.
        is_last: whether it stands for the size of its model; only such a row is set against D.
    """
    points: list[Point] = []
    numbers = dict(zip(D90_NUMBERS, row.interval_of(variant), strict=True))
    lines: list[tuple[Axis, int | None, tuple[str, ...]]] = [
        ("pretraining_step", row.pretraining_step, (row.model, row.task, row.method)),
        ("num_parameters", row.num_parameters if is_last else None, (row.task, row.method)),
    ]
    for axis, x, line in lines:
        found = {d90_key(name, axis, *line): value for name, value in numbers.items() if value is not None}
        if x is not None and numbers["d90"] is not None:
            points.append({axis: x, **found})
    if row.pretraining_step is not None and row.full_score is not None:
        points.append({"pretraining_step": row.pretraining_step, full_score_key(row.model, row.task): row.full_score})
    return points


def is_for_size(row: D90Row, rows: Iterable[D90Row], size_step: int | None) -> bool:
    """Whether a row stands for the size of its model: it has no steps, is at `size_step`, or without one at the last.

    Args:
        row: one of the rows.
        rows: of the study.
        size_step: step at which models are compared; each one's last if None.
    """
    if row.pretraining_step is None or size_step is not None:
        return row.pretraining_step in (None, size_step)
    return row.pretraining_step == max(one.pretraining_step or 0 for one in rows if one.model == row.model)


def chart_table(
    rows: Sequence[D90Row], axis: Axis, variant: D90Variant, size_step: int | None = None
) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of the chart with all lines of d90 against an axis, ascending along each line.

    Rows without a number are left out. Arguments are those of `d90_points` and `is_for_size`.
    """
    lines = []
    for row in rows:
        x, d90 = getattr(row, axis), row.interval_of(variant)
        if x is None or d90[0] is None or (axis == "num_parameters" and not is_for_size(row, rows, size_step)):
            continue
        line = f"{row.task} {row.method}" if axis == "num_parameters" else f"{row.model} {row.task} {row.method}"
        lines.append([x, line, *d90, row.model, row.task, row.method, row.status_of(variant)])
    lines.sort(key=lambda line: (line[1], line[0]))
    return [axis, *CHART_COLUMNS], lines


def training_run(record: TrainingRecord) -> tuple[dict[str, Any], list[Point]]:
    """Config and history of a training that has a run of its own: dev scores against the update."""
    config = {
        name: getattr(record, name)
        for name in (
            "model", "checkpoint", "pretraining_step", "num_parameters", "task", "method", "projection", "d",
            "learning_rate", "replicate", "num_lambdas", "metric", "num_updates", "batch_size", "num_train_examples",
            "num_dev_examples", "status", "device", "key",
        )
    }  # fmt: skip
    points: list[Point] = [{"update": update, "score": score} for update, score in record.evaluations]
    return config | {"seeds": dict(record.seeds)}, points
