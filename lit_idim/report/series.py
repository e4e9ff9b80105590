"""One line of the headline figure: its marks, intervals and what a hover says of them."""

import itertools
from collections.abc import Mapping, Sequence

from lit_idim.figures.caption import standing
from lit_idim.figures.score_against_d import CellKey
from lit_idim.report.content import cell_key
from lit_idim.report.lines import Axis, Line
from lit_idim.report.links import Links
from lit_idim.report.marks import at, hit_area, shape, status_shape
from lit_idim.report.markup import Markup, element, join, number
from lit_idim.report.scales import Scale
from lit_idim.report.standing import d90_of, is_drawn
from lit_idim.report.words import BETWEEN, row_lines
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.geometric_mean import GeometricMeanRow
from lit_idim.text import listed, whole

MEANS_NAME = "means"


def draw_line(
    rows: Sequence[D90Row],
    line: Line,
    variant: D90Variant,
    places: Mapping[CellKey, float],
    y: Scale,
    links: Links,
    *,
    strip: float,
    axis: Axis,
) -> Markup:
    """A line's rows: a mark each, which is a link to the scores behind it; none of one without an estimate yet.

    Args:
        rows: of the line.
        line: how it looks.
        variant: which d90.
        places: x of each row, by its cell.
        y: axis of d.
        links: to the panels of the scores.
        strip: y of what has no place on the axis of d.
        axis: cells side by side are not joined by a line.
    """
    ordered = sorted(rows, key=lambda row: places[cell_key(row)])
    bars = [_interval(row, places[cell_key(row)], y, variant) for row in ordered]
    joined = [] if axis == "cell" else _joined([(places[cell_key(row)], _height(row, y, variant)) for row in ordered])
    faint = " faint" if axis == "num_parameters" else ""
    strokes = [element("path", d=piece, class_=f"line dash{line.dash}{faint}") for piece in joined]
    shown = [row for row in ordered if is_drawn(row, variant)]
    marks = [_mark(row, places[cell_key(row)], line, y, variant, links, strip) for row in shown]
    return element("g", join([strokes, bars, marks]), class_=f"series s{line.color}", data_line=line.name)


def draw_means(means: Sequence[GeometricMeanRow], x: Scale, y: Scale) -> Markup:
    """The geometric means over tasks, a thick line a method; a step without one interrupts it."""
    parts = []
    for _, of_method in itertools.groupby(means, key=lambda mean: mean.method):
        placed = [(x.place(mean.pretraining_step or 0), mean) for mean in of_method]
        joined = _joined([(at_x, None if mean.d90 is None else y.place(mean.d90)) for at_x, mean in placed])
        parts.append([element("path", d=piece, class_="line thick") for piece in joined])
        parts.append([_mean(mean, mean.d90, at_x, y) for at_x, mean in placed if mean.d90 is not None])
    return element("g", parts, class_="series mean", data_line=MEANS_NAME) if parts else Markup("")


def _mean(mean: GeometricMeanRow, d90: float, x: float, y: Scale) -> Markup:
    low, high = mean.d90_low, mean.d90_high
    bar, words = None, "interval open"
    if low is not None and high is not None:
        bar = element("path", d=f"M{number(x)} {number(y.place(low))}V{number(y.place(high))}", class_="bar")
        words = f"{100 * mean.interval_level:g}% interval {whole(low)} to {whole(high)}"
    lines = [
        f"geometric mean of {listed(mean.tasks)}",
        f"{mean.model}, {mean.checkpoint}, {mean.method.upper()}",
        f"{whole(d90)} ({words})",
    ]
    circle = element("circle", r=4.5, class_="shape")
    label = BETWEEN.join(lines)
    mark = at(x, y.place(d90), circle, hit_area(), class_="mark", role="img", tabindex="0", aria_label=label)
    return join([bar, mark])


def _height(row: D90Row, y: Scale, variant: D90Variant) -> float | None:
    d90 = d90_of(row, variant)
    return None if d90 is None else y.place(d90)


def _joined(places: Sequence[tuple[float, float | None]]) -> list[str]:
    """Paths through neighbouring places that have a height."""
    paths = []
    for has_height, group in itertools.groupby(places, key=lambda place: place[1] is not None):
        points = [f"{number(x)} {number(height)}" for x, height in group if height is not None]
        if has_height and len(points) > 1:
            paths.append("M" + "L".join(points))
    return paths


def _interval(row: D90Row, x: float, y: Scale, variant: D90Variant) -> Markup:
    """A bar from end to end, capped where an end is known, dashed to the end of the range of d where it is open."""
    d90 = d90_of(row, variant)
    if d90 is None:
        return Markup("")
    _, low, high = row.interval_of(variant)
    middle, at_x = y.place(d90), number(x)
    parts = []
    for end, edge in ((low, row.d_min), (high, row.d_max)):
        to = number(y.place(edge if end is None else end))
        cap = "" if end is None else f"M{number(x - 4)} {to}h8"
        parts.append(
            element("path", d=f"M{at_x} {number(middle)}V{to}{cap}", class_="bar open" if end is None else "bar")
        )
    return join(parts)


def _mark(row: D90Row, x: float, line: Line, y: Scale, variant: D90Variant, links: Links, strip: float) -> Markup:
    status = standing(row, variant)
    height = _height(row, y, variant)
    if height is not None:
        drawn = shape(line.marker) if status == "reached" else status_shape("reached_so_far", line.marker)
    else:
        drawn = status_shape("failed" if status == "reached" else status, line.marker)
        edge = {"above_range": row.d_max, "below_range": row.d_min}.get(status)
        height = strip if edge is None else y.place(edge)
    return element(
        "a",
        at(x, height, drawn, hit_area()),
        href=f"#{links[cell_key(row)]}",
        class_="mark",
        data_status=status,
        aria_label=BETWEEN.join(row_lines(row, variant)),
    )
