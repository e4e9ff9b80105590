"""Full fine-tuning's score against pretraining step: the curve that every d90's target is taken from."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lit_idim.figures.step_axis import set_step_axis
from lit_idim.figures.style import (
    COLORS,
    FONT_POINTS,
    GREY,
    LEGEND_ROW_INCHES,
    MARKERS,
    SETTINGS,
    new_page,
    save_figure,
    shortened,
)
from lit_idim.study.d90_row import D90Row

HALF_WIDTH = 1.645  # standard errors of a 90% interval
COLUMNS = 3
PANEL_INCHES = 2.2
PANEL_TITLE_INCHES = 1.55
LEGEND_COLUMNS = 3
LEGEND_TEXT_INCHES = 1.7


def full_score_vs_step(
    rows: Sequence[D90Row],
    folder: Path,
    *,
    title: str = "Full fine-tuning against pretraining step",
    caption: str | None = None,
    stem: str = "full_score_vs_step",
) -> list[Path]:
    """Draws a panel a task and a line a model, with the full score, its interval, chance and the head alone.

    Args:
        rows: of any models, tasks and methods; the methods of a checkpoint share their full score.
        folder: for the files.
        title: above the figure.
        caption: below it; made from the rows if None.
        stem: name of the files.

    Returns:
        Paths of the PNG and the SVG.

    Raises:
        ValueError: if no row has a pretraining step and a full score.
    """
    return save_figure(draw_full_score_vs_step(rows, title=title, caption=caption), folder, stem)


def draw_full_score_vs_step(rows: Sequence[D90Row], *, title: str, caption: str | None) -> Figure:
    """The figure itself; arguments and errors are those of `full_score_vs_step`."""
    cells = {
        (row.model, row.pretraining_step, row.task): row
        for row in rows
        if row.pretraining_step is not None and row.full_score is not None
    }
    if not cells:
        raise ValueError("rows: expected some with a pretraining step and a full score, got none")
    shown = list(cells.values())
    tasks = list(dict.fromkeys(row.task for row in shown))
    models = list(dict.fromkeys(row.model for row in shown))
    handles = _handles(models, has_heads=any(row.head_score is not None for row in shown))
    num_rows = math.ceil(len(tasks) / COLUMNS)
    num_columns = min(COLUMNS, len(tasks))
    height = max(PANEL_INCHES * num_rows, 2.8) + LEGEND_ROW_INCHES * math.ceil(len(handles) / LEGEND_COLUMNS) + 0.3
    with mpl.rc_context(SETTINGS):
        page = new_page(title=title, caption=caption or _caption(shown), plot_height_inches=height)
        grid = page.plot.subplots(num_rows, num_columns, squeeze=False)
        for number, axes in enumerate(grid.flat):
            if number >= len(tasks):
                axes.remove()
                continue
            _draw_task(axes, [row for row in shown if row.task == tasks[number]], models)
        page.plot.legend(handles=handles, loc="outside lower center", ncols=LEGEND_COLUMNS)
    return page.figure


def _draw_task(axes: Axes, rows: Sequence[D90Row], models: Sequence[str]) -> None:
    set_step_axis(axes, [row.pretraining_step or 0 for row in rows], most_ticks=4)
    for number, model in enumerate(models):
        line = sorted((row for row in rows if row.model == model), key=lambda row: row.pretraining_step or 0)
        if not line:
            continue
        steps = [row.pretraining_step or 0 for row in line]
        color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
        scores = [row.full_score if row.full_score is not None else math.nan for row in line]
        errors = [HALF_WIDTH * (row.full_score_se or 0.0) for row in line]
        axes.errorbar(steps, scores, yerr=errors, color=color, marker=marker, elinewidth=0.8, gid="full_score")
        heads = [row.head_score if row.head_score is not None else math.nan for row in line]
        if not all(math.isnan(score) for score in heads):
            axes.plot(
                steps,
                heads,
                color=color,
                marker=marker,
                markerfacecolor="white",
                linestyle="--",
                linewidth=0.9,
                gid="head_score",
            )
    for chance in sorted({row.chance_score for row in rows if row.chance_score is not None}):
        axes.axhline(chance, color=GREY, linestyle=":", linewidth=1, zorder=0, gid="chance_score")
    axes.set(xlabel="pretraining step", ylabel=f"dev {rows[0].metric}")
    axes.set_title(shortened(rows[0].task, PANEL_TITLE_INCHES, FONT_POINTS), loc="left")


def _handles(models: Sequence[str], *, has_heads: bool) -> list[Line2D]:
    handles = [
        Line2D(
            [],
            [],
            color=COLORS[number % len(COLORS)],
            marker=MARKERS[number % len(MARKERS)],
            label=shortened(model, LEGEND_TEXT_INCHES, FONT_POINTS - 1),
        )
        for number, model in enumerate(models)
    ]
    if has_heads:
        handles.append(Line2D([], [], color=GREY, marker="o", markerfacecolor="white", ls="--", label="head alone"))
    return [*handles, Line2D([], [], color=GREY, linestyle=":", label="chance")]


def _caption(rows: Sequence[D90Row]) -> str:
    sentences = [
        "Dev score of ordinary fine-tuning of all D parameters at its best learning rate, mean over seeds.",
        f"Bars: ±{HALF_WIDTH} standard errors of that mean (90%); chance is the majority class of the dev examples.",
    ]
    if num_bare := sum(row.full_score_se is None for row in rows):
        sentences.append(f"{num_bare} of {len(rows)} points have no standard error and no bar.")
    if any(row.head_score is not None for row in rows):
        sentences.append("Hollow: the head alone, trained on the frozen encoder.")
    if toys := sorted({row.task for row in rows if row.task.startswith("toy-")}):
        sentences.append(f"Generated language, not English: {', '.join(toys)}.")
    return " ".join(sentences)
