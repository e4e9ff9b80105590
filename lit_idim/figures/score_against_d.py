"""Scores against d behind every d90: small multiples, a panel a checkpoint, a file a task and method."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lit_idim.figures.caption import caption as caption_of
from lit_idim.figures.style import (
    DARK,
    FONT_POINTS,
    GREY,
    LEGEND_ROW_INCHES,
    SETTINGS,
    compact,
    log_ticks,
    new_page,
    save_figure,
    set_log_ticks,
    shortened,
)
from lit_idim.ledger.record import TrainingRecord
from lit_idim.study.d90_row import D90Row, D90Variant

CellKey = tuple[str, str, str, str]
"""Model, checkpoint, task and method."""
Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""ln d, ascending, and the fitted score there; both of shape (n,)."""

PANELS_PER_PAGE = 12
COLUMNS = 3
PANEL_INCHES = 1.9
PANEL_TITLE_INCHES = 1.65
TICKS_OF_D = 4
RATE_COLORS = "cividis"
BAND_COLOR = "#56B4E9"


@dataclass(frozen=True, kw_only=True)
class _Cell:
    row: D90Row
    trainings: list[TrainingRecord]
    curve: Curve | None


def score_against_d(
    records: Sequence[TrainingRecord],
    rows: Sequence[D90Row],
    folder: Path,
    *,
    curves: Mapping[CellKey, Curve] | None = None,
    caption: str | None = None,
    target_words: str | None = None,
    variant: D90Variant = "d90",
) -> list[Path]:
    """Draws `score_against_d_<task>_<method>` for each task and method of the rows; further pages end in `_page2`, ...

    Args:
        records: trainings; those of other methods, paused or failed ones are not drawn.
        rows: one a cell, in the order of the panels.
        folder: for the files.
        curves: monotone fit by cell, where there is one.
        caption: below each figure; made from its rows if None.
        target_words: name of the target that the rows' d90 is of; "90% of full" if None.
        variant: that the caption speaks of, whose numbers stand in the rows' d90.

    Returns:
        Paths of all PNGs and SVGs.
    """
    paths = []
    for (task, method), of_both in _grouped(rows).items():
        cells = [_cell(row, records, curves or {}) for row in of_both]
        pages = [cells[first : first + PANELS_PER_PAGE] for first in range(0, len(cells), PANELS_PER_PAGE)]
        for number, page in enumerate(pages, start=1):
            stem = re.sub(r"[^\w.+-]+", "_", f"score_against_d_{task}_{method}")
            heading = f"Score against d: {task}, {method.upper()}"
            if len(pages) > 1:
                heading += f" (page {number} of {len(pages)})"
            figure = _draw_page(page, heading, caption, target_words, variant)
            paths += save_figure(figure, folder, stem if number == 1 else f"{stem}_page{number}")
    return paths


def _grouped(rows: Sequence[D90Row]) -> dict[tuple[str, str], list[D90Row]]:
    groups: dict[tuple[str, str], list[D90Row]] = {}
    for row in rows:
        groups.setdefault((row.task, row.method), []).append(row)
    return groups


def _cell(row: D90Row, records: Sequence[TrainingRecord], curves: Mapping[CellKey, Curve]) -> _Cell:
    key = (row.model, row.checkpoint, row.task, row.method)
    trainings = [
        record
        for record in records
        if (record.model, record.checkpoint, record.task, record.method) == key
        and record.projection == row.projection
        and record.d is not None
        and (record.status == "diverged" or (record.status == "finished" and record.score is not None))
    ]
    return _Cell(row=row, trainings=trainings, curve=curves.get(key))


def _draw_page(
    cells: Sequence[_Cell], title: str, caption: str | None, target_words: str | None, variant: D90Variant
) -> Figure:
    rates = [record.rate for cell in cells for record in cell.trainings]
    colors = ScalarMappable(norm=_norm(rates), cmap=RATE_COLORS)
    num_columns = min(COLUMNS, len(cells))
    num_rows = math.ceil(len(cells) / COLUMNS)
    handles = _handles(cells, target_words)
    legend_rows = math.ceil(len(handles) / 3)
    if caption is None:
        further = "A point is one training, coloured by its learning rate's step on the ladder, 0 being the rule's."
        caption = caption_of([cell.row for cell in cells], variant=variant, further=further)
    with mpl.rc_context(SETTINGS):
        height = max(PANEL_INCHES * num_rows, 2.6) + LEGEND_ROW_INCHES * legend_rows + 0.3
        page = new_page(title=title, caption=caption, plot_height_inches=height)
        grid = page.plot.subplots(num_rows, num_columns, squeeze=False, sharey=True)
        for axes, cell in zip(grid.flat, cells, strict=False):
            _draw_cell(axes, cell, colors)
        for axes in islice(grid.flat, len(cells), None):
            axes.remove()
        for axes in grid[:, 0]:
            axes.set_ylabel(f"dev {cells[0].row.metric}")
        for number in range(max(0, len(cells) - num_columns), len(cells)):
            grid.flat[number].set_xlabel("d (trained numbers)")
        if rates:
            label = "learning rate (ladder step)"
            bar = page.plot.colorbar(colors, ax=list(grid.flat[: len(cells)]), label=label, fraction=0.03, aspect=35)
            bar.set_ticks(sorted(set(rates)))
        page.plot.legend(handles=handles, loc="outside lower center", ncols=3)
    return page.figure


