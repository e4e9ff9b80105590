"""Marks of models along the axis of their sizes: the looks of families, places side by side, and names."""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from lit_idim.figures.d90_marks import STRIP_HEIGHT, SeriesLook
from lit_idim.figures.point_names import NAME_POINTS, Box, NamedPoint, name_points
from lit_idim.figures.style import COLORS, FONT_POINTS, MARKERS, log_ticks, set_log_ticks, shortened
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.model_sizes import ModelSize, SizeAxis, SizeKey, size_key, size_of
from lit_idim.study.size_trend import SizeTrend

AXIS_POINTS = 310.0  # length of the axis of sizes
MARGIN_SHARE = 0.09
APART_POINTS = 5.0  # of marks side by side
TOUCHING_POINTS = 2.5  # marks that are nearer stand side by side
LEGEND_TEXT_INCHES = 1.5
NAME_INCHES = 1.3
MAX_NAMES = 24  # in one panel; beyond that colour and shape tell the family


def family_looks(sizes: Mapping[SizeKey, ModelSize]) -> dict[str, SeriesLook]:
    """Colour and marker by family, the same in every figure of a study."""
    families = sorted({size.family for size in sizes.values()})
    return {
        family: SeriesLook(
            label=shortened(family, LEGEND_TEXT_INCHES, FONT_POINTS - 1),
            color=COLORS[number % len(COLORS)],
            marker=MARKERS[number % len(MARKERS)],
            line_style="",
            shift_points=0,
            status_shift_points={},
            shaded=False,
        )
        for number, family in enumerate(families)
    }


def known_size(row: D90Row, sizes: Mapping[SizeKey, ModelSize], x: SizeAxis) -> int:
    """Where a row stands on the axis; of a row whose size is known."""
    place = size_of(row, sizes, x)
    assert place is not None
    return place


def set_size_axis(axes: Axes, places: Sequence[int]) -> None:
    """A logarithmic axis that holds these sizes."""
    low, high = min(places), max(places)
    pad = max(high / low, 4.0) ** MARGIN_SHARE
    axes.set_xscale("log")
    axes.set_xlim(low / pad, high * pad)
    ticks = log_ticks(low / pad, high * pad)
    set_log_ticks(axes, "x", ticks if len(ticks) > 1 else sorted({float(low), float(high)}))


def side_by_side(places: Sequence[int]) -> list[float]:
    """Shifts to the right, in points, by which marks of (almost) one size stand beside each other.

    >>> side_by_side([100, 5000, 100, 10**6])
    [-2.5, 0.0, 2.5, 0.0]
    """
    points_of_nat = AXIS_POINTS / max(math.log(max(places) / min(places)), math.log(4.0))
    ordered = sorted(range(len(places)), key=lambda number: places[number])
    crowds: list[list[int]] = []
    for number in ordered:
        if crowds and math.log(places[number] / places[crowds[-1][-1]]) * points_of_nat < TOUCHING_POINTS:
            crowds[-1].append(number)
        else:
            crowds.append([number])
    shifts = [0.0] * len(places)
    for crowd in crowds:
        for rank, number in enumerate(crowd):
            shifts[number] = APART_POINTS * (rank - (len(crowd) - 1) / 2)
    return shifts


def names_of(rows: Sequence[D90Row], sizes: Mapping[SizeKey, ModelSize], variant: D90Variant) -> list[str]:
    """What is written beside the marks of a panel: names without their owner on the hub, "" where nothing is.

    What the names of a family have in common is left away, unless the mark is that of a status and there are more
    families than colours: its shape does not tell the family then. Of many models only such marks have a name.
    """
    bare = [row.model.rpartition("/")[2] for row in rows]
    families = [sizes[size_key(row)].family for row in rows]
    members = {family: [name for name, one in zip(bare, families, strict=True) if one == family] for family in families}
    is_crowded, are_many = len(rows) > MAX_NAMES, len({size.family for size in sizes.values()}) > len(COLORS)
    names = []
    for row, name, family in zip(rows, bare, families, strict=True):
        has_number = row.status_of(variant) == "reached"
        if has_number and is_crowded:
            names.append("")
            continue
        tells_family = has_number or row.status_of(variant) == "trivial" or not are_many
        short = name.removeprefix(_common_words(members[family])) if tells_family else name
        names.append(shortened(short, NAME_INCHES, NAME_POINTS))
    return names


