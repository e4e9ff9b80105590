"""Marks of one series of d90 along its x: a number with its interval, or the status that it has."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation, Transform, blended_transform_factory

from lit_idim.figures.style import GREY, LineStyle
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.geometric_mean import GeometricMeanRow

STRIP_HEIGHT = 0.11  # of the axes, at the bottom, for what has no place on the scale of d
STATUS_LABELS = {
    "above_range": "above range: > d_max",
    "below_range": "below range: < d_min",
    "trivial": "trivial: chance reaches target",
    "no_signal": "no signal: full score at chance",
    "failed": "failed",
}
STATUS_MARKERS = {"above_range": "^", "below_range": "v", "no_signal": "x", "failed": "+"}

Number = tuple[int, float | None, float | None, float | None]
"""x, d90, low and high."""


@dataclass(frozen=True, kw_only=True)
class SeriesLook:
    """How a series is drawn.

    Attributes:
        label: its name in the legend.
        color: of line and marks.
        marker: of its numbers.
        line_style: of its line; "" for none.
        shift_points: to the right, so that series at the same x do not hide each other.
        status_shift_points: the same for marks of a status, by x; they all stand at one height.
        shaded: whether the interval is an area too.
    """

    label: str
    color: str
    marker: str
    line_style: LineStyle | Literal[""]
    shift_points: float
    status_shift_points: Mapping[int, float]
    shaded: bool


def pretraining_step(row: D90Row | GeometricMeanRow) -> int:
    """The x of a series along its pretraining; of a row that has a step."""
    assert row.pretraining_step is not None
    return row.pretraining_step


def draw_series(
    axes: Axes,
    rows: Sequence[D90Row],
    look: SeriesLook,
    variant: D90Variant,
    x_of: Callable[[D90Row], int] = pretraining_step,
) -> None:
    """Draws the rows of one series, each at its x."""
    rows = sorted(rows, key=x_of)
    reached = [row.status_of(variant) == "reached" for row in rows]
    numbers = [
        (x_of(row), *(row.drawn_interval_of(variant) if one else (None, None, None)))
        for row, one in zip(rows, reached, strict=True)
    ]
    _draw_numbers(axes, numbers, look)
    for row in rows:
        status, x = row.status_of(variant), x_of(row)
        shift = _shift(axes, look.status_shift_points[x])
        if status in ("above_range", "below_range"):
            edge, direction = (row.d_max, 1) if status == "above_range" else (row.d_min, -1)
            on_scale = axes.transData + shift
            mark: dict[str, Any] = {"transform": on_scale, "clip_on": False, "zorder": 5}
            mark |= {"color": look.color, "gid": status}
            axes.plot(x, edge, STATUS_MARKERS[status], **mark)
            axes.annotate(
                "",
                xy=(x, edge),
                xycoords=on_scale,
                xytext=(0, 13 * direction),
                textcoords="offset points",
                annotation_clip=False,
                arrowprops={"arrowstyle": "<-", "color": look.color, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
            )
        elif status is not None and status != "reached":
            marker = look.marker if status == "trivial" else STATUS_MARKERS[status]
            on_strip = blended_transform_factory(axes.transData, axes.transAxes) + shift
            mark = {"color": look.color, "markerfacecolor": "white", "transform": on_strip, "gid": status}
            axes.plot(x, STRIP_HEIGHT / 2, marker, **mark)


def draw_means(axes: Axes, means: Sequence[GeometricMeanRow], look: SeriesLook) -> None:
    """Draws the geometric means of one model and method as a thick line; steps without one are gaps."""
    ordered = sorted((mean for mean in means if mean.pretraining_step is not None), key=pretraining_step)
    numbers = [(pretraining_step(mean), mean.d90, mean.d90_low, mean.d90_high) for mean in ordered]
    _draw_numbers(axes, numbers, look, thick=True)


def series_handle(look: SeriesLook, *, thick: bool = False) -> Line2D:
    """Entry of a series in the legend."""
    width = 2.6 if thick else None
    return Line2D(
        [], [], color=look.color, marker=look.marker, linestyle=look.line_style, linewidth=width, label=look.label
    )


def status_handles(statuses: set[str]) -> list[Line2D]:
    """Entries of the statuses that occur, in the order of `STATUS_LABELS`."""
    return [
        Line2D(
            [],
            [],
            linestyle="",
            color=GREY,
            marker=STATUS_MARKERS.get(status, "o"),
            markerfacecolor="white" if status == "trivial" else GREY,
            label=label,
        )
        for status, label in STATUS_LABELS.items()
        if status in statuses
    ]


def _shift(axes: Axes, points: float) -> Transform:
    """Moves to the right by so many points."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return ScaledTranslation(points / 72, 0, figure.dpi_scale_trans)


def _draw_numbers(axes: Axes, numbers: Sequence[Number], look: SeriesLook, *, thick: bool = False) -> None:
    """Line, marks and intervals; an x without a number interrupts the line."""
    x, d90, low, high = (
        np.array([np.nan if value is None else value for value in column], dtype=np.float64)
        for column in zip(*numbers, strict=True)
    )
    transform = axes.transData + _shift(axes, look.shift_points)
    style: dict[str, Any] = {"color": look.color, "transform": transform, "zorder": 4 if thick else 3}
    axes.plot(
        x,
        d90,
        linestyle=look.line_style,
        marker=look.marker,
        linewidth=2.6 if thick else 1.2,
        gid="mean" if thick else "reached",
        label=look.label,
        **style,
    )
    if look.shaded:
        axes.fill_between(x, low, high, alpha=0.15, linewidth=0, **(style | {"zorder": 1}))
    axes.vlines(x, low, high, linewidth=1.6 if thick else 0.8, alpha=0.7, **style)
