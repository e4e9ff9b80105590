"""How a subspace's learning rate goes with D/d: a power law through the best rates of several models, tasks and d.

Fitted is ln(rate / r) = ln factor + exponent * ln(D/d), with r the best learning rate of full fine-tuning, and d
without lambdas. Shapes: n points, R resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lit_idim.d90.settings import RATE_RATIO
from lit_idim.errors import UserError

Floats = npt.NDArray[np.float64]
NUM_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class BestRate:
    """The best learning rate of a subspace of one size, in one cell.

    Attributes:
        cell: names model, checkpoint, task and method.
        D: parameters of the model.
        coordinates: d without lambdas.
        full_rate: the best learning rate of full fine-tuning.
        rate: that of the subspace.
    """

    cell: str
    D: int
    coordinates: int
    full_rate: float
    rate: float

    @property
    def ratio(self) -> float:
        """D/d."""
        return self.D / self.coordinates


@dataclass(frozen=True, kw_only=True)
class RateRule:
    """A fitted power law.

    Attributes:
        factor: of r (D/d)^exponent.
        exponent: of D/d.
        factor_interval: of a bootstrap over cells.
        exponent_interval: likewise.
        interval_level: their probability.
        num_points: n.
        num_cells: that the points are of.
    """

    factor: float
    exponent: float
    factor_interval: tuple[float, float]
    exponent_interval: tuple[float, float]
    interval_level: float
    num_points: int
    num_cells: int

    def rate(self, full_rate: float, ratio: float) -> float:
        """The learning rate that it gives for D/d."""
        return float(full_rate * self.factor * ratio**self.exponent)


def best_rate(scores: Mapping[float, float | None]) -> float | None:
    """The learning rate at the top of the parabola through the best score and its neighbours, over ln rate.

    Args:
        scores: by learning rate; None of one that was dropped early or diverged, which counts as worse than the others.

    Returns:
        The rate, at most half-way to a neighbour; the best rate itself where a neighbour has no score; None where the
        best is the smallest or the largest tried, and so may lie beyond.

    Example:
        >>> best_rate({0.01: 0.6, 0.1: 0.8, 1.0: 0.6})
        0.1
        >>> round(best_rate({0.01: 0.6, 0.1: 0.8, 1.0: 0.7}), 3)
        0.147
        >>> best_rate({0.01: 0.6, 0.1: 0.8}) is None
        True
    """
    rates = sorted(scores)
    scored = [rate for rate in rates if scores[rate] is not None]
    if not scored:
        return None
    best = max(scored, key=lambda rate: scores[rate] or 0.0)
    place = rates.index(best)
    if place in (0, len(rates) - 1):
        return None
    three = rates[place - 1 : place + 2]
    values = [scores[rate] for rate in three]
    if None in values:
        return best
    x, y = np.log(three), np.array(values, dtype=np.float64)
    curvature, slope, _ = np.polyfit(x - x[1], y - y[1], 2)
    if curvature >= 0:  # all three alike
        return best
    top = np.clip(-slope / (2 * curvature), (x[0] - x[1]) / 2, (x[2] - x[1]) / 2)
    return float(best * np.exp(top))


def fit_rate_rule(
    points: Sequence[BestRate], *, level: float = 0.9, num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> RateRule:
    """Least squares of ln(rate / r) on ln(D/d), each point alike.

    Args:
        points: of at least two different D/d, in at least two cells.
        level: probability of the intervals.
        num_resamples: R; each draws whole cells, since errors of one cell's points go together.
        seed: of the resamples.

    Raises:
        UserError: if there are too few.
    """
    cells = sorted({point.cell for point in points})
    if len(cells) < 2 or len({point.ratio for point in points}) < 2:
        raise UserError(
            f"a rule is fitted to two cells and two values of D/d at least, got {len(cells)} cells with a best "
            f"learning rate inside those tried, {len(points)} points in all: widen search.rate_steps, or "
            "measure more tasks"
        )
    x = np.log([point.ratio for point in points])
    y = np.log([point.rate / point.full_rate for point in points])
    members = [np.array([number for number, point in enumerate(points) if point.cell == cell]) for cell in cells]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(num_resamples):
        chosen = np.concatenate([members[number] for number in rng.integers(len(cells), size=len(cells))])
        if np.ptp(x[chosen]) > 0:
            drawn.append(_line(x[chosen], y[chosen]))
    exponent, intercept = _line(x, y)
    ends = np.quantile(np.array(drawn), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return RateRule(
        factor=float(np.exp(intercept)),
        exponent=float(exponent),
        factor_interval=(float(np.exp(ends[0, 1])), float(np.exp(ends[1, 1]))),
        exponent_interval=(float(ends[0, 0]), float(ends[1, 0])),
        interval_level=level,
        num_points=len(points),
        num_cells=len(cells),
    )


def with_exponent(points: Sequence[BestRate], exponent: float) -> float:
    """The factor that fits best where the exponent is given."""
    return float(np.exp(np.mean([np.log(point.rate / point.full_rate / point.ratio**exponent) for point in points])))


def steps_off(points: Sequence[BestRate], rule: Callable[[BestRate], float]) -> Floats:
    """By how many steps of the search's ladder, factors of 3.2, a rule lies above the best rates; shape (n,)."""
    off: Floats = np.array([np.log(rule(point) / point.rate) for point in points]) / np.log(RATE_RATIO)
    return off


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    slope, intercept = np.polyfit(x, y, 1)
    return float(slope), float(intercept)
