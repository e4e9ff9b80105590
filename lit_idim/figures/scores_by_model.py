"""Score against d of several models in one panel, as Figure 1 of Aghajanyan et al. 2020 (arXiv 2012.13255) has them.

A panel is a task and method; the target of each model is a dashed line.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lit_idim.figures.caption import caption as caption_of
from lit_idim.figures.score_against_d import CellKey, Curve
from lit_idim.figures.style import (
    COLORS,
    FONT_POINTS,
    GREY,
    LEGEND_ROW_INCHES,
    MARKERS,
    SETTINGS,
    log_ticks,
    new_page,
    save_figure,
    set_log_ticks,
    shortened,
)
from lit_idim.ledger.record import TrainingRecord
from lit_idim.study.d90_row import D90Row, D90Variant

PANEL_INCHES = 2.5
LEGEND_TEXT_INCHES = 2.0
LEGEND_COLUMNS = 3
TICKS_OF_D = 5


def scores_by_model(
    records: Sequence[TrainingRecord],
    rows: Sequence[D90Row],
    folder: Path,
    *,
    curves: Mapping[CellKey, Curve],
    variant: D90Variant = "d90",
    stem: str = "scores_by_model",
) -> list[Path]:
    """Draws and saves the figure; arguments as of `draw_scores_by_model`.

    Returns:
        Paths of the PNG and the SVG; none without rows.
    """
    if not rows:
        return []
    return save_figure(draw_scores_by_model(records, rows, curves=curves, variant=variant), folder, stem)


def draw_scores_by_model(
    records: Sequence[TrainingRecord],
    rows: Sequence[D90Row],
    *,
    curves: Mapping[CellKey, Curve],
    variant: D90Variant = "d90",
) -> Figure:
    """A row of panels a task, a column a method.

    A point is the best learning rate's mean score over replicates at one d; a line is the fit behind d90.

    Args:
        records: trainings; only finished ones in subspaces are drawn.
        rows: one a cell, of any models, tasks and methods.
        curves: monotone fit by cell, where there is one.
        variant: that the caption speaks of, whose numbers stand in the rows' d90.
    """
    tasks = list(dict.fromkeys(row.task for row in rows))
    methods = list(dict.fromkeys(row.method for row in rows))
    names = list(dict.fromkeys(_name(row) for row in rows))
    looks = {name: (COLORS[n % len(COLORS)], MARKERS[n % len(MARKERS)]) for n, name in enumerate(names)}
    further = (
        "A point is the mean score over replicates of the learning rate that is best at its d, which lies the higher "
        "the more rates were tried there; dashed: each model's target; vertical: its d90."
    )
    handles = [
        Line2D([], [], color=color, marker=marker, label=shortened(name, LEGEND_TEXT_INCHES, FONT_POINTS - 1))
        for name, (color, marker) in looks.items()
    ]
    handles.append(Line2D([], [], color=GREY, linestyle="--", label="target"))
    handles.append(Line2D([], [], color=GREY, linestyle=":", label="chance"))
    height = PANEL_INCHES * len(tasks) + LEGEND_ROW_INCHES * math.ceil(len(handles) / LEGEND_COLUMNS) + 0.3
    with mpl.rc_context(SETTINGS):
        caption = caption_of(rows, variant=variant, further=further)
        page = new_page(title="Score against d, by model", caption=caption, plot_height_inches=height)
        grid = page.plot.subplots(len(tasks), len(methods), squeeze=False, sharex=True, sharey="row")
        for row_of_axes, task in zip(grid, tasks, strict=True):
            for axes, method in zip(row_of_axes, methods, strict=True):
                shown = [row for row in rows if (row.task, row.method) == (task, method)]
                for row in shown:
                    _draw_model(axes, row, records, curves.get(_key(row)), looks[_name(row)])
                axes.set_title(f"{task}, {method.upper()}", loc="left")
                axes.set_xscale("log")
            row_of_axes[0].set_ylabel(f"dev {next(row.metric for row in rows if row.task == task)}")
        every_d = [end for row in rows for end in (row.d_min, row.d_max)]
        for axes in grid.flat:
            set_log_ticks(axes, "x", log_ticks(min(every_d), max(every_d), TICKS_OF_D))
        for axes in grid[-1]:
            axes.set_xlabel("d (trained numbers)")
        page.plot.legend(handles=handles, loc="outside lower center", ncols=LEGEND_COLUMNS)
    return page.figure


def best_scores(records: Sequence[TrainingRecord], row: D90Row) -> list[tuple[int, float]]:
    """(d, s(d)) of a cell, ascending: s(d) = max over learning rates of the mean score over replicates."""
    scores: dict[int, dict[int, list[float]]] = {}
    for record in records:
        where = (record.model, record.checkpoint, record.task, record.method)
        if where == _key(row) and record.d is not None and record.status == "finished" and record.score is not None:
            scores.setdefault(record.d, {}).setdefault(record.rate, []).append(record.score)
    return [(d, max(float(np.mean(group)) for group in by_rate.values())) for d, by_rate in sorted(scores.items())]


def _draw_model(
    axes: Axes, row: D90Row, records: Sequence[TrainingRecord], curve: Curve | None, look: tuple[str, str]
) -> None:
    color, marker = look
    if points := best_scores(records, row):
        d, score = zip(*points, strict=True)
        style: dict[str, Any] = {"color": color, "markersize": 3.5, "alpha": 0.8, "gid": "scores"}
        axes.plot(d, score, linestyle="", marker=marker, **style)
    if curve is not None:
        axes.plot(np.exp(curve[0]), curve[1], color=color, linewidth=1.2, gid="fit")
    if row.target_score is not None:
        axes.axhline(row.target_score, color=color, linestyle="--", linewidth=0.9, gid="target_score")
    if row.chance_score is not None:
        axes.axhline(row.chance_score, color=GREY, linestyle=":", linewidth=0.8, gid="chance_score")
    if row.d90 is not None:
        axes.axvline(row.d90, color=color, linewidth=0.6, alpha=0.7, gid="d90")


def _key(row: D90Row) -> CellKey:
    return (row.model, row.checkpoint, row.task, row.method)


def _name(row: D90Row) -> str:
    return row.model if row.pretraining_step is None else f"{row.model}, step {row.pretraining_step:,}"
