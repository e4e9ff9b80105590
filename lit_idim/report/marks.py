"""Shapes of the marks of a chart, each about a place, in units of the SVG."""

import math

from lit_idim.report.markup import Markup, element, number

RADIUS = 5.0
ARROW = 18.0  # from a mark beyond the range of d to the head of its arrow
HIT_RADIUS = 11.0
STATUS_MARKERS = {
    "above_range": "^",
    "below_range": "v",
    "no_signal": "x",
    "failed": "+",
    "not_measured": "_",
    "in_progress": "...",
}
_POLYGONS = {"D": (4, 0.0), "h": (6, 0.0), "p": (5, 0.0), "8": (8, 22.5), "<": (3, -90.0), ">": (3, 90.0)}
_TRIANGLES = {"^": (3, 0.0), "v": (3, 180.0)}


def shape(marker: str, *, hollow: bool = False, dashed: bool = False) -> Markup:
    """The shape of a marker as matplotlib names it, or of three dots, about the origin, in the colour of its series."""
    of_look = "shape" + " hollow" * hollow + " dashed" * dashed
    if marker == "o":
        return element("circle", r=RADIUS, class_=of_look)
    if marker == "x":
        return element("path", d="M-4.5-4.5 4.5 4.5M-4.5 4.5 4.5-4.5", class_="shape cross")
    if marker == "+":
        return element("path", d="M0-5.5V5.5M-5.5 0H5.5", class_="shape cross")
    if marker == "_":
        return element("path", d="M-5.5 0H5.5", class_="shape cross")
    if marker == "...":
        return element("g", [element("circle", cx=x, r=2, class_="shape") for x in (-5.5, 0, 5.5)])
    if marker == "s":
        return element("path", d="M-4.5-4.5H4.5V4.5H-4.5z", class_=of_look)
    if marker == "P":
        return element("path", d="M-2-5.5H2V-2H5.5V2H2V5.5H-2V2H-5.5V-2H-2z", class_=of_look)
    if marker == "*":
        return element("path", d=_star(), class_=of_look)
    corners, turn = (_POLYGONS | _TRIANGLES)[marker]
    return element("path", d=_polygon(corners, turn), class_=of_look)


def status_shape(status: str, marker: str) -> Markup:
    """The shape of a row without a d90; a trivial one is its series' own, hollow, one reached so far dashed, too."""
    if status == "reached_so_far":
        return shape(marker, hollow=True, dashed=True)
    if status == "trivial":
        return shape(marker, hollow=True)
    drawn = shape(STATUS_MARKERS[status])
    if status not in ("above_range", "below_range"):
        return drawn
    up = -1 if status == "above_range" else 1
    tip, neck = number(up * ARROW), number(up * (ARROW - 5))
    return Markup(drawn + element("path", d=f"M0 0V{tip}M-4 {neck}L0 {tip}L4 {neck}", class_="arrow"))


def at(x: float, y: float, *parts: Markup, **attributes: str) -> Markup:
    """Parts about a place."""
    return element("g", *parts, transform=f"translate({number(x)} {number(y)})", **attributes)


def hit_area() -> Markup:
    """What a finger can hit, about the origin."""
    return element("circle", r=HIT_RADIUS, class_="hit")


def _polygon(corners: int, turn_degrees: float) -> str:
    radius = RADIUS * (1.25 if corners < 6 else 1.1)
    return _closed([(radius, turn_degrees + 360 * corner / corners) for corner in range(corners)])


def _star() -> str:
    return _closed([(RADIUS * (1.35 if corner % 2 == 0 else 0.55), 36.0 * corner) for corner in range(10)])


def _closed(corners: list[tuple[float, float]]) -> str:
    """A path through corners, each (distance, degrees from upwards)."""
    places = [(r * math.sin(math.radians(angle)), -r * math.cos(math.radians(angle))) for r, angle in corners]
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places) + "z"
