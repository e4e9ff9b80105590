"""From the scores of all learning rates to the curve s(d) = max over learning rates of the mean over replicates.

The largest of several noisy means is too large on average, and the smaller the number of trainings the more so. So the
best rate is not chosen anew at each d: within a nat or so of the crossing one rate is taken to be the best, found from
all scores around it, and the curve goes through the scores of that rate alone. The rate with most of the trainings keeps
its place unless another is better by more than the noise of the comparison; what is left of doubt widens the interval.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from lit_idim.d90.crossing import KERNEL_NATS, Crossing, Floats, Spread

Scores = Mapping[tuple[int | None, int], Sequence[float]]
# Fits the curve through (x, means, counts), with a variance in units of that of a score added to all points together.
Fit = Callable[[Floats, Floats, Floats, float], Crossing]
Level = Callable[[Floats, Crossing], Floats]

_STANDARD_ERRORS = 0.5
_ROUNDS = 2
_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A learning rate that is not the best as far as known.

    Attributes:
        rate: its place on the ladder.
        gap: its mean score near the crossing less that of the best rate.
        error: standard error of the gap.
    """

    rate: int
    gap: float
    error: float

    @property
    def expected_gain(self) -> float:
        """Expectation of max(0, true gap), with a normal error: what may be lost by not taking this rate."""
        z = self.gap / self.error
        return self.error * (_NORMAL.pdf(z) + z * _NORMAL.cdf(z))

    @property
    def expected_square(self) -> float:
        """Expectation of max(0, true gap) squared."""
        z = self.gap / self.error
        return self.error**2 * ((1 + z**2) * _NORMAL.cdf(z) + z * _NORMAL.pdf(z))


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The curve near the crossing, through the scores of the best rate there; shapes (n,), d ascending.

    Attributes:
        rate: the best rate near the crossing.
        rivals: the other rates that were run there.
        d: trained numbers at which the best rate was run.
        means: mean score.
        counts: of replicates.
        spread: noise within replicates of all rates.
        crossing: where the curve crosses the target.
    """

    rate: int
    rivals: tuple[Rival, ...]
    d: npt.NDArray[np.int64]
    means: Floats
    counts: Floats
    spread: Spread
    crossing: Crossing

    @property
    def x(self) -> Floats:
        """ln d."""
        values: Floats = np.log(self.d.astype(np.float64))
        return values


def strongest(rivals: Sequence[Rival]) -> Rival | None:
    """The rival by which most may be lost."""
    return max(rivals, key=lambda rival: rival.expected_gain, default=None)


def within_groups(scores: Scores) -> tuple[float, int]:
    """Sum of squares about the means of the groups, and its degrees of freedom.

    >>> within_groups({(10, 0): [0.5, 0.7], (10, 1): [0.4]})
    (0.02, 1)
    """
    squares = sum(sum((score - sum(group) / len(group)) ** 2 for score in group) for group in scores.values())
    return round(squares, 15), sum(len(group) - 1 for group in scores.values())


def fit_curve(scores: Scores, spread: Spread, fit: Fit, level: Level, x_range: tuple[float, float]) -> Curve:
    """Fits the curve through the scores of the learning rate that is best near the crossing.

    Args:
        scores: final scores by d and rate; at least one.
        spread: noise within replicates.
        fit: estimates the crossing from points.
        level: the fitted curve at ln d.
        x_range: ln d_min, ln d_max.
    """
    groups = sorted(scores.items(), key=lambda item: (item[0][0] or 0, item[0][1]))
    d = np.array([group[0] for group, _ in groups], dtype=np.int64)
    rate = np.array([group[1] for group, _ in groups], dtype=np.int64)
    means = np.array([sum(values) / len(values) for _, values in groups])
    counts = np.array([float(len(values)) for _, values in groups])
    x = np.log(d.astype(np.float64))
    chosen = _best_of_each(d, means)
    crossing = fit(x[chosen], means[chosen], counts[chosen], 0.0)
    best, rivals = int(rate[chosen[-1]]), ()
    for _ in range(_ROUNDS if len(np.unique(rate)) > 1 else 0):
        centre = float(np.clip(crossing.x, *x_range))
        weights = counts * np.exp(-0.5 * ((x - centre) / KERNEL_NATS) ** 2)
        best, rivals = _compare(rate, means - level(x, crossing), weights, math.sqrt(spread.variance))
        chosen = np.flatnonzero(rate == best)
        doubt = sum(rival.expected_square for rival in rivals) / spread.variance
        crossing = fit(x[chosen], means[chosen], counts[chosen], doubt)
    return Curve(
        rate=best,
        rivals=rivals,
        d=d[chosen],
        means=means[chosen],
        counts=counts[chosen],
        spread=spread,
        crossing=crossing,
    )


def _best_of_each(d: npt.NDArray[np.int64], means: Floats) -> npt.NDArray[np.int64]:
    """Position of the best group of each d."""
    best = [here[int(np.argmax(means[here]))] for here in (np.flatnonzero(d == value) for value in np.unique(d))]
    return np.array(best, dtype=np.int64)


def _compare(
    rate: npt.NDArray[np.int64], residuals: Floats, weights: Floats, sd: float
) -> tuple[int, tuple[Rival, ...]]:
    """The best rate near the crossing, and the others beside it."""
    rates = [int(value) for value in np.unique(rate)]
    weight = {value: max(float(weights[rate == value].sum()), 1e-6) for value in rates}
    mean = {value: float(weights[rate == value] @ residuals[rate == value]) / weight[value] for value in rates}
    incumbent = max(rates, key=lambda value: (weight[value], -value))

    def rival_of(best: int, other: int) -> Rival:
        error = sd * math.sqrt(1 / weight[other] + 1 / weight[best])
        return Rival(rate=other, gap=mean[other] - mean[best], error=error)

    rivals = [rival_of(incumbent, other) for other in rates if other != incumbent]
    challenger = max(rivals, key=lambda rival: rival.gap - _STANDARD_ERRORS * rival.error)
    best = challenger.rate if challenger.gap > _STANDARD_ERRORS * challenger.error else incumbent
    return best, tuple(rival_of(best, other) for other in rates if other != best)
