"""How every figure looks: print size, colours that the colour-blind tell apart, shapes that survive a grey copy.

Figures are made without pyplot and saved as PNG and SVG whose bytes depend on the data and matplotlib's version only.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import Bbox

# Okabe and Ito 2008, without black, kept for means, and yellow, which is lost on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Upward and downward triangles and crosses mean a status, so no series has them.
MARKERS = ("o", "s", "D", "P", "h", "*", "<", "p", ">", "8")
LineStyle = Literal["-", "--", "-.", ":"]
LINE_STYLES: tuple[LineStyle, ...] = ("-", "--", "-.", ":")
DARK, GREY = "#222222", "#777777"

WIDTH_INCHES = 7.0
FONT_POINTS = 9.0
TITLE_POINTS = 10.5
CAPTION_POINTS = 7.5
PNG_DOTS_PER_INCH = 200
LEGEND_ROW_INCHES = 0.19
_MARGIN_INCHES = 0.12
_LINE_SPACING = 1.25
_LAYOUT_DIGITS = 6

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": FONT_POINTS,
    "axes.titlesize": FONT_POINTS,
    "axes.labelsize": FONT_POINTS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.labelsize": FONT_POINTS - 1,
    "ytick.labelsize": FONT_POINTS - 1,
    "legend.fontsize": FONT_POINTS - 1,
    "legend.frameon": False,
    "text.parse_math": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "figure.constrained_layout.w_pad": 0.09,
    "svg.hashsalt": "lit_idim",
    "svg.fonttype": "path",
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """An empty figure: a title above, a part to draw in, a caption below.

    Attributes:
        figure: the whole.
        plot: part of it that axes and legends go into, laid out by itself.
    """

    figure: Figure
    plot: SubFigure


def new_page(*, title: str, caption: str, plot_height_inches: float) -> Page:
    """A page `WIDTH_INCHES` wide, as high as its plot, title and caption need."""
    width = WIDTH_INCHES - 2 * _MARGIN_INCHES
    heading = wrapped(title, width, TITLE_POINTS)
    foot = wrapped(caption, width, CAPTION_POINTS)
    top = text_size_inches(heading, TITLE_POINTS)[1] + 2 * _MARGIN_INCHES
    bottom = text_size_inches(foot, CAPTION_POINTS)[1] + 2 * _MARGIN_INCHES
    height = top + plot_height_inches + bottom
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=PNG_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    parts: Any = figure.subfigures(3, 1, height_ratios=[top, plot_height_inches, bottom], hspace=0)
    left = _MARGIN_INCHES / WIDTH_INCHES
    parts[0].text(left, 1 - _MARGIN_INCHES / top, heading, va="top", size=TITLE_POINTS, linespacing=_LINE_SPACING)
    parts[2].text(
        left, 1 - _MARGIN_INCHES / bottom, foot, va="top", size=CAPTION_POINTS, color=DARK, linespacing=_LINE_SPACING
    )
    return Page(figure=figure, plot=parts[1])


def save_figure(figure: Figure, folder: Path, stem: str) -> list[Path]:
    """Writes `<stem>.png` and `<stem>.svg`, the same bytes for the same figure, and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    _freeze_layout(figure)
    paths = []
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        path = folder / f"{stem}.{kind}"
        # A name of this process's own: of several on one folder, the first to rename would leave the others nothing.
        aside = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with mpl.rc_context(SETTINGS):
                figure.savefig(aside, format=kind, dpi=PNG_DOTS_PER_INCH, metadata=metadata)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        paths.append(path)
    return paths


def _freeze_layout(figure: Figure) -> None:
    """Lays the figure out once and rounds where its parts are: the solver's last digits differ from run to run."""
    with mpl.rc_context(SETTINGS):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(_LAYOUT_DIGITS))
    for axes in figure.findobj(Axes):
        assert isinstance(axes, Axes)
        for which in ("original", "active"):
            place = axes.get_position(original=which == "original")
            axes.set_position(Bbox(place.get_points().round(_LAYOUT_DIGITS)), which=which)


@lru_cache(maxsize=4096)
def text_size_inches(text: str, points: float) -> tuple[float, float]:
    """Width and height of a text, which may have several lines."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(dpi=PNG_DOTS_PER_INCH)
        canvas = FigureCanvasAgg(figure)
        shown = figure.text(0, 0, text, size=points, linespacing=_LINE_SPACING)
        extent = shown.get_window_extent(canvas.get_renderer())  # type: ignore[no-untyped-call]
        return float(extent.width) / PNG_DOTS_PER_INCH, float(extent.height) / PNG_DOTS_PER_INCH


def wrapped(text: str, width_inches: float, points: float) -> str:
    r"""Text broken into lines that fit a width; its own line breaks stay.

    >>> wrapped("a caption of several words", 0.8, 8).count("\n")
    1
    """
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if line and text_size_inches(longer, points)[0] > width_inches:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return "\n".join(lines)


def shortened(text: str, width_inches: float, points: float) -> str:
    """Text cut in its middle until it fits a width; a name's ends tell more than its middle.

    >>> shortened("short", 1.0, 8)
    'short'
    """
    kept = len(text)
    shown = text
    while shown and text_size_inches(shown, points)[0] > width_inches and kept > 2:
        kept -= 1
        shown = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    return shown


def compact(value: float) -> str:
    """A number as an axis or a panel shows it.

    >>> [compact(value) for value in (0, 0.05, 310.4, 1000, 4500, 200000, 1e6, 1e9)]
    ['0', '0.05', '310', '1k', '4.5k', '200k', '1M', '1B']
    """
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers within [low, high]: decades, or 1-2-5 steps where those are few; the ends if none is round.

    >>> log_ticks(10, 20000)
    [10.0, 100.0, 1000.0, 10000.0]
    >>> log_ticks(300, 900)
    [500.0]
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    inside = [tick for tick in fine if low <= tick * (1 + 1e-9) and tick <= high * (1 + 1e-9)]
    coarse = [tick for tick in inside if math.isclose(math.log10(tick), round(math.log10(tick)), abs_tol=1e-9)]
    chosen = coarse if len(coarse) >= 3 else inside
    return chosen[:: math.ceil(len(chosen) / most)] if chosen else [float(low)]


def set_log_ticks(axes: Axes, axis: str, ticks: Sequence[float]) -> None:
    """Labels an axis "x" or "y" at these values and nowhere else."""
    one = axes.xaxis if axis == "x" else axes.yaxis
    one.set_ticks(list(ticks), labels=[compact(tick) for tick in ticks])
    one.set_ticks([], minor=True)
