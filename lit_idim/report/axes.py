"""The frame of a chart: its axes, ticks and grid."""

from dataclasses import dataclass

from lit_idim.report.markup import Markup, element, join, number
from lit_idim.report.scales import Scale


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where in an SVG a chart's plot is, in units of the SVG.

    Attributes:
        width: of the SVG.
        height: of the SVG.
        left: of the plot.
        right: of the plot.
        top: of the plot.
        bottom: of the plot.
    """

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float


def draw_axes(frame: Frame, x: Scale, y: Scale, *, x_label: str, y_label: str, x_labels_turned: bool = False) -> Markup:
    """Grid, axes and their labels; the y axis is named above it, so that its name needs no turned head."""
    parts = []
    for place, label in y.ticks:
        parts.append(_line("grid", frame.left, place, frame.right, place))
        parts.append(element("text", label, x=frame.left - 6, y=place, class_="tick y"))
    parts.append(_line("axis", frame.left, frame.bottom, frame.right, frame.bottom))
    for place, label in x.ticks:
        parts.append(_line("axis", place, frame.bottom, place, frame.bottom + 4))
        parts.append(_x_tick(place, frame.bottom + 7, label, turned=x_labels_turned))
    if x.break_at is not None:
        centre, bottom = number(x.break_at), number(frame.bottom)
        parts.append(element("path", d=f"M{centre} {bottom}m-5 5l4-10m2 10l4-10", class_="axis break"))
    parts.append(element("text", x_label, x=(frame.left + frame.right) / 2, y=frame.height - 4, class_="label x"))
    parts.append(element("text", y_label, x=4, y=4, class_="label y"))
    return element("g", join(parts), aria_hidden="true")


def _x_tick(x: float, y: float, label: str, *, turned: bool) -> Markup:
    if turned:
        place = f"translate({number(x + 4)} {number(y + 2)}) rotate(-35)"
        return element("text", label, transform=place, class_="tick turned")
    lines = label.split("\n")
    if len(lines) == 1:
        return element("text", label, x=x, y=y, class_="tick x")
    spans = [element("tspan", line, x=x, dy="1.15em" if n else None) for n, line in enumerate(lines)]
    return element("text", spans, x=x, y=y, class_="tick x")


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("path", d=f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", class_=kind)
