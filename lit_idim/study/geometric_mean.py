"""The description length of the average task: the geometric mean of d90 over tasks."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lit_idim.study.d90_row import D90Row, D90Variant


@dataclass(frozen=True, kw_only=True)
class GeometricMeanRow:
    """Geometric mean over tasks of the d90 of one checkpoint and method.

    Attributes:
        model: name of the series or model.
        checkpoint: name of the checkpoint.
        pretraining_step: updates of pretraining; None for a model without a series.
        num_parameters: largest D over the tasks, whose heads may differ in size.
        method: "did" or "said".
        projection: name of P.
        tasks: names of the tasks averaged over.
        d90: exp(mean over tasks of ln d90), in trained numbers; None unless every task is reached.
        d90_low: lower end of its interval, in trained numbers; None if a task has no interval.
        d90_high: upper end of its interval, in trained numbers; None if a task has no interval.
        interval_level: probability of the interval.
        reason: why there is no number; None if there is one.
    """

    model: str
    checkpoint: str
    pretraining_step: int | None
    num_parameters: int | None
    method: str
    projection: str
    tasks: tuple[str, ...]
    d90: float | None
    d90_low: float | None
    d90_high: float | None
    interval_level: float
    reason: str | None


def geometric_mean_rows(rows: Sequence[D90Row], variant: D90Variant = "d90") -> list[GeometricMeanRow]:
    """The geometric mean of each (model, step, method) over all tasks that the rows have of that model and method.

    A censored task has no number, and a mean over the others would be of easier tasks: such a step gets none, and its
    `reason` names the tasks. The errors of ln d90 are taken as independent between tasks, each side for itself:

        ln(high / mean) = sqrt(sum over tasks of ln(high_i / d90_i)^2) / number of tasks

    Args:
        rows: of any models, steps, tasks and methods; one row a cell.
        variant: which d90.

    Returns:
        One row for each (model, checkpoint, method, projection), in order of first appearance.

    Raises:
        ValueError: if a cell has more than one row.
    """
    groups: dict[tuple[str, str, int | None, str, str], list[D90Row]] = {}
    tasks_of: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row.model, row.checkpoint, row.pretraining_step, row.method, row.projection), []).append(row)
        tasks = tasks_of.setdefault((row.model, row.method, row.projection), [])
        if row.task not in tasks:
            tasks.append(row.task)
    means = []
    for (model, checkpoint, step, method, projection), group in groups.items():
        tasks = tasks_of[model, method, projection]
        twice = [task for task, count in Counter(row.task for row in group).items() if count > 1]
        if twice:
            raise ValueError(
                f"rows: expected one row a cell, got several of {model} {checkpoint} on {', '.join(twice)}"
            )
        reason = _reason(group, tasks, variant)
        d90, low, high = (None, None, None) if reason else _mean(group, variant)
        means.append(
            GeometricMeanRow(
                model=model,
                checkpoint=checkpoint,
                pretraining_step=step,
                num_parameters=max((row.num_parameters for row in group if row.num_parameters), default=None),
                method=method,
                projection=projection,
                tasks=tuple(tasks),
                d90=d90,
                d90_low=low,
                d90_high=high,
                interval_level=group[0].interval_level,
                reason=reason,
            )
        )
    return means


def _reason(group: Sequence[D90Row], tasks: Sequence[str], variant: D90Variant) -> str | None:
    status = {row.task: row.status_of(variant) or "not measured" for row in group}
    short = [
        f"{task}: {status.get(task, 'not measured')}" for task in tasks if status.get(task, "not measured") != "reached"
    ]
    return f"no mean over tasks, since not all are reached ({'; '.join(short)})" if short else None


def _mean(group: Sequence[D90Row], variant: D90Variant) -> tuple[float, float | None, float | None]:
    logs, below, above = [], [], []
    for row in group:
        d90, low, high = row.interval_of(variant)
        assert d90 is not None
        logs.append(math.log(d90))
        below.append(math.log(d90 / low) if low else None)
        above.append(math.log(high / d90) if high else None)
    mean = sum(logs) / len(logs)
    widths = [
        None if None in side else math.sqrt(sum(width**2 for width in side if width is not None)) / len(side)
        for side in (below, above)
    ]
    low_width, high_width = widths
    return (
        math.exp(mean),
        None if low_width is None else math.exp(mean - low_width),
        None if high_width is None else math.exp(mean + high_width),
    )
