"""Rows of a study as points of a trend: where each stands, what is known of its d90, and what is left out."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from lit_idim.study.censored_regression import CensoredLine, fit_censored_line
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.geometric_mean import GeometricMeanRow

INTERVAL_LEVEL = 0.9
MIN_POINTS = 3


@dataclass(frozen=True, kw_only=True)
class TrendPoint:
    """A d90 of which at least a limit is known, at its x.

    Attributes:
        x: what d90 is set against.
        censoring: 0 reached, +1 above range, -1 below range.
        value: d90, or the end of the range that it lies beyond, in trained numbers.
        low: lower end of its interval, in trained numbers.
        high: upper end of its interval, in trained numbers.
        log_errors: standard errors of ln d90, downwards and upwards.
    """

    x: int
    censoring: int
    value: float
    low: float | None
    high: float | None
    log_errors: tuple[float, float]


def trend_points(
    rows: Sequence[D90Row | GeometricMeanRow], x: Sequence[int | None], variant: D90Variant
) -> tuple[list[TrendPoint], Counter[str]]:
    """The rows that tell something of a trend, and how many do not, by status ("missing" where x or d90 lacks).

    Args:
        rows: of one task and method.
        x: where each row stands; None if it has no place.
        variant: which d90; geometric means are of the variant they were made for.
    """
    points = []
    counts: Counter[str] = Counter()
    for row, where in zip(rows, x, strict=True):
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
            points.append(TrendPoint(x=where, censoring=censoring, value=value, low=low, high=high, log_errors=errors))
    return points, counts


def rank_refusal(points: Sequence[TrendPoint]) -> str | None:
    """Why the points have no rank correlation; None if they have one."""
    if len(points) < MIN_POINTS:
        return f"{len(points)} usable cells, at least {MIN_POINTS} are needed"
    if len({point.x for point in points}) < 2:
        return "all usable cells lie at one x"
    if len({point.censoring or point.value for point in points}) < 2:
        return "all usable cells are tied"
    return None


def fit_slope(points: Sequence[TrendPoint]) -> tuple[CensoredLine | None, str | None, list[TrendPoint]]:
    """The line of ln d90 against ln x, or why there is none, and the points it is of: those at x > 0."""
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


def _log_errors(value: float, low: float | None, high: float | None, level: float) -> tuple[float, float]:
    """Standard errors of ln d90 downwards and upwards; a side without an end takes the other's, none means 0."""
    quantile = NormalDist().inv_cdf(0.5 + level / 2)
    below = max(0.0, math.log(value / low)) / quantile if low else None
    above = max(0.0, math.log(high / value)) / quantile if high else None
    return (below if below is not None else above or 0.0, above if above is not None else below or 0.0)
