"""Names beside the marks of a panel, placed so that none hides another or a mark."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from lit_idim.figures.style import DARK, GREY, text_size_inches

NAME_POINTS = 6.5
MARK_INCHES = 0.05  # half the side of a mark's box
ARROW_INCHES = 0.2  # of the mark of a d90 beyond the range
DISTANCES_INCHES = (0.07, 0.13, 0.2, 0.28, 0.38, 0.5)
# Right and left first: above and below a mark stands its interval.
DIRECTIONS = tuple(math.radians(degrees) for degrees in (0, 180, 45, 135, -45, -135, 22, 158, -22, -158, 90, -90))
LEADER_FROM_INCHES = 0.12  # a name farther from its mark has a line to it
OVER_LINE_COST, DIRECTION_COST, DISTANCE_COST = 1.0, 0.05, 6.0  # the last an inch
_GAP_INCHES = 0.012

Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in inches from the corner of the figure."""


@dataclass(frozen=True, kw_only=True)
class NamedPoint:
    """A mark and what it is called.

    Attributes:
        name: to be written.
        x: of the mark, in inches from the left of the figure.
        y: of the mark, in inches from the bottom of the figure.
        low: lower end of its interval, likewise; its y if it has none.
        high: upper end of its interval, likewise; its y if it has none.
        arrow: +1 or -1 with an arrow upwards or downwards, 0 without.
    """

    name: str
    x: float
    y: float
    low: float
    high: float
    arrow: int = 0


def name_points(axes: Axes, points: Sequence[NamedPoint], lines: Sequence[Box] = ()) -> int:
    """Writes the names, those in a crowd first, each at its nearest free place.

    The axes must have their final place and scales. A name lies within the axes and on no mark or other name; lines
    and intervals it may cross, at a cost.

    Args:
        axes: to write in.
        points: all marks of the axes; one with the name "" is only kept free.
        lines: boxes along what a name had better not cross.

    Returns:
        How many names found no place.
    """
    inside = _inches(axes)
    taken = [_mark_box(point) for point in points]
    crossed = [*lines, *((point.x - 0.01, point.low, point.x + 0.01, point.high) for point in points)]
    leaders: list[tuple[float, float, float, float]] = []
    num_left_out = 0
    for point in sorted(points, key=lambda one: (-_crowd(one, points), one.x, one.y)):
        if not point.name:
            continue
        best: tuple[float, Box] | None = None
        for (rank, angle), distance in itertools.product(enumerate(DIRECTIONS), DISTANCES_INCHES):
            box = _name_box(point, angle, distance)
            cost = DIRECTION_COST * rank + DISTANCE_COST * distance
            if best is not None and cost >= best[0]:
                continue
            leader = _leader(point, box) if _far(point, box) else []
            others = [one for one in taken if one != _mark_box(point)]
            if not _holds(inside, box) or any(_overlap(box, one) for one in taken):
                continue
            if any(_overlap(piece, one) for piece in leader for one in others):
                continue
            if any(_overlap(box, one) for one in leaders):
                continue
            cost += OVER_LINE_COST * sum(_overlap(box, one) for one in crossed)
            if best is None or cost < best[0]:
                best = cost, box
        if best is None:
            num_left_out += 1
            continue
        taken.append(best[1])
        if _far(point, best[1]):
            leaders += _leader(point, best[1])
        _write(axes, point, best[1])
    return num_left_out


def _inches(axes: Axes) -> Box:
    figure = axes.get_figure(root=True)
    assert figure is not None
    box, dpi = axes.get_window_extent(), figure.dpi
    return box.x0 / dpi + 0.03, box.y0 / dpi + 0.02, box.x1 / dpi, box.y1 / dpi


def _mark_box(point: NamedPoint) -> Box:
    up, down = (ARROW_INCHES if point.arrow == side else MARK_INCHES for side in (1, -1))
    return point.x - MARK_INCHES, point.y - down, point.x + MARK_INCHES, point.y + up


def _name_box(point: NamedPoint, angle: float, distance: float) -> Box:
    width, height = text_size_inches(point.name, NAME_POINTS)
    x = point.x + math.cos(angle) * (distance + width / 2)
    y = point.y + math.sin(angle) * (distance + height / 2)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _far(point: NamedPoint, box: Box) -> bool:
    return math.dist(_nearest(point, box), (point.x, point.y)) > LEADER_FROM_INCHES


def _nearest(point: NamedPoint, box: Box) -> tuple[float, float]:
    """The place of a box that is nearest to a mark."""
    return min(max(point.x, box[0]), box[2]), min(max(point.y, box[1]), box[3])


def _leader(point: NamedPoint, box: Box) -> list[Box]:
    """Small boxes along the line from a mark to its name, without the ends."""
    end = _nearest(point, box)
    places = [
        (point.x + share * (end[0] - point.x), point.y + share * (end[1] - point.y)) for share in (0.3, 0.5, 0.7, 0.9)
    ]
    return [(x - 0.005, y - 0.005, x + 0.005, y + 0.005) for x, y in places]


def _crowd(point: NamedPoint, points: Sequence[NamedPoint]) -> int:
    return sum(abs(point.x - other.x) < 0.5 and abs(point.y - other.y) < 0.2 for other in points)


def _overlap(a: Box, b: Box) -> bool:
    gap = _GAP_INCHES
    return a[0] < b[2] + gap and b[0] < a[2] + gap and a[1] < b[3] + gap and b[1] < a[3] + gap


def _holds(outer: Box, box: Box) -> bool:
    return outer[0] <= box[0] and outer[1] <= box[1] and box[2] <= outer[2] and box[3] <= outer[3]


def _write(axes: Axes, point: NamedPoint, box: Box) -> None:
    """The name in the middle of its box, with a line to the mark if that is far."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    inches = figure.dpi_scale_trans
    if _far(point, box):
        end = _nearest(point, box)
        share = 0.6 * MARK_INCHES / math.dist(end, (point.x, point.y))  # from the rim of the mark
        start = (point.x + share * (end[0] - point.x), point.y + share * (end[1] - point.y))
        (line,) = axes.plot(*zip(start, end, strict=True), color=GREY, linewidth=0.5, transform=inches, gid="leader")
        line.set_in_layout(False)
    written = axes.text(
        (box[0] + box[2]) / 2,
        (box[1] + box[3]) / 2,
        point.name,
        transform=inches,
        ha="center",
        va="center",
        size=NAME_POINTS,
        color=DARK,
        zorder=6,
        path_effects=[withStroke(linewidth=1.6, foreground="white")],
        gid="name",
    )
    written.set_in_layout(False)