def name_marks(
    axes: Axes,
    rows: Sequence[D90Row],
    sizes: Mapping[SizeKey, ModelSize],
    x: SizeAxis,
    variant: D90Variant,
    trend: SizeTrend | None,
) -> int:
    """Writes the names of the models beside their marks, once the axes have their place; returns how many had no room.

    Args:
        axes: with the marks.
        rows: of the marks.
        sizes: of the rows.
        x: which size.
        variant: which d90.
        trend: whose line is drawn.
    """
    places = [known_size(row, sizes, x) for row in rows]
    shifts = side_by_side(places)
    names = names_of(rows, sizes, variant)
    points = [
        _point(axes, row, place, shift / 72, name, variant)
        for row, place, shift, name in zip(rows, places, shifts, names, strict=True)
    ]
    box = axes.get_window_extent()
    figure = axes.get_figure(root=True)
    assert figure is not None
    strip = (box.y0 + STRIP_HEIGHT * box.height) / figure.dpi
    has_strip = any(point.y < strip for point in points)
    lines: list[Box] = [(box.x0 / figure.dpi, strip, box.x1 / figure.dpi, strip)] if has_strip else []
    if trend is not None and trend.slope is not None and trend.intercept is not None:
        along = np.geomspace(min(places), max(places), 80)
        fitted = np.exp(trend.intercept + trend.slope * np.log(along))
        inches = [_inches(axes, one, d90) for one, d90 in zip(along, fitted, strict=True)]
        lines += [
            (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])) for a, b in itertools.pairwise(inches)
        ]
    return name_points(axes, points, lines)


def _common_words(names: Sequence[str]) -> str:
    """What several names begin with, up to a hyphen or underscore.

    >>> _common_words(["toy-L2-H64", "toy-L2-H128"]), _common_words(["toy-L2"])
    ('toy-L2-', '')
    """
    if len(set(names)) < 2:
        return ""
    prefix = names[0]
    while not all(name.startswith(prefix) for name in names):
        prefix = prefix[:-1]
    return prefix[: max(prefix.rfind("-"), prefix.rfind("_")) + 1]


def _point(axes: Axes, row: D90Row, place: int, shift_inches: float, name: str, variant: D90Variant) -> NamedPoint:
    status = row.status_of(variant)
    if status == "reached":
        d90, low, high = row.drawn_interval_of(variant)
        assert d90 is not None
        assert low is not None
        assert high is not None
        (at, y), bottom, top = _inches(axes, place, d90), _inches(axes, place, low)[1], _inches(axes, place, high)[1]
        return NamedPoint(name=name, x=at + shift_inches, y=y, low=bottom, high=top)
    if status in ("above_range", "below_range"):
        edge, arrow = (row.d_max, 1) if status == "above_range" else (row.d_min, -1)
        at, y = _inches(axes, place, edge)
        return NamedPoint(name=name, x=at + shift_inches, y=y, low=y, high=y, arrow=arrow)
    box = axes.get_window_extent()
    figure = axes.get_figure(root=True)
    assert figure is not None
    y = float(box.y0 + STRIP_HEIGHT / 2 * box.height) / figure.dpi
    shown = name if status is not None else ""
    return NamedPoint(name=shown, x=_inches(axes, place, row.d_min)[0] + shift_inches, y=y, low=y, high=y)


def _inches(axes: Axes, x: float, d: float) -> tuple[float, float]:
    """From data to inches of the figure."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    at, y = axes.transData.transform((x, d)) / figure.dpi
    return float(at), float(y)
