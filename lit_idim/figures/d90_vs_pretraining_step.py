"""The figure of the main job: d90 against pretraining step, a line a task and method, and their geometric mean."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lit_idim.figures.caption import caption as caption_of
from lit_idim.figures.d90_marks import STRIP_HEIGHT, draw_means, draw_series
from lit_idim.figures.d90_series import Plan, legend_handles, plan_figure, reference_style
from lit_idim.figures.step_axis import set_step_axis
from lit_idim.figures.style import (
    FONT_POINTS,
    GREY,
    LEGEND_ROW_INCHES,
    SETTINGS,
    log_ticks,
    new_page,
    save_figure,
    set_log_ticks,
    shortened,
)
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.geometric_mean import geometric_mean_rows

AXIS_LABELS: dict[D90Variant, str] = {
    "d90": "d90 (trained numbers)",
    "d90_chance_corrected": "chance-corrected d90 (trained numbers)",
    "d90_final_target": "final-target d90 (trained numbers)",
}
PANEL_INCHES = 3.6
PANEL_TITLE_INCHES = 4.0


def d90_vs_pretraining_step(
    rows: Sequence[D90Row],
    folder: Path,
    *,
    variant: D90Variant = "d90",
    title: str | None = None,
    caption: str | None = None,
    reference_d: Mapping[str, float] | None = None,
    stem: str = "d90_vs_pretraining_step",
) -> list[Path]:
    """Draws and saves the figure.

    Args:
        rows: of any models, tasks and methods; those without a pretraining step are left out, and the caption says so.
        folder: for the files.
        variant: which d90.
        title: above the figure; made from the rows if None.
        caption: below it; made from the rows if None.
        reference_d: horizontal lines by label, such as the numbers that a head alone trains.
        stem: name of the files.

    Returns:
        Paths of the PNG and the SVG.

    Raises:
        ValueError: if no row has a pretraining step.
    """
    figure = draw_d90_vs_pretraining_step(rows, variant=variant, title=title, caption=caption, reference_d=reference_d)
    return save_figure(figure, folder, stem)


def draw_d90_vs_pretraining_step(
    rows: Sequence[D90Row],
    *,
    variant: D90Variant = "d90",
    title: str | None = None,
    caption: str | None = None,
    reference_d: Mapping[str, float] | None = None,
) -> Figure:
    """The figure itself, in panels as `plan_figure` has them.

    Arguments and errors are those of `d90_vs_pretraining_step`.
    """
    placed = [row for row in rows if row.pretraining_step is not None]
    if not placed:
        raise ValueError("rows: expected some with a pretraining step, got none")
    plan = plan_figure(placed)
    references = reference_d or {}
    handles = legend_handles(plan, placed, variant, references)
    if caption is None:
        left_out = len(rows) - len(placed)
        further = f"Rows left out for want of a pretraining step: {left_out}." if left_out else ""
        caption = caption_of(placed, variant=variant, further=further)
    if title is None:
        models = {row.model for row in placed}
        title = f"d90 against pretraining step{f': {models.pop()}' if len(models) == 1 else ''}"
    height = max(PANEL_INCHES * len(plan.panels), 0.3 + LEGEND_ROW_INCHES * len(handles))
    with mpl.rc_context(SETTINGS):
        page = new_page(title=title, caption=caption, plot_height_inches=height)
        column = page.plot.subplots(len(plan.panels), 1, squeeze=False)[:, 0]
        for axes, (name, shown) in zip(column, plan.panels, strict=True):
            _draw_panel(axes, shown, plan, variant, references)
            axes.set_title(shortened(name, PANEL_TITLE_INCHES, FONT_POINTS), loc="left")
        page.plot.legend(handles=handles, loc="outside right upper", handlelength=2.6, labelspacing=0.45)
    return page.figure


def _draw_panel(
    axes: Axes, rows: Sequence[D90Row], plan: Plan, variant: D90Variant, references: Mapping[str, float]
) -> None:
    axes.set(yscale="log", xlabel="pretraining step", ylabel=AXIS_LABELS[variant])
    set_step_axis(axes, [row.pretraining_step for row in rows if row.pretraining_step is not None])
    _set_d_axis(axes, rows, variant, references)
    for key, look in plan.looks.items():
        if of_series := [row for row in rows if plan.key(row) == key]:
            draw_series(axes, of_series, look, variant)
    means = geometric_mean_rows(rows, variant) if plan.mean_looks else []
    for method, look in plan.mean_looks.items():
        if of_method := [mean for mean in means if mean.method == method]:
            draw_means(axes, of_method, look)
    for number, d in enumerate(references.values()):
        axes.axhline(d, color=GREY, linestyle=reference_style(number), linewidth=1, zorder=0)


def _set_d_axis(axes: Axes, rows: Sequence[D90Row], variant: D90Variant, references: Mapping[str, float]) -> None:
    """Limits that hold all numbers, above a strip for what has no place on the scale."""
    ends = [end for row in rows for end in _ends(row, variant)] or [float(rows[0].d_min), float(rows[0].d_max)]
    ends += references.values()
    low, high = math.log10(min(ends)), math.log10(max(ends))
    spare = max(0.0, 1 - (high - low)) / 2
    low, high = low - spare, high + spare
    statuses = {row.status_of(variant) for row in rows}
    has_strip = bool(statuses & {"trivial", "no_signal", "failed"})
    above = (high - low) * (0.12 if "above_range" in statuses else 0.05)
    below = (high - low) * (0.12 if "below_range" in statuses else 0.05)
    strip = (high - low + above + below) * STRIP_HEIGHT / (1 - STRIP_HEIGHT) if has_strip else 0.0
    axes.set_ylim(10 ** (low - below - strip), 10 ** (high + above))
    set_log_ticks(axes, "y", log_ticks(10 ** (low - below), 10 ** (high + above)))
    if has_strip:
        axes.plot([0, 1], [STRIP_HEIGHT] * 2, color=GREY, linewidth=0.5, transform=axes.transAxes, gid="strip")


def _ends(row: D90Row, variant: D90Variant) -> list[float]:
    """What the axis must hold of a row: its number and interval, or the end of the range that it lies beyond."""
    status = row.status_of(variant)
    if status == "reached":
        return [end for end in row.drawn_interval_of(variant) if end is not None]
    return {"above_range": [float(row.d_max)], "below_range": [float(row.d_min)]}.get(status or "", [])
