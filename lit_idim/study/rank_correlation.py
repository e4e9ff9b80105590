"""Rank correlations of values of which some are known only to lie above or below all others.

Shapes: n cells, R resamples.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Estimate = tuple[float | None, float | None, float | None]


def rank_correlations(
    x: Floats,
    log_values: Floats,
    censoring: npt.NDArray[np.int64],
    log_errors: Floats,
    *,
    rng: np.random.Generator,
    num_resamples: int,
    level: float,
) -> tuple[Estimate, Estimate]:
    """Spearman's rho and Kendall's tau-b, each with an interval from the errors of the values.

    A resample draws every uncensored value again: ln value + z * (error downwards if z < 0, else upwards), z normal.

    Args:
        x: shape (n,).
        log_values: shape (n,); what stands at censored cells does not count.
        censoring: 0 known, +1 tied above all known values, -1 tied below them; shape (n,).
        log_errors: standard errors of log_values, downwards and upwards; shape (n, 2).
        rng: of the resamples.
        num_resamples: R.
        level: probability of the intervals.

    Returns:
        (value, low, high) of Spearman and of Kendall; resamples in which all values are tied are passed over.

    Example:
        >>> x, y = np.arange(4.0), np.array([3.0, 2.0, 1.0, 1.0])
        >>> bare = {"rng": np.random.default_rng(0), "num_resamples": 8, "level": 0.9}
        >>> rank_correlations(x, y, np.array([1, 0, 0, -1]), np.zeros((4, 2)), **bare)[1]
        (-1.0, -1.0, -1.0)
    """
    known = censoring == 0
    values = np.where(known, log_values, np.copysign(math.inf, censoring))
    normal = rng.standard_normal((num_resamples, len(x)))
    moved = values + np.where(known, normal * np.where(normal < 0, log_errors[:, 0], log_errors[:, 1]), 0.0)
    both = np.vstack([values, moved])
    return _estimate(spearman(x, both), level), _estimate(_kendall(x, both), level)


def spearman(x: Floats, values: Floats) -> Floats:
    """Spearman's rho of each row; tied values share their mean rank.

    Args:
        x: shape (n,), or (R, n) with a row for each row of values.
        values: shape (R, n).

    Returns:
        Shape (R,); NaN where all x or all values are tied.

    Example:
        >>> spearman(np.arange(3.0), np.array([[1.0, 2.0, np.inf], [5.0, 5.0, 5.0]]))
        array([ 1., nan])
    """
    a, b = rankdata(x, axis=-1), rankdata(values, axis=1)
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return _quotient(np.sum(a * b, axis=1), np.sum(a * a, axis=-1) * np.sum(b * b, axis=1))


def _kendall(x: Floats, values: Floats) -> Floats:
    """Tau-b, shape (R,): sum of sign products over pairs / sqrt(untied pairs of x * untied pairs of the row)."""
    i, j = np.triu_indices(len(x), 1)
    ranks = rankdata(values, axis=1)
    a, b = np.sign(x[i] - x[j]), np.sign(ranks[:, i] - ranks[:, j])
    return _quotient(b @ a, np.sum(a * a) * np.sum(b * b, axis=1))


def _quotient(numerator: Floats, square: Floats) -> Floats:
    return np.divide(numerator, np.sqrt(square), out=np.full_like(numerator, np.nan), where=square > 0)


def _estimate(numbers: Floats, level: float) -> Estimate:
    low, high = np.nanquantile(numbers[1:], [(1 - level) / 2, (1 + level) / 2])
    value = float(numbers[0])
    # Drawing again what has an error already takes correlations towards 0; the interval holds the value all the same.
    return value, min(float(low), value), max(float(high), value)
