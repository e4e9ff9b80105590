"""Figures of generalization: d90 beside accuracy and gap, bounds beside errors, and the bits of a description."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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
    Page,
    log_ticks,
    new_page,
    save_figure,
    set_log_ticks,
    shortened,
)
from lit_idim.generalization.row import GeneralizationRow

PANEL_INCHES = 3.0
LEGEND_TEXT_INCHES = 2.0
LEGEND_COLUMNS = 3

Value = Callable[[GeneralizationRow], float | None]


def draw_generalization(rows: Sequence[GeneralizationRow]) -> Figure:
    """d90 against dev accuracy and against the relative generalization gap of full fine-tuning (AZG20, section 5.3)."""
    measured = [row for row in rows if row.num_bits is not None]
    caption = (
        f"{len(measured)} of {len(rows)} cells have a certificate. Filled: full fine-tuning, at d90; hollow: the "
        "certified subspace, at its own d. Gap: (train - dev) / (1 - dev) of the accuracies on the sample that was "
        "trained on and on the dev split. One training each. Bars: 90% interval of d90."
    )
    page, (left, right) = _page("d90, accuracy and generalization gap", caption, rows)
    for axes, name, label in (
        (left, "dev_accuracy", "dev accuracy"),
        (right, "generalization_gap", "relative generalization gap"),
    ):
        for row in measured:
            look = _look(row, rows)
            for kind, x, face in (("full", row.d90, look["color"]), ("subspace", row.d, "white")):
                value = getattr(row, f"{kind}_{name}")
                if value is not None and x is not None:
                    axes.plot(x, value, markerfacecolor=face, linestyle="", gid=kind, **look)
            full = getattr(row, f"full_{name}")
            if full is not None and row.d90_low is not None and row.d90_high is not None:
                axes.hlines(full, row.d90_low, row.d90_high, color=look["color"], linewidth=0.8, alpha=0.6)
        _set_d_axis(axes, measured)
        axes.set_ylabel(label)
    return page.figure


def draw_bounds(rows: Sequence[GeneralizationRow]) -> Figure:
    """The bound against the error on held-out examples, and against sqrt(d / n)."""
    measured = [row for row in rows if row.kl_bound is not None]
    deltas = sorted({row.delta for row in measured if row.delta is not None})
    caption = (
        f"{len(measured)} of {len(rows)} cells. A point is the kl bound on the error of the decoded classifier on the "
        f"distribution of the train set, each with probability {' / '.join(f'{1 - delta:g}' for delta in deltas)}, if "
        "the examples are independent; small tick above it: Hoeffding's form, where it is at "
        "most 1. Hollow: not below the error of the "
        "majority class (dotted). Held out: train examples that neither training nor rounding saw. sqrt(d/n) is the "
        "shape of the paper's bound, whose constant is not known."
    )
    page, (left, right) = _page("Compression bounds", caption, rows)
    values: tuple[tuple[Axes, Value, str], ...] = (
        (left, lambda row: row.held_out_error, "error on held-out train examples"),
        (right, lambda row: row.asymptotic_shape, "sqrt(d / n)"),
    )
    for axes, x, label in values:
        for row in measured:
            place, look = x(row), _look(row, rows)
            assert place is not None
            assert row.kl_bound is not None
            assert row.hoeffding_bound is not None
            face = look["color"] if row.is_non_vacuous else "white"
            axes.plot(place, row.kl_bound, markerfacecolor=face, linestyle="", gid="kl_bound", **look)
            if row.hoeffding_bound <= 1:
                axes.plot(place, row.hoeffding_bound, "_", color=look["color"], gid="hoeffding_bound")
        for majority in sorted({round(row.majority_error or 0.0, 4) for row in measured}):
            axes.axhline(majority, color=GREY, linestyle=":", linewidth=0.8, gid="majority_error")
        axes.set_xlabel(label)
        axes.set_ylabel("bound on the error")
        axes.set_ylim(0, 1.05)
    largest = max([row.held_out_error or 0.0 for row in measured], default=0.0)
    left.set_xlim(0, 1.08 * largest or 1.0)
    left.plot([0, largest], [0, largest], color=GREY, linewidth=0.8, gid="diagonal")
    left.annotate("bound = error", (largest, 0.6 * largest), ha="right", va="top", color=GREY, size=FONT_POINTS - 1.5)
    if shapes := [row.asymptotic_shape for row in measured if row.asymptotic_shape is not None]:
        low, high = min(shapes) / 1.3, max(shapes) * 1.3
        right.set_xscale("log")
        right.set_xlim(low, high)
        set_log_ticks(right, "x", log_ticks(low, high, 5))
    return page.figure


def draw_description_length(rows: Sequence[GeneralizationRow]) -> Figure:
    """Bits of the message against pretraining step and against D."""
    measured = [row for row in rows if row.num_bits is not None]
    caption = (
        f"{len(measured)} of {len(rows)} cells. Bits: the whole message that the rounded classifier is decoded from, "
        "given its base model: theta_d and lambdas, entropy-coded, d, seeds, learning rate, updates, grid and codebook."
    )
    page, (left, right) = _page("Description length", caption, rows)
    of_steps = [row for row in measured if row.pretraining_step is not None]
    if of_steps:
        set_step_axis(left, [row.pretraining_step for row in of_steps if row.pretraining_step is not None])
    left.set_xlabel("pretraining step")
    right.set_xlabel("D")
    right.set_xscale("log")
    for axes, shown, x in ((left, of_steps, "pretraining_step"), (right, measured, "num_parameters")):
        for key in dict.fromkeys(_name(row) for row in shown):
            line = sorted((row for row in shown if _name(row) == key), key=lambda row: getattr(row, x) or 0)
            look = _look(line[0], rows)
            style = "-" if x == "pretraining_step" else ""
            places, bits = [getattr(row, x) for row in line], [float(row.num_bits or 0) for row in line]
            axes.plot(places, bits, linestyle=style, linewidth=1, gid="num_bits", **look)
        axes.set_yscale("log")
        axes.set_ylabel("bits")
        if numbers := [row.num_bits for row in shown if row.num_bits is not None]:
            low, high = min(numbers) / 1.15, max(numbers) * 1.15
            axes.set_ylim(low, high)
            set_log_ticks(axes, "y", log_ticks(low, high))
    if sizes := [row.num_parameters for row in measured if row.num_parameters is not None]:
        low, high = min(sizes) / 1.5, max(sizes) * 1.5
        right.set_xlim(low, high)
        set_log_ticks(right, "x", log_ticks(low, high, 5))
    return page.figure


def save_generalization_figures(rows: Sequence[GeneralizationRow], folder: Path) -> list[Path]:
    """Draws and saves `generalization`, `bounds` and `description_length`; none without a certificate."""
    if all(row.num_bits is None for row in rows):
        return []
    drawings = {
        "generalization": draw_generalization,
        "bounds": draw_bounds,
        "description_length": draw_description_length,
    }
    return [path for stem, draw in drawings.items() for path in save_figure(draw(rows), folder, stem)]


def _page(title: str, caption: str, rows: Sequence[GeneralizationRow]) -> tuple[Page, tuple[Axes, Axes]]:
    """Two panels side by side, and a legend of what is a mark of its own."""
    looks = {_name(row): _look(row, rows) for row in rows}
    handles = [
        Line2D([], [], linestyle="", label=shortened(name, LEGEND_TEXT_INCHES, FONT_POINTS - 1), **look)
        for name, look in looks.items()
    ]
    if any(row.task.startswith("toy-") for row in rows):
        caption += " The toy tasks are in a generated language, not in English."
    height = PANEL_INCHES + LEGEND_ROW_INCHES * -(-len(handles) // LEGEND_COLUMNS) + 0.3
    with mpl.rc_context(SETTINGS):
        page = new_page(title=title, caption=caption, plot_height_inches=height)
        left, right = page.plot.subplots(1, 2)
        page.plot.legend(handles=handles, loc="outside lower center", ncols=LEGEND_COLUMNS)
    return page, (left, right)


def _name(row: GeneralizationRow) -> str:
    return f"{row.model}, {row.task}, {row.method.upper()}"


def _look(row: GeneralizationRow, rows: Sequence[GeneralizationRow]) -> dict[str, Any]:
    number = list(dict.fromkeys(_name(one) for one in rows)).index(_name(row))
    return {"color": COLORS[number % len(COLORS)], "marker": MARKERS[number % len(MARKERS)]}


def _set_d_axis(axes: Axes, rows: Sequence[GeneralizationRow]) -> None:
    every = [end for row in rows for end in (row.d, row.d90, row.d90_low, row.d90_high) if end is not None]
    low, high = (min(every) / 1.3, max(every) * 1.3) if every else (10.0, 1000.0)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    set_log_ticks(axes, "x", log_ticks(low, high, 5))
    axes.set_xlabel("d (trained numbers)")
