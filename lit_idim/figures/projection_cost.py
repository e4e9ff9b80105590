"""The roofline of the projections: time of a pass against D, beside the time that its memory traffic takes at least."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

COLORS = {"fastfood": "C0", "fastfood_literal": "C4", "onehot": "C1", "sparse": "C2", "dense": "C3"}
DASHES = ("-", "--", ":", "-.")


def projection_cost_figure(rows: Sequence[dict[str, Any]], *, title: str) -> Figure:
    """Seconds of a pass against D for each projection and d, and the roof: its least bytes at the copy's speed.

    Args:
        rows: of `lit_idim.cost.sweep.sweep`; those that were left out are drawn nowhere.
        title: machine, threads, dtype.
    """
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    ds = sorted({row["d"] for row in rows if row["projection"] != "copy"})
    copies = {row["D"]: row["bytes_a_second"] for row in rows if row["projection"] == "copy"}
    for axes, which in zip(figure.subplots(1, 2, sharey=True), ("forward", "backward"), strict=True):
        of_pass = [row for row in rows if row["pass"] == which and row["projection"] != "copy" and not row["left_out"]]
        least = {row["D"]: row["least_bytes"] / copies[row["D"]] for row in of_pass}
        axes.plot(
            list(least), list(least.values()), color="black", linewidth=3, alpha=0.35, label="memory, at copy speed"
        )
        for name in dict.fromkeys(row["projection"] for row in of_pass):
            for d in ds:
                points = [(row["D"], row["seconds"]) for row in of_pass if (row["projection"], row["d"]) == (name, d)]
                if points:
                    style = {"color": COLORS.get(name, "C5"), "linestyle": DASHES[ds.index(d) % len(DASHES)]}
                    axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=f"{name}, d = {d}", **style)
        axes.set(xscale="log", yscale="log", xlabel="D, parameters", title=f"{which} pass")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")  # the package's style draws no mathematics, which powers of ten would be
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("seconds")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center", fontsize="small")
    figure.suptitle(title, fontsize="medium")
    return figure
