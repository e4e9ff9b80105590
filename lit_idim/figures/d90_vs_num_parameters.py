"""d90 against the number of parameters over model families, log-log, with and without embeddings (AZG20 5.2)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lit_idim.figures.caption import caption as caption_of
from lit_idim.figures.d90_marks import draw_series, series_handle, status_handles
from lit_idim.figures.d_axis import set_d_axis
from lit_idim.figures.size_marks import MAX_NAMES, family_looks, known_size, name_marks, set_size_axis, side_by_side
from lit_idim.figures.style import DARK, FONT_POINTS, LEGEND_ROW_INCHES, SETTINGS, new_page, save_figure, wrapped
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.model_sizes import ModelSize, SizeAxis, SizeKey, size_key, size_of
from lit_idim.study.size_table import SIZE_WORDS, describe_trend
from lit_idim.study.size_trend import SIZE_AXES, SizeTrend

X_LABELS: dict[SizeAxis, str] = {
    "num_parameters": "number of parameters D",
    "num_parameters_without_embeddings": "number of parameters without embeddings",
}
PANEL_INCHES = 3.6
PANEL_TITLE_INCHES = 4.0


def d90_vs_num_parameters(
    rows: Sequence[D90Row],
    sizes: Mapping[SizeKey, ModelSize],
    folder: Path,
    *,
    trends: Sequence[SizeTrend] = (),
    variant: D90Variant = "d90",
    title: str | None = None,
    caption: str | None = None,
    stem: str = "d90_vs_num_parameters",
) -> list[Path]:
    """Draws and saves a figure for each task and method, `<stem>_<task>_<method>`, or `<stem>` if there is but one.

    Args:
        rows: one checkpoint a model, task and method.
        sizes: of the rows, as `model_sizes` gives them.
        folder: for the files.
        trends: of the rows, whose lines and numbers are drawn.
        variant: which d90.
        title: above each figure; made from its rows if None.
        caption: below each figure; made from its rows if None.
        stem: name of the files.

    Returns:
        Paths of all PNGs and SVGs; a task and method of which no model's size is known has none.

    """
    groups: dict[tuple[str, str], list[D90Row]] = {}
    for row in rows:
        groups.setdefault((row.task, row.method), []).append(row)
    placed = {
        key: group for key, group in groups.items() if any(size_of(row, sizes, "num_parameters") for row in group)
    }
    paths = []
    for (task, method), group in placed.items():
        figure = draw_d90_vs_num_parameters(group, sizes, trends=trends, variant=variant, title=title, caption=caption)
        name = stem if len(groups) == 1 else re.sub(r"[^\w.+-]+", "_", f"{stem}_{task}_{method}")
        paths += save_figure(figure, folder, name)
    return paths


def draw_d90_vs_num_parameters(
    rows: Sequence[D90Row],
    sizes: Mapping[SizeKey, ModelSize],
    *,
    trends: Sequence[SizeTrend] = (),
    variant: D90Variant = "d90",
    title: str | None = None,
    caption: str | None = None,
) -> Figure:
    """The figure of one task and method: a panel for D, and below it one for D without embeddings where it is known.

    Arguments and errors are those of `d90_vs_num_parameters`.
    """
    panels: list[tuple[SizeAxis, list[D90Row]]] = []
    for x in SIZE_AXES:
        if shown := [row for row in rows if size_of(row, sizes, x)]:
            panels.append((x, shown))
    if not panels or panels[0][0] != "num_parameters":
        raise ValueError("rows: expected some whose number of parameters is known, got none")
    task, method = rows[0].task, rows[0].method
    lines = {trend.x: trend for trend in trends if (trend.task, trend.method, trend.variant) == (task, method, variant)}
    looks = family_looks(sizes)
    families = list(dict.fromkeys(sizes[size_key(row)].family for row in panels[0][1]))
    handles = [series_handle(looks[family]) for family in sorted(families)]
    handles += status_handles({row.status_of(variant) or "" for row in panels[0][1]})
    if any(trend.slope is not None for trend in lines.values()):
        handles.append(Line2D([], [], color=DARK, linewidth=0.8, label="censored regression"))
    height = max(PANEL_INCHES * len(panels), 0.3 + LEGEND_ROW_INCHES * len(handles))
    title = title or f"d90 against number of parameters: {task}, {method.upper()}"

    with mpl.rc_context(SETTINGS):
        words = _caption(rows, panels, lines, variant) if caption is None else caption
        page = new_page(title=title, caption=words, plot_height_inches=height)
        column = page.plot.subplots(len(panels), 1, squeeze=False)[:, 0]
        for axes, (x, shown) in zip(column, panels, strict=True):
            _draw_panel(axes, x, shown, sizes, lines.get(x), variant)
        page.plot.legend(handles=handles, loc="outside right upper", labelspacing=0.45)
        page.figure.draw_without_rendering()  # names go where the layout leaves room
        for axes, (x, shown) in zip(column, panels, strict=True):
            name_marks(axes, shown, sizes, x, variant, lines.get(x))
    return page.figure


def _draw_panel(
    axes: Axes,
    x: SizeAxis,
    rows: Sequence[D90Row],
    sizes: Mapping[SizeKey, ModelSize],
    trend: SizeTrend | None,
    variant: D90Variant,
) -> None:
    axes.set_xlabel(X_LABELS[x])
    places = [known_size(row, sizes, x) for row in rows]
    set_size_axis(axes, places)
    set_d_axis(axes, rows, variant)
    looks = family_looks(sizes)
    for row, place, shift in zip(rows, places, side_by_side(places), strict=True):
        family = looks[sizes[size_key(row)].family]
        look = replace(family, shift_points=shift, status_shift_points={place: shift})
        draw_series(axes, [row], look, variant, lambda row: known_size(row, sizes, x))
    if trend is None:
        return
    if trend.slope is not None and trend.intercept is not None:
        ends = np.array([min(places), max(places)], dtype=np.float64)
        fitted = np.exp(trend.intercept + trend.slope * np.log(ends))
        axes.plot(ends, fitted, color=DARK, linewidth=0.8, zorder=1, gid="line")
    rank, slope, *others = describe_trend(trend).split("; ")
    words = wrapped(f"{rank}; {slope}\n{'; '.join(others)}", PANEL_TITLE_INCHES, FONT_POINTS - 1)
    axes.set_title(words, loc="left", size=FONT_POINTS - 1)


def _caption(
    rows: Sequence[D90Row],
    panels: Sequence[tuple[SizeAxis, Sequence[D90Row]]],
    lines: Mapping[SizeAxis, SizeTrend],
    variant: D90Variant,
) -> str:
    """The further sentences of the figure, before those that the rows tell of themselves."""
    sentences = ["A mark is a model, in the colour and shape of its family; models of one size stand side by side."]
    if len(rows) <= MAX_NAMES:
        sentences.append("Names are without what those of a family have in common; one that finds no room is left out.")
    else:
        sentences.append(f"Of more than {MAX_NAMES} models only those without a d90 are named, where there is room.")
    if lines:
        some = next(iter(lines.values()))
        sentences.append(
            "Rank correlation of d90 and size, slope of ln d90 against ln size by censored regression; brackets: "
            f"{100 * some.interval_level:g}% bootstrap intervals, whose {some.num_resamples:,} resamples draw models, "
            "as if these were independent, and each d90 from its interval."
        )
        dropped = [max(one.num_resamples_without_spearman, one.num_resamples_without_slope) for one in lines.values()]
        if max(dropped):
            sentences.append(f"Up to {max(dropped):,} resamples, of too few different models, are dropped.")
    shown = {x: len(members) for x, members in panels}
    for x in SIZE_AXES:
        if missing := len(rows) - shown.get(x, 0):
            sentences.append(f"{SIZE_WORDS[x]} is not known of {missing} of {len(rows)} models, which the panel lacks.")
    return caption_of(rows, variant=variant, further=" ".join(sentences))
