"""Weights of curves and learning rates, given scores: what is integrated out in closed form, and how.

Shapes: n groups of scores (one d and learning rate each); R learning rates; a grid of X x W x U curves.

Let g = s(x) - c be a curve's gain over chance at x = ln d. A score at the best learning rate is c + g + noise; at
another rate r it is c + (1 - l_r) g + noise with a loss l_r >= 0 that is unknown (half-normal prior). So the scores of
all rates bear on the shape of one curve, and how much better the best rate is need not be known. The error of the
target moves all scores against the curve alike: another unknown number with a normal prior. Both are linear in the
scores, so they integrate out; so does the variance of the noise (inverse-gamma prior).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

Floats = npt.NDArray[np.float64]

# Prior of the noise: a standard deviation of 1.5 points that counts like two observations. Without it a handful of
# scores that happen to agree would end a search at once.
PRIOR_SD = 0.015
PRIOR_WEIGHT = 2.0
# Scale of the loss at a learning rate that is one step of the ladder from the best, as a share of the gain.
LOSS_OF_A_STEP = 0.2


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
        return self.prior_scale / self.prior_shape

    @property
    def prior_shape(self) -> float:
        """Observations that the curve's scores add to."""
        return PRIOR_WEIGHT + self.degrees_of_freedom

    @property
    def prior_scale(self) -> float:
        """Sum of squares that the curve's scores add to."""
        return PRIOR_WEIGHT * PRIOR_SD**2 + self.sum_of_squares


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Scores of n groups.

    Attributes:
        x: ln d, shape (n,).
        rate: place of the learning rate on its ladder, shape (n,).
        means: mean score, shape (n,).
        counts: of replicates, shape (n,).
    """

    x: Floats
    rate: npt.NDArray[np.int64]
    means: Floats
    counts: Floats

    @property
    def rates(self) -> npt.NDArray[np.int64]:
        """Rates that occur, ascending, shape (R,)."""
        return np.unique(self.rate)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Of a grid of curves.

    Attributes:
        log: log posterior weight of each curve and best rate, shape (R, X, W, U).
        variance: of the noise for each, same shape.
    """

    log: Floats
    variance: Floats


def weigh(
    gains: Floats, groups: Groups, kernel: Floats, *, spread: Spread, target_variance: float, chance: float
) -> Weights:
    """Weighs curves, each with every rate as the best one.

    Args:
        gains: g at the groups' d, shape (X, W, U, n).
        groups: scores.
        kernel: weight of a score of each group, shape (n,).
        spread: noise within groups.
        target_variance: of the target, over the variance of a score.
        chance: c.
    """
    rates, y = groups.rates, groups.means - chance
    weight = groups.counts * kernel
    member = weight[:, None] * (groups.rate[:, None] == rates)  # (n, R)
    sum_w, sum_y, sum_yy = (value[:, None] for value in (member.sum(0), y @ member, np.square(y) @ member))  # (R, 1)
    flat = gains.reshape(-1, gains.shape[-1])  # (G, n)
    sum_g, sum_gy, sum_gg = member.T @ flat.T, (member.T * y) @ flat.T, member.T @ np.square(flat).T  # (R, G)
    # Sums over residuals e = y - g: squares, their sum, and their product with g.
    squares, linear, product = sum_yy - 2 * sum_gy + sum_gg, sum_y - sum_g, sum_gy - sum_gg
    # The mean of a group is one observation; what its replicates differ by is in `spread` already.
    shape = spread.prior_shape + float(kernel.sum())
    log, variance = np.empty_like(squares), np.empty_like(squares)
    for position, best in enumerate(rates):
        lossy = np.flatnonzero(rates != best)
        distance = np.abs(rates[lossy] - best)
        precision = spread.variance / (LOSS_OF_A_STEP * distance[:, None]) ** 2  # of a loss, in units of the noise
        g, p = sum_g[lossy], product[lossy]
        bound = sum_gg[lossy] + precision
        slack = g / bound
        # Quadratic a - 2 b shift + k shift^2 of each rate once its loss is integrated out; (R, G), then sums (G,).
        a, b, k = squares.copy(), linear.copy(), np.broadcast_to(sum_w, squares.shape).copy()
        a[lossy] -= p**2 / bound
        b[lossy] -= p * slack
        k[lossy] -= g * slack
        a, b, k = a.sum(0), b.sum(0), k.sum(0) + 1 / target_variance
        scale = spread.prior_scale + a - b**2 / k
        variance[position] = scale / shape
        loss = b / k * slack - p / bound
        # Given the curve a loss has a Student distribution; its prior keeps the positive part.
        width = np.sqrt(variance[position] * (1 / bound + slack**2 / k))
        positive = _log_twice_student(loss / width, shape)
        volume = -0.5 * np.log(bound / precision)
        log[position] = -0.5 * shape * np.log(scale) - 0.5 * np.log(k) + (volume + positive).sum(0)
    grid = (len(rates), *gains.shape[:-1])
    return Weights(log=log.reshape(grid), variance=variance.reshape(grid))


def _log_twice_student(t: Floats, freedom: float) -> Floats:
    """ln of twice Student's distribution function, by Wallace's (1959) normal approximation: many times faster."""
    z = np.sign(t) * np.sqrt(freedom * np.log1p(np.square(t) / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    values: Floats = log_ndtr(z) + np.log(2)
    return values