def _norm(rates: Sequence[int]) -> Normalize:
    low, high = (min(rates), max(rates)) if rates else (0, 0)
    return Normalize(low, high) if high > low else Normalize(low - 1, high + 1)


def _draw_cell(axes: Axes, cell: _Cell, colors: ScalarMappable) -> None:
    row = cell.row
    for record in cell.trainings:
        color = colors.to_rgba(np.array([record.rate]))[0]
        diverged = record.status == "diverged"
        score = record.chance_score if diverged else record.score
        assert score is not None
        assert record.d is not None
        axes.plot(
            record.d,
            score,
            "x" if diverged else "o",
            markersize=4 if diverged else 3,
            color=color,
            markeredgecolor=color if diverged else DARK,
            markeredgewidth=1 if diverged else 0.3,
            gid=record.status,
            zorder=3,
        )
    if cell.curve is not None:
        axes.plot(np.exp(cell.curve[0]), cell.curve[1], color=DARK, linewidth=1, gid="fit", zorder=2)
    for score, style, name in (
        (row.full_score, "-", "full_score"),
        (row.target_score, "--", "target_score"),
        (row.chance_score, ":", "chance_score"),
    ):
        if score is not None:
            axes.axhline(score, color=GREY, linestyle=style, linewidth=0.9, zorder=1, gid=name)
    _, low, high = row.drawn_interval_of("d90")
    if row.status == "reached" and low is not None and high is not None:
        axes.axvspan(low, high, color=BAND_COLOR, alpha=0.3, linewidth=0, zorder=0, gid="interval")
    if row.d90 is not None:
        axes.axvline(row.d90, color=BAND_COLOR, linewidth=1, zorder=1, gid="d90")
    all_d = [record.d for record in cell.trainings if record.d is not None] + [row.d_min, row.d_max]
    axes.set_xscale("log")
    pad = (max(all_d) / min(all_d)) ** 0.04 if max(all_d) > min(all_d) else 2.0
    axes.set_xlim(min(all_d) / pad, max(all_d) * pad)
    set_log_ticks(axes, "x", log_ticks(min(all_d), max(all_d), TICKS_OF_D))
    axes.set_title(_panel_title(row), loc="left", size=FONT_POINTS - 1)


def _panel_title(row: D90Row) -> str:
    """Model, checkpoint and result, on two lines that fit a panel."""
    if row.status == "reached" and row.d90 is not None:
        ends = [compact(end) if end is not None else "?" for end in (row.d90_low, row.d90_high)]
        result = f"d90 {compact(row.d90)} ({ends[0]} to {ends[1]})"
    else:
        result = row.status.replace("_", " ")
    where = f"{row.model}, {row.checkpoint}"
    return "\n".join(shortened(line, PANEL_TITLE_INCHES, FONT_POINTS - 1) for line in (where, result))


def _handles(cells: Sequence[_Cell], target_words: str | None) -> list[Line2D | Patch]:
    shares = sorted({round(100 * cell.row.target_fraction, 3) for cell in cells})
    share = " / ".join(f"{one:g}%" for one in shares)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=GREY, linestyle="-", label="full score"),
        Line2D([], [], color=GREY, linestyle="--", label=target_words or f"target ({share} of full)"),
        Line2D([], [], color=GREY, linestyle=":", label="chance"),
    ]
    if any(cell.row.status == "reached" for cell in cells):
        handles.append(Patch(facecolor=BAND_COLOR, alpha=0.3, edgecolor=BAND_COLOR, label="d90 and its interval"))
    if any(cell.curve is not None for cell in cells):
        handles.append(Line2D([], [], color=DARK, linewidth=1, label="monotone fit"))
    if any(record.status == "diverged" for cell in cells for record in cell.trainings):
        handles.append(Line2D([], [], color=GREY, marker="x", linestyle="", label="diverged, drawn at chance"))
    return handles
