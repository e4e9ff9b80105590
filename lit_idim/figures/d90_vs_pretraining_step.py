"""The figure of the main job: d90 against pretraining step, a line a task and method, and their geometric mean."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lit_idim.figures.caption import caption as caption_of
from lit_idim.figures.d90_marks import draw_means, draw_series
from lit_idim.figures.d90_series import Plan, legend_handles, plan_figure, reference_style
from lit_idim.figures.d_axis import set_d_axis
from lit_idim.figures.step_axis import set_step_axis
from lit_idim.figures.style import (
    FONT_POINTS,
    GREY,
    LEGEND_ROW_INCHES,
    SETTINGS,
    new_page,
    save_figure,
    shortened,
)
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.geometric_mean import geometric_mean_rows

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
    axes.set_xlabel("pretraining step")
    set_step_axis(axes, [row.pretraining_step for row in rows if row.pretraining_step is not None])
    set_d_axis(axes, rows, variant, list(references.values()))
    for key, look in plan.looks.items():
        if of_series := [row for row in rows if plan.key(row) == key]:
            draw_series(axes, of_series, look, variant)
    means = geometric_mean_rows(rows, variant) if plan.mean_looks else []
    for method, look in plan.mean_looks.items():
        if of_method := [mean for mean in means if mean.method == method]:
            draw_means(axes, of_method, look)
    for number, d in enumerate(references.values()):
        axes.axhline(d, color=GREY, linestyle=reference_style(number), linewidth=1, zorder=0)
