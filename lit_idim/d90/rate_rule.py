"""How a subspace's learning rate goes with D/d: a power law through the best rates of several models, tasks and d.

Fitted is ln(rate / r) = ln factor + exponent * ln(D/d), with r the best learning rate of full fine-tuning, and d
without lambdas. Where several neighbouring rates are as good as the best one, their middle counts; a fit with the
lowest or the highest of them tells how much that matters. Shapes: n points.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from lit_idim.d90.settings import RATE_RATIO
from lit_idim.errors import UserError

Floats = npt.NDArray[np.float64]
Choice = Literal["middle", "lowest", "highest"]


@dataclass(frozen=True)
class GoodRates:
    """The learning rates that are as good as the best one.

    Attributes:
        lowest: of them.
        middle: geometric mean of the two others; of a single best rate the top of a parabola.
        highest: of them.
    """

    lowest: float
    middle: float
    highest: float


@dataclass(frozen=True, kw_only=True)
class BestRate:
    """The best learning rate of a subspace of one size, in one cell.

    Attributes:
        model: name of the model or series.
        cell: names model, checkpoint, task and method.
        D: parameters of the model.
        coordinates: d without lambdas.
        full_rate: the best learning rate of full fine-tuning, r.
        start_rate: that the search started from.
        rate: the best learning rate of the subspace.
        lowest: of the rates that are as good.
        highest: of the rates that are as good.
    """

    model: str
    cell: str
    D: int
    coordinates: int
    full_rate: float
    start_rate: float
    rate: float
    lowest: float
    highest: float

    @property
    def ratio(self) -> float:
        """D/d."""
        return self.D / self.coordinates

    def chosen(self, choice: Choice) -> float:
        """The middle, lowest or highest of the rates that are as good as the best."""
        return {"middle": self.rate, "lowest": self.lowest, "highest": self.highest}[choice]


@dataclass(frozen=True, kw_only=True)
class RateRule:
    """A fitted power law.

    Attributes:
        factor: of r (D/d)^exponent.
        exponent: of D/d.
        factor_interval: of a jackknife over models.
        exponent_interval: likewise.
        interval_level: their probability.
        num_points: n.
        num_models: that the points are of.
    """

    factor: float
    exponent: float
    factor_interval: tuple[float, float]
    exponent_interval: tuple[float, float]
    interval_level: float
    num_points: int
    num_models: int

    def rate(self, full_rate: float, ratio: float) -> float:
        """The learning rate that it gives for D/d."""
        return float(full_rate * self.factor * ratio**self.exponent)


def good_rates(scores: Mapping[float, float | None], tolerance: float = 0.0) -> GoodRates | None:
    """The learning rates around the best score that are within a tolerance of it.

    Args:
        scores: by learning rate; None of one that was dropped early or diverged, which counts as worse than the others.
        tolerance: differences up to this are none.

    Returns:
        None without a score, or where the smallest or the largest rate is among them: better ones may lie beyond.

    Example:
        >>> good_rates({0.01: 0.6, 0.1: 0.8, 1.0: 0.6})
        GoodRates(lowest=0.1, middle=0.1, highest=0.1)
        >>> round(good_rates({0.01: 0.6, 0.1: 0.8, 1.0: 0.7}).middle, 3)
        0.147
        >>> good_rates({0.5: 0.6, 1.0: 0.8, 4.0: 0.79, 8.0: 0.5}, tolerance=0.02)
        GoodRates(lowest=1.0, middle=2.0, highest=4.0)
        >>> good_rates({0.01: 0.6, 0.1: 0.8}) is None
        True
    """
    rates = sorted(scores)
    values = [-math.inf if (score := scores[rate]) is None else score for rate in rates]
    if not rates or max(values) == -math.inf:
        return None
    first = last = values.index(max(values))
    least = max(values) - tolerance
    while first > 0 and values[first - 1] >= least:
        first -= 1
    while last < len(rates) - 1 and values[last + 1] >= least:
        last += 1
    if first == 0 or last == len(rates) - 1:
        return None
    if first < last:
        return GoodRates(rates[first], math.sqrt(rates[first] * rates[last]), rates[last])
    return GoodRates(rates[first], _top(rates[first - 1 : first + 2], values[first - 1 : first + 2]), rates[first])


def _top(rates: Sequence[float], values: Sequence[float]) -> float:
    """Of the parabola through three scores over ln rate, the middle one highest; the middle where one is missing."""
    if -math.inf in values:
        return rates[1]
    x, y = np.log(rates), np.array(values)
    curvature, slope, _ = np.polyfit(x - x[1], y - y[1], 2)
    top = np.clip(-slope / (2 * curvature), (x[0] - x[1]) / 2, (x[2] - x[1]) / 2)
    return float(rates[1] * np.exp(top))


def fit_rate_rule(points: Sequence[BestRate], *, choice: Choice = "middle", level: float = 0.9) -> RateRule:
    """Least squares of ln(rate / r) on ln(D/d), each point alike.

    The intervals are Student's t with as many degrees of freedom as models less one, and the standard error that a
    jackknife over models gives: errors of one model's points go together.

    Args:
        points: of at least three models, and of two different D/d even without one of them.
        choice: which of the rates that are as good as the best one.
        level: probability of the intervals.

    Raises:
        UserError: if there are too few.
    """
    models = sorted({point.model for point in points})
    ratios = [{point.ratio for point in points if point.model != model} for model in models]
    if len(models) < 3 or min(map(len, ratios)) < 2:
        raise UserError(
            "a rule is fitted to three models or more, and to two values of D/d even without one of them; got "
            f"{len(points)} best rates of {len(models)} models: measure more models and values of d, or set "
            "search.rate_steps wider, in another --out"
        )
    x = np.log([point.ratio for point in points])
    y = np.log([point.chosen(choice) / point.full_rate for point in points])
    whole = np.array(_line(x, y))
    is_of = np.array([[point.model == model for point in points] for model in models])
    without = np.array([_line(x[~left_out], y[~left_out]) for left_out in is_of])
    n = len(models)
    errors = np.sqrt((n - 1) / n * np.sum((without - without.mean(axis=0)) ** 2, axis=0))
    reach = student.ppf((1 + level) / 2, n - 1) * errors
    low, high = whole - reach, whole + reach
    return RateRule(
        factor=float(np.exp(whole[1])),
        exponent=float(whole[0]),
        factor_interval=(float(np.exp(low[1])), float(np.exp(high[1]))),
        exponent_interval=(float(low[0]), float(high[0])),
        interval_level=level,
        num_points=len(points),
        num_models=n,
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
