"""How d90 changes with the number of parameters over models of several families (AZG20 section 5.2)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lit_idim.randomness import stream_key
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.model_bootstrap import Floats, bootstrap_models
from lit_idim.study.model_sizes import ModelSize, SizeAxis, SizeKey, size_of
from lit_idim.study.rank_correlation import spearman
from lit_idim.study.trend_points import INTERVAL_LEVEL, TrendPoint, fit_slope, rank_refusal, trend_points

SIZE_AXES: tuple[SizeAxis, ...] = ("num_parameters", "num_parameters_without_embeddings")
NUM_RESAMPLES = 2000

Interval = tuple[float | None, float | None, str | None]
"""Low, high, and why there are none."""


@dataclass(frozen=True, kw_only=True)
class SizeTrend:
    """Trend of d90 over the models of one task and method.

    Attributes:
        x: what d90 is set against: "num_parameters" (D) or "num_parameters_without_embeddings".
        task: name of the task.
        method: "did" or "said".
        variant: which d90.
        num_models: models that the trend is of: the reached and the censored ones.
        num_reached: models with a d90.
        num_above_range: models tied above all reached ones.
        num_below_range: models tied below all reached ones.
        num_trivial: models left out since chance reaches the target.
        num_no_signal: models left out since full fine-tuning is not above chance.
        num_failed: models left out since they could not be measured.
        num_missing: models left out since their x or this variant is not known.
        interval_level: probability of the intervals below.
        num_resamples: draws of the bootstrap.
        num_resamples_without_spearman: of these, those dropped for want of different models.
        num_resamples_without_slope: the same for the slope, which needs different reached models.
        spearman: rank correlation of d90 and x; None if refused.
        spearman_low: lower end of its bootstrap interval; None if refused.
        spearman_high: upper end of its bootstrap interval; None if refused.
        slope: of ln d90 against ln x (a power of x), by censored regression; None if refused.
        slope_low: lower end of its bootstrap interval; None if refused.
        slope_high: upper end of its bootstrap interval; None if refused.
        intercept: ln d90 of the fitted line at x = 1; None without a slope.
        reason: why there is no rank correlation; None if there is one.
        slope_reason: why there is no slope; None if there is one.
        interval_reason: why a rank correlation has no interval; None if it has one, or there is none.
        slope_interval_reason: why a slope has no interval; None if it has one, or there is none.
        notes: what the numbers include and leave out, in words.
    """

    x: SizeAxis
    task: str
    method: str
    variant: D90Variant
    num_models: int
    num_reached: int
    num_above_range: int
    num_below_range: int
    num_trivial: int
    num_no_signal: int
    num_failed: int
    num_missing: int
    interval_level: float
    num_resamples: int
    num_resamples_without_spearman: int
    num_resamples_without_slope: int
    spearman: float | None
    spearman_low: float | None
    spearman_high: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    intercept: float | None
    reason: str | None
    slope_reason: str | None
    interval_reason: str | None
    slope_interval_reason: str | None
    notes: str


def size_trends(
    rows: Sequence[D90Row],
    sizes: Mapping[SizeKey, ModelSize],
    variant: D90Variant = "d90",
    *,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> list[SizeTrend]:
    """The trend of each task and method against D with and without embeddings, in order of first appearance.

    Arguments and errors are those of `size_trend`.
    """
    groups: dict[tuple[str, str], list[D90Row]] = {}
    for row in rows:
        groups.setdefault((row.task, row.method), []).append(row)
    return [
        size_trend(members, sizes, x, variant, seed=seed, num_resamples=num_resamples)
        for members in groups.values()
        for x in SIZE_AXES
    ]


def size_trend(
    rows: Sequence[D90Row],
    sizes: Mapping[SizeKey, ModelSize],
    x: SizeAxis = "num_parameters",
    variant: D90Variant = "d90",
    *,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> SizeTrend:
    """Rank correlation and slope of d90 against model size, with percentile bootstrap intervals.

    A resample draws models with replacement, and each reached d90 from its own interval: the intervals hold which
    models were taken and the error of measurement, as if models were independent, which sizes of one family are not.

    Args:
        rows: of one task and method, one checkpoint a model.
        sizes: of the rows, as `model_sizes` gives them; a row without one is left out.
        x: which size.
        variant: which d90.
        seed: of the draws.
        num_resamples: draws of the bootstrap.

    Returns:
        The trend; what fewer than 3 models do not tell is None, with the reason.

    Raises:
        ValueError: if the rows are none, of several tasks or methods, or several of one model.
    """
    groups = {(row.task, row.method) for row in rows}
    if len(groups) != 1:
        raise ValueError(f"rows: expected one task and method, got {sorted(groups)}; call size_trend for each")
    if twice := sorted(model for model, count in Counter(row.model for row in rows).items() if count > 1):
        raise ValueError(f"rows: expected one checkpoint a model, got several of {', '.join(twice)}; pass one step's")
    ((task, method),) = groups
    points, counts = trend_points(rows, [size_of(row, sizes, x) for row in rows], variant)
    reason = rank_refusal(points)
    line, slope_reason, _ = fit_slope(points)
    rank_interval: Interval = (None, None, None)
    slope_interval: Interval = (None, None, None)
    num_dropped = [0, 0]
    if reason is None or line is not None:
        rng = np.random.default_rng(stream_key(seed, f"size_trend.{x}.{variant}"))
        drawn = bootstrap_models(points, rng=rng, num_resamples=num_resamples)
        if reason is None:
            rank_interval = _interval(drawn.spearman, _spearman(points), "rank correlation")
            num_dropped[0] = int(np.isnan(drawn.spearman).sum())
        if line is not None:
            slope_interval = _interval(drawn.slope, line.slope, "slope")
            num_dropped[1] = int(np.isnan(drawn.slope).sum())
    return SizeTrend(
        x=x,
        task=task,
        method=method,
        variant=variant,
        num_models=len(points),
        num_reached=sum(point.censoring == 0 for point in points),
        num_above_range=sum(point.censoring > 0 for point in points),
        num_below_range=sum(point.censoring < 0 for point in points),
        num_trivial=counts["trivial"],
        num_no_signal=counts["no_signal"],
        num_failed=counts["failed"],
        num_missing=counts["missing"],
        interval_level=INTERVAL_LEVEL,
        num_resamples=num_resamples,
        num_resamples_without_spearman=num_dropped[0],
        num_resamples_without_slope=num_dropped[1],
        spearman=_spearman(points) if reason is None else None,
        spearman_low=rank_interval[0],
        spearman_high=rank_interval[1],
        slope=line.slope if line else None,
        slope_low=slope_interval[0],
        slope_high=slope_interval[1],
        intercept=line.intercept if line else None,
        reason=reason,
        slope_reason=slope_reason,
        interval_reason=rank_interval[2],
        slope_interval_reason=slope_interval[2],
        notes=_notes(points, counts),
    )


def _spearman(points: Sequence[TrendPoint]) -> float:
    x = np.array([point.x for point in points], dtype=np.float64)
    values = [point.value if point.censoring == 0 else np.copysign(np.inf, point.censoring) for point in points]
    return float(spearman(x, np.array([values]))[0])


def _interval(numbers: Floats, estimate: float, name: str) -> Interval:
    """Percentile interval of the resamples that have the statistic, or why there is none.

    Drawing again what has an error already takes correlations towards 0; the interval holds the estimate all the same.
    """
    kept = numbers[~np.isnan(numbers)]
    if 2 * len(kept) < len(numbers):
        return None, None, f"{len(numbers) - len(kept)} of {len(numbers)} resamples have no {name}: too few models"
    low, high = np.quantile(kept, [(1 - INTERVAL_LEVEL) / 2, (1 + INTERVAL_LEVEL) / 2])
    return min(float(low), estimate), max(float(high), estimate), None


def _notes(points: Sequence[TrendPoint], counts: Counter[str]) -> str:
    notes = ["intervals hold which models were taken, as if these were independent, and the error of each d90"]
    if num_censored := sum(point.censoring != 0 for point in points):
        notes.append(
            f"{num_censored} of {len(points)} models are censored: ties at the end in ranks, limits in the slope"
        )
    if num_bare := sum(point.censoring == 0 and point.low is None and point.high is None for point in points):
        notes.append(f"{num_bare} reached without an interval are taken as exact")
    if left_out := [f"{counts[status]} {status}" for status in sorted(counts)]:
        notes.append(f"left out: {', '.join(left_out)}")
    return "; ".join(notes)
