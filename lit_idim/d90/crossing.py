"""Where a monotone curve through noisy scores crosses a target, with an interval.

Shapes: n groups of scores; R learning rates; a grid of X x W x U curves.

Near the crossing x* = ln d90 the score is taken to be a logistic curve in x = ln d that rises from the chance score c
to a plateau U,

    s(x) = c + (U - c) L((x - x*) / w + logit p),    p = (t - c) / (U - c),  L the logistic function,

so that s(x*) is the target t. Points count by their distance from the crossing (a Gaussian kernel), so that the curve
need not hold far from it. Every curve of a grid over (x*, w, U), with every learning rate as the best one, is weighed
by its likelihood (`lit_idim.d90.posterior`: other rates lose an unknown share of the gain; the target's error and the
noise are unknown, too). The estimate is the median of x* under these weights, the interval lies between its 5% and 95%
quantiles. How often it covers the truth is measured by `lit_idim.d90.accuracy`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from lit_idim.d90.posterior import PRIOR_SD, Floats, Groups, Spread, Weights, weigh

# Widths of the rise in nats of d, and shares of the rise, from chance to plateau, at which the target lies.
WIDTHS = np.geomspace(0.25, 6.0, 9)
NUM_PLATEAUS = 10
HIGHEST_PLATEAU = 1.06  # of the full score: a subspace does not do much better than all parameters
LARGEST_SHARE = 0.98
WIDTH_FACTOR = 3.0
KERNEL_NATS = 1.3
MANY_SCORES = 40.0  # near the crossing, from which on the kernel narrows
GROUPS_THAT_TELL_NOISE = 8.0  # of scores at one learning rate, each at another d, near the crossing
LEVEL = 0.9
Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
_COARSE_POINTS, _FINE_POINTS = 31, 41
_MARGIN_NATS = 2.5  # how far outside the range of d a crossing may lie


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
        slope: geometric mean of the curves' slopes at the crossing, score per nat of d.
        sd: noise of a score.
        curve: parameters (x*, w, U) of the most likely curve.
        rates: probability that a learning rate is the best.
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
    rates: Mapping[int, float]

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
    groups: Groups,
    *,
    spread: Spread,
    target: float,
    target_variance: float,
    chance: float,
    full_score: float,
    x_range: tuple[float, float],
) -> Crossing:
    """Estimates where the curve of the best learning rate crosses a target.

    Args:
        groups: scores at values of d and learning rates.
        spread: the noise as seen within groups.
        target: t, above chance.
        target_variance: variance of t over the variance of a score.
        chance: c.
        full_score: of full fine-tuning.
        x_range: ln d_min, ln d_max.
    """
    bounds = (x_range[0] - _MARGIN_NATS, x_range[1] + _MARGIN_NATS)
    plateaus = _plateaus(target, chance, full_score)

    def weights_of(grid: Floats, kernel: Floats) -> Weights:
        gains = _gains(groups.x, grid, plateaus, target=target, chance=chance)
        weights = weigh(gains, groups, kernel, spread=spread, target_variance=target_variance, chance=chance)
        # The rise takes a nat or so, give or take a factor of 3.
        prior = -0.5 * (np.log(WIDTHS) / math.log(WIDTH_FACTOR)) ** 2
        return Weights(log=weights.log + prior[:, None], variance=weights.variance)

    grid = np.linspace(*bounds, _COARSE_POINTS)
    weights = weights_of(grid, np.ones_like(groups.x))
    for _ in range(2):
        centre, narrow = _quantile(grid, weights.log, 0.5), _window(grid, weights.log, bounds)
        grid = np.linspace(*narrow, _FINE_POINTS)
        kernel = np.exp(-0.5 * ((groups.x - centre) / KERNEL_NATS) ** 2)
        # Many scores, as of a grid, tell that no such curve holds over the whole kernel: it narrows.
        narrowing = max(1.0, float(groups.counts @ kernel) / MANY_SCORES)
        kernel = kernel ** (narrowing**2)
        weights = weights_of(grid, kernel)
        trust = _trust(groups, kernel, grid, weights, plateaus, target=target, chance=chance)
        if trust.min() < 1:
            weights = weights_of(grid, kernel * trust)
    return _summary(grid, weights, groups, plateaus, target=target, chance=chance, x_range=x_range)


def _trust(
    groups: Groups,
    kernel: Floats,
    grid: Floats,
    weights: Weights,
    plateaus: Floats,
    *,
    target: float,
    chance: float,
) -> Floats:
    """Weight of a score by the noise of its learning rate, shape (n,).

    Rates are taken to be equally noisy until there are enough scores to tell. A rate at which some trainings break down
    is not: its scores say little of the curve, and would make the others seem as noisy.
    """
    best, *where = np.unravel_index(int(np.argmax(weights.log)), weights.log.shape)
    gains = _gains(groups.x, grid[[where[0]]], plateaus, target=target, chance=chance)[0, where[1], where[2]]
    variances = {}
    for rate in groups.rates:
        near = kernel * (groups.rate == rate)
        if near.sum() < GROUPS_THAT_TELL_NOISE:
            continue
        weight = near * groups.counts
        # With a share of the gain of its own, as `weigh` has it.
        share = 1.0 if rate == groups.rates[best] else (weight * gains) @ (groups.means - chance) / (weight @ gains**2)
        variances[int(rate)] = float(weight @ (groups.means - chance - share * gains) ** 2 / near.sum())
    reference = max(variances.get(int(groups.rates[best]), np.inf), PRIOR_SD**2)
    excess = {rate: variance / reference for rate, variance in variances.items()}
    return np.array([1 / max(1.0, excess.get(int(rate), 1.0)) for rate in groups.rate])


def _gains(x: Floats, grid: Floats, plateaus: Floats, *, target: float, chance: float) -> Floats:
    """Gain over chance of every curve at x, shape (X, W, U, n)."""
    share = (target - chance) / (plateaus - chance)  # (U,)
    # L(u + logit p) = 1 / (1 + (1 - p) / p exp(-u)): one exponential serves all plateaus.
    u = (x - grid[:, None, None]) / WIDTHS[:, None]  # (X, W, n)
    fall = np.exp(-np.clip(u, -60, 60))[:, :, None, :] * ((1 - share) / share)[:, None]
    gains: Floats = (plateaus - chance)[:, None] / (1 + fall)
    return gains


def _summary(
    grid: Floats,
    weights: Weights,
    groups: Groups,
    plateaus: Floats,
    *,
    target: float,
    chance: float,
    x_range: tuple[float, float],
) -> Crossing:
    relative = np.exp(weights.log - weights.log.max())
    relative /= relative.sum()
    marginal = relative.sum((0, 2, 3))
    best = np.unravel_index(int(np.argmax(relative)), relative.shape)
    share = (target - chance) / (plateaus - chance)
    slopes = (target - chance) * (1 - share) / WIDTHS[:, None]  # (W, U)
    return Crossing(
        x=_quantile(grid, weights.log, 0.5),
        low=_quantile(grid, weights.log, 0.5 - LEVEL / 2),
        high=_quantile(grid, weights.log, 0.5 + LEVEL / 2),
        quantiles=(_quantile(grid, weights.log, 0.3), _quantile(grid, weights.log, 0.7)),
        above=float(marginal[grid > x_range[1]].sum()),
        below=float(marginal[grid < x_range[0]].sum()),
        slope=float(np.exp((relative.sum((0, 1)) * np.log(slopes)).sum())),
        sd=float(np.sqrt((relative * weights.variance).sum())),
        curve=(float(grid[best[1]]), float(WIDTHS[best[2]]), float(plateaus[best[3]])),
        rates={int(r): float(p) for r, p in zip(groups.rates, relative.sum((1, 2, 3)), strict=True)},
    )


def _plateaus(target: float, chance: float, full_score: float) -> Floats:
    lowest_share = (target - chance) / (max(HIGHEST_PLATEAU * full_score, target + 0.02) - chance)
    shares = np.linspace(lowest_share, LARGEST_SHARE, NUM_PLATEAUS) if lowest_share < LARGEST_SHARE else [LARGEST_SHARE]
    plateaus: Floats = chance + (target - chance) / np.asarray(shares)
    return plateaus


def _marginal(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max()).sum(axis=(0, 2, 3))
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
