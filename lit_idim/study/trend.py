"""How d90 changes with pretraining step or model size: rank correlations and slope, censored cells included."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from lit_idim.randomness import stream_key
from lit_idim.study.censored_regression import CensoredLine, fit_censored_line
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.geometric_mean import GeometricMeanRow
from lit_idim.study.rank_correlation import Estimate, rank_correlations

TrendAxis = Literal["pretraining_step", "num_parameters"]

INTERVAL_LEVEL = 0.9
MIN_POINTS = 3


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


@dataclass(frozen=True, kw_only=True)
class _Point:
    x: int
    censoring: int  # 0 reached, +1 above range, -1 below range
    value: float  # d90, or the end of the range that it lies beyond
    low: float | None
    high: float | None
    log_errors: tuple[float, float]


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
    points, counts = _points(rows, x, variant)
    reason = _refusal(points)
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
    line, slope_reason, slope_points = _slope(points)
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


def _points(
    rows: Sequence[D90Row] | Sequence[GeometricMeanRow], x: TrendAxis, variant: D90Variant
) -> tuple[list[_Point], Counter[str]]:
    points = []
    counts: Counter[str] = Counter()
    for row in rows:
        where = row.pretraining_step if x == "pretraining_step" else row.num_parameters
        if isinstance(row, GeometricMeanRow):
            status = "missing" if row.d90 is None else "reached"
            value, low, high = row.d90, row.d90_low, row.d90_high
        else:
            status = row.status_of(variant) or "missing"
            value, low, high = row.drawn_interval_of(variant)  # an open end is that of the range of d
            value = {"above_range": float(row.d_max), "below_range": float(row.d_min)}.get(status, value)
        if status in ("trivial", "no_signal", "failed"):
            counts[status] += 1
        elif status == "missing" or where is None or value is None:
            counts["missing"] += 1
        else:
            censoring = {"reached": 0, "above_range": 1, "below_range": -1}[status]
            errors = _log_errors(value, low, high, row.interval_level)
            points.append(_Point(x=where, censoring=censoring, value=value, low=low, high=high, log_errors=errors))
    return points, counts


def _refusal(points: Sequence[_Point]) -> str | None:
    if len(points) < MIN_POINTS:
        return f"{len(points)} usable cells, at least {MIN_POINTS} are needed"
    if len({point.x for point in points}) < 2:
        return "all usable cells lie at one x"
    if len({point.censoring or point.value for point in points}) < 2:
        return "all usable cells are tied"
    return None


def _log_errors(value: float, low: float | None, high: float | None, level: float) -> tuple[float, float]:
    """Standard errors of ln d90 downwards and upwards; a side without an end takes the other's, none means 0."""
    quantile = NormalDist().inv_cdf(0.5 + level / 2)
    below = max(0.0, math.log(value / low)) / quantile if low else None
    above = max(0.0, math.log(high / value)) / quantile if high else None
    return (below if below is not None else above or 0.0, above if above is not None else below or 0.0)


def _slope(points: Sequence[_Point]) -> tuple[CensoredLine | None, str | None, list[_Point]]:
    used = [point for point in points if point.x > 0]
    num_reached = sum(point.censoring == 0 for point in used)
    if num_reached < MIN_POINTS:
        return None, f"{num_reached} reached cells at x > 0, at least {MIN_POINTS} are needed", used
    if len({point.x for point in used if point.censoring == 0}) < 2:
        return None, "all reached cells at x > 0 lie at one x", used
    line = fit_censored_line(
        np.log([point.x for point in used]),
        np.log([point.value for point in used]),
        np.array([point.censoring for point in used], dtype=np.int64),
        level=INTERVAL_LEVEL,
    )
    return line, None, used


def _overlap(reached: Sequence[_Point]) -> bool | None:
    lows = [point.low for point in reached if point.low is not None]
    highs = [point.high for point in reached if point.high is not None]
    if len(reached) < 2 or len(lows) < len(reached) or len(highs) < len(reached):
        return None
    return max(lows) <= min(highs)


def _notes(points: Sequence[_Point], counts: Counter[str], line: CensoredLine | None) -> str:
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
