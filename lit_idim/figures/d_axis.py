"""The axis of d90: logarithmic, with room for what lies beyond the range and for what has no d90."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from lit_idim.figures.d90_marks import STRIP_HEIGHT
from lit_idim.figures.style import GREY, log_ticks, set_log_ticks
from lit_idim.study.d90_row import D90Row, D90Variant

AXIS_LABELS: dict[D90Variant, str] = {
    "d90": "d90 (trained numbers)",
    "d90_chance_corrected": "chance-corrected d90 (trained numbers)",
    "d90_final_target": "final-target d90 (trained numbers)",
}


def set_d_axis(axes: Axes, rows: Sequence[D90Row], variant: D90Variant, references: Sequence[float] = ()) -> None:
    """Limits that hold all numbers of the rows and the references, above a strip for what has no place on the scale."""
    axes.set(yscale="log", ylabel=AXIS_LABELS[variant])
    ends = [end for row in rows for end in _ends(row, variant)] or [float(rows[0].d_min), float(rows[0].d_max)]
    ends += references
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
