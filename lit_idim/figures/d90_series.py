"""Which lines a figure of d90 against pretraining step has, in which panels, and how each looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D

from lit_idim.figures.d90_marks import SeriesLook, series_handle, status_handles
from lit_idim.figures.step_axis import gaps
from lit_idim.figures.style import (
    COLORS,
    DARK,
    FONT_POINTS,
    GREY,
    LINE_STYLES,
    MARKERS,
    LineStyle,
    shortened,
)
from lit_idim.study.d90_row import D90Row, D90Variant

MEAN_LABEL = "geometric mean of tasks"
LEGEND_TEXT_INCHES = 1.6
AXIS_POINTS = 270.0  # length of the axis of steps
MAX_SHIFT_POINTS = 14.0  # over which the series of a step spread
SHIFT_OF_GAP = 0.6  # of the distance to the next step
MAX_LINES = 6  # in one panel; beyond that each method has a panel of its own
MAX_SHADED = 4

SeriesKey = tuple[str, str]
"""Task (or model, where models are the lines) and method."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Lines and panels of a figure.

    Attributes:
        by_model: whether a line is a model, all on one task, instead of a task.
        panels: (title, rows) of each panel, from the top.
        looks: how the series look.
        mean_looks: how the geometric means look, by method; empty with a single task.
    """

    by_model: bool
    panels: list[tuple[str, list[D90Row]]]
    looks: Mapping[SeriesKey, SeriesLook]
    mean_looks: Mapping[str, SeriesLook]

    def key(self, row: D90Row) -> SeriesKey:
        """The series that a row belongs to."""
        return (row.model if self.by_model else row.task, row.method)


def plan_figure(rows: Sequence[D90Row]) -> Plan:
    """One panel where it stays legible; else one a model, and one a method where lines are many.

    Colour and marker tell the task, or the model if there is one task; the line style tells the method.
    """
    models, tasks, methods = (
        list(dict.fromkeys(getattr(row, name) for row in rows)) for name in ("model", "task", "method")
    )
    by_model = len(models) > 1 and len(tasks) == 1
    names = models if by_model else tasks
    split_models = len(models) > 1 and not by_model
    split_methods = len(methods) > 1 and len(names) * len(methods) > MAX_LINES
    panels: dict[str, list[D90Row]] = {}
    for row in sorted(rows, key=lambda row: (models.index(row.model), methods.index(row.method))):
        parts = [row.model] * split_models + [row.method.upper()] * split_methods
        panels.setdefault(", ".join(parts), []).append(row)
    styles: dict[str, LineStyle] = {
        method: LINE_STYLES[0 if split_methods else number % len(LINE_STYLES)] for number, method in enumerate(methods)
    }
    suffixes = {method: f", {method.upper()}" if len(methods) > 1 and not split_methods else "" for method in methods}
    present = list(dict.fromkeys((row.model if by_model else row.task, row.method) for row in rows))
    slots = list(dict.fromkeys((name, "" if split_methods else method) for name, method in present))
    steps = [row.pretraining_step for row in rows if row.pretraining_step is not None]
    spreads = {step: min(MAX_SHIFT_POINTS, SHIFT_OF_GAP * AXIS_POINTS * gap) for step, gap in gaps(steps).items()}
    looks = {}
    for name, method in present:
        place = (slots.index((name, "" if split_methods else method)) + 0.5) / len(slots) - 0.5
        looks[name, method] = SeriesLook(
            label=_short(f"{name}{suffixes[method]}"),
            color=COLORS[names.index(name) % len(COLORS)],
            marker=MARKERS[names.index(name) % len(MARKERS)],
            line_style=styles[method],
            shift_points=place * min(spreads.values()),
            status_shift_points={step: 1.5 * place * spread for step, spread in spreads.items()},
            shaded=len(slots) <= MAX_SHADED,
        )
    mean_looks = {
        method: SeriesLook(
            label=f"{MEAN_LABEL}{suffixes[method]}",
            color=DARK,
            marker="o",
            line_style=styles[method],
            shift_points=0,
            status_shift_points={},
            shaded=split_methods or len(methods) == 1,
        )
        for method in methods
        if len(tasks) > 1
    }
    return Plan(by_model=by_model, panels=list(panels.items()), looks=looks, mean_looks=mean_looks)


def reference_style(number: int) -> LineStyle:
    """Line style of the n-th horizontal reference line."""
    return LINE_STYLES[(number + 3) % len(LINE_STYLES)]


def legend_handles(
    plan: Plan, rows: Sequence[D90Row], variant: D90Variant, references: Mapping[str, float]
) -> list[Line2D]:
    """Entries of the legend: series, means, the statuses that occur, references; each look once."""
    looks = {look.label: series_handle(look) for look in plan.looks.values()}
    means = {look.label: series_handle(look, thick=True) for look in plan.mean_looks.values()}
    handles = [*looks.values(), *means.values(), *status_handles({row.status_of(variant) or "" for row in rows})]
    for number, label in enumerate(references):
        style = reference_style(number)
        handles.append(Line2D([], [], color=GREY, linestyle=style, linewidth=1, label=_short(label)))
    return handles


def _short(label: str) -> str:
    return shortened(label, LEGEND_TEXT_INCHES, FONT_POINTS - 1)
