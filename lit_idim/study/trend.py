"""How d90 changes with pretraining step or model size: rank correlations and slope, censored cells included."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lit_idim.randomness import stream_key
from lit_idim.study.censored_regression import CensoredLine
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.geometric_mean import GeometricMeanRow
from lit_idim.study.rank_correlation import Estimate, rank_correlations
from lit_idim.study.trend_points import INTERVAL_LEVEL, TrendPoint, fit_slope, rank_refusal, trend_points

TrendAxis = Literal["pretraining_step", "num_parameters"]


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Trend of d90 over the checkpoints of one task and method, or of its geometric mean over tasks.

    Attributes:
        x: what d90 is set against: "pretraining_step" (updates) or "num_parameters" (D).
        variant: which d90.
        num_reached: cells with a d90.
        num_above_range: cells tied above all reached ones.
        num_below_range: cells tied below all reached ones.
        num_trivial: cells left out since chance reaches the target.
        num_no_signal: cells left out since full fine-tuning is not above chance.
        num_failed: cells left out since they could not be measured.
        num_missing: rows left out since they lack x or this variant, or a geometric mean that lacks a task.
        interval_level: probability of the intervals below.
        spearman: rank correlation of d90 and x; None if refused.
        spearman_low: lower end of its interval.
        spearman_high: upper end of its interval.
        kendall: rank correlation tau-b of d90 and x; None if refused.
        kendall_low: lower end of its interval.
        kendall_high: upper end of its interval.
        slope: of ln d90 against ln x (a power of x), by censored regression; None if refused.
        slope_low: lower end of its interval; None if the cells do not bound it.
        slope_high: upper end of its interval; None if the cells do not bound it.
        scatter: standard deviation of ln d90 about the line.
        num_slope_cells: cells of the slope, censored ones included; those at x = 0 have no logarithm.
        intervals_overlap: whether one d lies within the intervals of all reached cells: then they show no change;
            None with fewer than 2 reached cells, or if one has no interval.
        reason: why there are no rank correlations; None if there are.
        slope_reason: why there is no slope; None if there is one.
        notes: what the numbers include and leave out, in words.
    """

    x: TrendAxis
    variant: D90Variant
    num_reached: int
    num_above_range: int
    num_below_range: int
    num_trivial: int
    num_no_signal: int
    num_failed: int
    num_missing: int
    interval_level: float
    spearman: float | None
    spearman_low: float | None
    spearman_high: float | None
    kendall: float | None
    kendall_low: float | None
    kendall_high: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    scatter: float | None
    num_slope_cells: int
    intervals_overlap: bool | None
    reason: str | None
    slope_reason: str | None
    notes: str


def trend(
    rows: Sequence[D90Row] | Sequence[GeometricMeanRow],
    x: TrendAxis = "pretraining_step",
    variant: D90Variant = "d90",
    *,
    seed: int = 0,
    num_resamples: int = 2000,
) -> Trend:
    """Rank correlations and slope of d90 against x.

    The interval of a rank correlation draws each reached d90 again from its own interval (log-normal, each side with
    its own width; censored cells stay censored): it holds the error of measurement, not what other pretraining seeds
    would give. The interval of the slope comes from the scatter about the line.

    Args:
        rows: of one task and method, a row a checkpoint.
        x: column that d90 is set against.
        variant: which d90; geometric means are of the variant they were made for.
        seed: of the draws.
        num_resamples: draws of an interval.

    Returns:
        The trend; with fewer than 3 usable cells its numbers are None and `reason` says why.

    Raises:
        ValueError: if the rows are of several tasks or methods.
    """
    groups = {(getattr(row, "task", "geometric mean"), row.method) for row in rows}
    if len(groups) > 1:
        raise ValueError(f"rows: expected one task and method, got {sorted(groups)}; call trend for each")
    points, counts = trend_points(rows, [getattr(row, x) for row in rows], variant)
    reason = rank_refusal(points)
    spearman: Estimate = (None, None, None)
    kendall: Estimate = (None, None, None)
    if reason is None:
        spearman, kendall = rank_correlations(
            np.array([point.x for point in points], dtype=np.float64),
            np.log([point.value for point in points]),
            np.array([point.censoring for point in points]),
            np.array([point.log_errors for point in points]),
            rng=np.random.default_rng(stream_key(seed, f"trend.{x}.{variant}")),
            num_resamples=num_resamples,
            level=INTERVAL_LEVEL,
        )
    line, slope_reason, slope_points = fit_slope(points)
    reached = [point for point in points if point.censoring == 0]
    return Trend(
        x=x,
        variant=variant,
        num_reached=len(reached),
        num_above_range=sum(point.censoring > 0 for point in points),
        num_below_range=sum(point.censoring < 0 for point in points),
        num_trivial=counts["trivial"],
        num_no_signal=counts["no_signal"],
        num_failed=counts["failed"],
        num_missing=counts["missing"],
        interval_level=INTERVAL_LEVEL,
        spearman=spearman[0],
        spearman_low=spearman[1],
        spearman_high=spearman[2],
        kendall=kendall[0],
        kendall_low=kendall[1],
        kendall_high=kendall[2],
        slope=line.slope if line else None,
        slope_low=line.slope_low if line else None,
        slope_high=line.slope_high if line else None,
        scatter=line.sigma if line else None,
        num_slope_cells=len(slope_points) if line else 0,
        intervals_overlap=_overlap(reached),
        reason=reason,
        slope_reason=slope_reason,
        notes=_notes(points, counts, line),
    )


def _overlap(reached: Sequence[TrendPoint]) -> bool | None:
    lows = [point.low for point in reached if point.low is not None]
    highs = [point.high for point in reached if point.high is not None]
    if len(reached) < 2 or len(lows) < len(reached) or len(highs) < len(reached):
        return None
    return max(lows) <= min(highs)


def _notes(points: Sequence[TrendPoint], counts: Counter[str], line: CensoredLine | None) -> str:
    notes = ["intervals of rank correlations hold the error of each d90, intervals of the slope the scatter of cells"]
    if num_censored := sum(point.censoring != 0 for point in points):
        notes.append(
            f"{num_censored} of {len(points)} cells are censored: ties at the end in ranks, limits in the slope"
        )
    if num_zero := sum(point.x == 0 for point in points):
        notes.append(f"{num_zero} at step 0, which has no logarithm, take part in ranks and not in the slope")
    if num_bare := sum(point.censoring == 0 and point.low is None and point.high is None for point in points):
        notes.append(f"{num_bare} reached without an interval are taken as exact")
    if left_out := [f"{counts[status]} {status}" for status in sorted(counts)]:
        notes.append(f"left out: {', '.join(left_out)}")
    if line and (line.slope_low is None or line.slope_high is None):
        notes.append("the cells leave the slope unbounded on a side")
    return "; ".join(notes)
