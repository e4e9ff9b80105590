"""Where a monotone curve through noisy scores crosses a target, with an interval.

Shapes: n values of d with scores; a grid of G = X x W x U curves.

Near the crossing x* = ln d90 the score is taken to be a logistic curve in x = ln d that rises from the chance score c to a
plateau U,

    s(x) = c + (U - c) L((x - x*) / w + logit p),    p = (t - c) / (U - c),  L the logistic function,

so that s(x*) is the target t. Points count by their distance from the crossing (a Gaussian kernel), so that the curve
need not hold far from it. Every curve of a grid over (x*, w, U) is weighed by its likelihood; the noise, one standard
deviation for all scores of the cell, and the target's own error, which moves all points against the target alike, are
integrated out in closed form (normal scores, an inverse-gamma prior on the variance). The estimate is the median of x*
under these weights, the interval lies between its 5% and 95% quantiles. How often it covers the truth is measured by
`lit_idim.d90.simulation`.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Prior of the noise: a standard deviation of 1 point that counts like two observations. Without it a handful of scores
# that happen to agree would end a search at once.
PRIOR_SD = 0.01
PRIOR_WEIGHT = 2.0
# Widths of the rise in nats of d, and shares of the rise, from chance to plateau, at which the target lies.
WIDTHS = np.geomspace(0.25, 6.0, 10)
NUM_PLATEAUS = 5
HIGHEST_PLATEAU = 1.06  # of the full score: a subspace does not do much better than all parameters
LARGEST_SHARE = 0.98
KERNEL_NATS = 1.3
LEVEL = 0.9
_COARSE_POINTS, _FINE_POINTS = 41, 51
_MARGIN_NATS = 2.5  # how far outside the range of d a crossing may lie


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What is known of the noise beside the scores that the curve goes through.

    Attributes:
        sum_of_squares: of scores about the mean of their d and rate (in full, of their rate).
        degrees_of_freedom: of that sum.
    """

    sum_of_squares: float
    degrees_of_freedom: int

    @property
    def variance(self) -> float:
        """Pooled with the prior."""
        weight = PRIOR_WEIGHT + self.degrees_of_freedom
        return (PRIOR_WEIGHT * PRIOR_SD**2 + self.sum_of_squares) / weight


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Where the curve crosses the target, in x = ln d.

    Attributes:
        x: median.
        low: 5% quantile.
        high: 95% quantile.
        quantiles: 30% and 70% quantile, between which it is worth looking next.
        above: probability that the crossing lies above the range of d.
        below: probability that it lies below.
        slope: of the most likely curve at x, score per nat of d.
        sd: noise of a score.
        curve: parameters (x*, w, U) of the most likely curve.
    """

    x: float
    low: float
    high: float
    quantiles: tuple[float, float]
    above: float
    below: float
    slope: float
    sd: float
    curve: tuple[float, float, float]

    @property
    def half_width(self) -> float:
        """Of the interval, in nats."""
        return (self.high - self.low) / 2


def curve_values(x: Floats, crossing: Crossing, *, target: float, chance: float) -> Floats:
    """The most likely curve at x = ln d, same shape."""
    at, width, plateau = crossing.curve
    share = (target - chance) / (plateau - chance)
    return chance + (plateau - chance) * _logistic((x - at) / width + _logit(share))


def find_crossing(
    x: Floats,
    means: Floats,
    counts: Floats,
    *,
    spread: Spread,
    target: float,
    target_variance: float,
    chance: float,
    full_score: float,
    x_range: tuple[float, float],
) -> Crossing:
    """Estimates where the curve through scores crosses a target.

    Args:
        x: ln d, shape (n,).
        means: mean score at each d, shape (n,).
        counts: how many scores each mean is of, shape (n,).
        spread: the noise as seen within groups.
        target: t, above chance.
        target_variance: variance of t over the variance of a score.
        chance: c.
        full_score: of full fine-tuning.
        x_range: ln d_min, ln d_max.
    """
    bounds = (x_range[0] - _MARGIN_NATS, x_range[1] + _MARGIN_NATS)
    plateaus = _plateaus(target, chance, full_score)
    fit = _Fit(x, means, counts, spread, target, target_variance, chance, plateaus)
    grid = np.linspace(*bounds, _COARSE_POINTS)
    log_weights = fit.log_weights(grid, np.ones_like(x))
    centre, narrow = _quantile(grid, log_weights, 0.5), _window(grid, log_weights, bounds)
    for _ in range(2):
        grid = np.linspace(*narrow, _FINE_POINTS)
        kernel = np.exp(-0.5 * ((x - centre) / KERNEL_NATS) ** 2)
        log_weights = fit.log_weights(grid, kernel)
        centre, narrow = _quantile(grid, log_weights, 0.5), _window(grid, log_weights, bounds)
    return fit.summary(grid, log_weights, x_range, kernel)


class _Fit:
    def __init__(
        self,
        x: Floats,
        means: Floats,
        counts: Floats,
        spread: Spread,
        target: float,
        target_variance: float,
        chance: float,
        plateaus: Floats,
    ) -> None:
        self.x, self.means, self.counts, self.spread = x, means, counts, spread
        self.target, self.target_variance, self.chance, self.plateaus = target, target_variance, chance, plateaus

    def log_weights(self, grid: Floats, kernel: Floats) -> Floats:
        """Log posterior weights, shape (X, W, U)."""
        weights = self.counts * kernel
        squares, _ = self._squares(grid, weights)
        shape = PRIOR_WEIGHT + self.spread.degrees_of_freedom + float(weights.sum())
        scale = PRIOR_WEIGHT * PRIOR_SD**2 + self.spread.sum_of_squares
        log_weights: Floats = -0.5 * shape * np.log(scale + squares)
        # The rise takes a nat or so, give or take a factor of 3.
        return log_weights - 0.5 * (np.log(WIDTHS)[None, :, None] / math.log(3)) ** 2

    def _squares(self, grid: Floats, weights: Floats) -> tuple[Floats, float]:
        """Weighted squares of the residuals with the common shift of the target integrated out, shape (X, W, U)."""
        share = (self.target - self.chance) / (self.plateaus - self.chance)  # (U,)
        # L(u + logit p) = 1 / (1 + (1 - p) / p exp(-u)): one exponential serves all plateaus.
        u = (self.x[None, None, :] - grid[:, None, None]) / WIDTHS[None, :, None]  # (X, W, n)
        fall = np.exp(-np.clip(u, -60, 60))[:, :, None, :] * ((1 - share) / share)[:, None]
        residuals = (self.means - self.chance) - (self.plateaus - self.chance)[:, None] / (1 + fall)  # (X, W, U, n)
        total = float(weights.sum())
        linear = residuals @ weights
        np.square(residuals, out=residuals)
        squares: Floats = residuals @ weights
        return squares - linear**2 / (total + 1 / self.target_variance), total

    def summary(self, grid: Floats, log_weights: Floats, x_range: tuple[float, float], kernel: Floats) -> Crossing:
        best = np.unravel_index(int(np.argmax(log_weights)), log_weights.shape)
        width, plateau = float(WIDTHS[best[1]]), float(self.plateaus[best[2]])
        share = (self.target - self.chance) / (plateau - self.chance)
        weights = self.counts * kernel
        squares, total = self._squares(grid[best[0] : best[0] + 1], weights)
        shape = PRIOR_WEIGHT + self.spread.degrees_of_freedom + max(0.0, total - 2)
        scale = PRIOR_WEIGHT * PRIOR_SD**2 + self.spread.sum_of_squares + float(squares[0, best[1], best[2]])
        marginal = _marginal(log_weights)
        return Crossing(
            x=_quantile(grid, log_weights, 0.5),
            low=_quantile(grid, log_weights, 0.5 - LEVEL / 2),
            high=_quantile(grid, log_weights, 0.5 + LEVEL / 2),
            quantiles=(_quantile(grid, log_weights, 0.3), _quantile(grid, log_weights, 0.7)),
            above=float(marginal[grid > x_range[1]].sum()),
            below=float(marginal[grid < x_range[0]].sum()),
            slope=(self.target - self.chance) * (1 - share) / width,
            sd=math.sqrt(scale / shape),
            curve=(float(grid[best[0]]), width, plateau),
        )


def _plateaus(target: float, chance: float, full_score: float) -> Floats:
    lowest_share = (target - chance) / (max(HIGHEST_PLATEAU * full_score, target + 0.02) - chance)
    shares = np.linspace(lowest_share, LARGEST_SHARE, NUM_PLATEAUS) if lowest_share < LARGEST_SHARE else [LARGEST_SHARE]
    plateaus: Floats = chance + (target - chance) / np.asarray(shares)
    return plateaus


def _marginal(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max()).sum(axis=(1, 2))
    marginal: Floats = weights / weights.sum()
    return marginal


def _quantile(grid: Floats, log_weights: Floats, level: float) -> float:
    """Quantile of x*, linear within a step of the grid."""
    marginal = _marginal(log_weights)
    step = grid[1] - grid[0]
    edges = np.concatenate([[grid[0] - step / 2], grid + step / 2])
    cumulative = np.concatenate([[0.0], np.cumsum(marginal)])
    return float(np.interp(level, cumulative, edges))


def _window(grid: Floats, log_weights: Floats, bounds: tuple[float, float]) -> tuple[float, float]:
    """Where practically all weight lies, a little wider."""
    low, high = _quantile(grid, log_weights, 1e-4), _quantile(grid, log_weights, 1 - 1e-4)
    margin = 0.2 * (high - low) + 0.02
    return max(bounds[0], low - margin), min(bounds[1], high + margin)


def _logistic(u: Floats) -> Floats:
    values: Floats = 1 / (1 + np.exp(-np.clip(u, -60, 60)))
    return values


def _logit(p: Floats | float) -> Floats:
    values: Floats = np.log(np.asarray(p) / (1 - np.asarray(p)))
    return values
