"""The best learning rates of subspaces against D/d, with the rule in use and the fitted one."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from lit_idim.d90.rate_rule import BestRate, RateRule
from lit_idim.figures.style import (
    COLORS,
    DARK,
    FONT_POINTS,
    GREY,
    MARKERS,
    SETTINGS,
    log_ticks,
    new_page,
    save_figure,
    set_log_ticks,
    shortened,
)
from lit_idim.training.optimization import subspace_learning_rate

PLOT_INCHES = 3.8
LEGEND_TEXT_INCHES = 1.6


def learning_rates(
    points: Sequence[BestRate], fitted: RateRule, folder: Path, *, further: str = "", stem: str = "learning_rates"
) -> list[Path]:
    """Draws and saves the figure; returns the paths of PNG and SVG.

    Args:
        points: the best rates.
        fitted: the rule through them.
        folder: for the files.
        further: sentences of the caption, on what was left out.
        stem: name of the files.
    """
    return save_figure(draw_learning_rates(points, fitted, further=further), folder, stem)


def draw_learning_rates(points: Sequence[BestRate], fitted: RateRule, *, further: str = "") -> Figure:
    """A mark a cell and d, in colour and shape of its cell; log-log."""
    low, high = fitted.exponent_interval
    words = (
        "A mark is the best learning rate for one d over the best one of full fine-tuning, a bar the rates that are as "
        f"good. {fitted.interval_level:.0%} interval of the exponent, by a jackknife over {fitted.num_models} models: "
        f"{low:.2f} to {high:.2f}. {further}"
    )
    with mpl.rc_context(SETTINGS):
        title = "Learning rate of theta_d against D/d"
        page = new_page(title=title, caption=words.strip(), plot_height_inches=PLOT_INCHES)
        axes = page.plot.subplots()
        cells = list(dict.fromkeys(point.cell for point in points))
        for number, cell in enumerate(cells):
            members = [point for point in points if point.cell == cell]
            places = [point.ratio for point in members]
            color = COLORS[number % len(COLORS)]
            axes.plot(
                places,
                [point.rate / point.full_rate for point in members],
                linestyle="",
                marker=MARKERS[number % len(MARKERS)],
                color=color,
                label=shortened(cell, LEGEND_TEXT_INCHES, FONT_POINTS - 1),
            )
            lowest, highest = ([getattr(one, end) / one.full_rate for one in members] for end in ("lowest", "highest"))
            axes.vlines(places, lowest, highest, color=color, linewidth=0.8)
        ratios = np.geomspace(min(point.ratio for point in points), max(point.ratio for point in points), 50)
        fit = f"{fitted.factor:.2g} (D/d)^{fitted.exponent:.2f}, fitted"
        axes.plot(ratios, [fitted.rate(1.0, ratio) for ratio in ratios], color=DARK, label=fit)
        in_use = [subspace_learning_rate(1.0, D=1, d=1 / ratio) for ratio in ratios]
        axes.plot(ratios, in_use, color=GREY, linestyle="--", label="the rule in use")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("D/d, d without lambdas")
        axes.set_ylabel("learning rate / that of full fine-tuning")
        for axis, (least, most) in (("x", axes.get_xlim()), ("y", axes.get_ylim())):
            set_log_ticks(axes, axis, log_ticks(least, most))
        page.plot.legend(loc="outside right upper", labelspacing=0.45)
    return page.figure
