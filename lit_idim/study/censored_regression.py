"""A line through values of which some are known only to lie above or below a limit (Tobit regression).

Shapes: n cells.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import log_ndtr
from scipy.stats import t as student_t

Floats = npt.NDArray[np.float64]

MAX_INVERSE_SIGMA = 1e6  # of standardised values: points that lie exactly on a line would ask for an infinite one
MAX_NEWTON_STEPS = 200
NEWTON_TOLERANCE = 1e-10  # expected decrease of the loss
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, kw_only=True)
class CensoredLine:
    """A fitted line y = intercept + slope * x with normal scatter.

    Attributes:
        intercept: of the line, in units of y.
        slope: in units of y per x.
        slope_low: lower end of its interval; None if the cells do not bound it.
        slope_high: upper end of its interval; None if the cells do not bound it.
        sigma: standard deviation about the line, in units of y.
    """

    intercept: float
    slope: float
    slope_low: float | None
    slope_high: float | None
    sigma: float


def fit_censored_line(x: Floats, y: Floats, censoring: npt.NDArray[np.int64], *, level: float = 0.9) -> CensoredLine:
    """Maximum likelihood with right- and left-censored values, and a profile-likelihood interval of the slope.

    With gamma = 1/sigma the log-likelihood is concave in (gamma, intercept/sigma, slope/sigma):

        sum over known y      ln gamma - (gamma (y - a - b x))^2 / 2
      + sum over y > limit    ln Phi(-gamma (limit - a - b x))
      + sum over y < limit    ln Phi( gamma (limit - a - b x))

    The interval holds the slopes whose profile lies no more than n/2 ln(1 + t^2 / (n - 2)) below the maximum, with n
    the number of known values and t Student's quantile: exact when nothing is censored, where chi-square's constant
    would cover too little for a dozen cells.

    Args:
        x: shape (n,).
        y: values, or limits of censored ones, shape (n,).
        censoring: 0 known, +1 the value lies above y, -1 below y; shape (n,).
        level: probability of the interval.

    Returns:
        The line.

    Raises:
        ValueError: if fewer than 3 values are known, or all known ones lie at one x.

    Source: Tobin 1958; Olsen 1978, "Note on the uniqueness of the maximum likelihood estimator for the Tobit model".

    Example:
        >>> x = np.array([0.0, 1.0, 2.0, 3.0])
        >>> line = fit_censored_line(x, 5 - 2 * x + np.array([0.1, -0.1, 0.1, -0.1]), np.zeros(4, int))
        >>> round(line.slope, 2), line.slope_low < -2 < line.slope_high
        (-2.04, True)
    """
    num_known = int((censoring == 0).sum())
    u, x_mean, x_scale = _standardised(x, censoring)
    v, y_mean, y_scale = _standardised(y, censoring)
    best, loss = _fit_standardised(u, v, censoring)
    gamma, offset, slope = best[0], best[1] / best[0], best[2] / best[0]

    quantile = float(student_t.ppf(0.5 + level / 2, num_known - 2))
    allowed = 0.5 * num_known * math.log1p(quantile**2 / (num_known - 2))

    def excess(candidate: float) -> float:
        warm = np.array([gamma, offset * gamma])
        return _fit(np.ones((len(u), 1)), v - candidate * u, censoring, warm)[1] - loss - allowed

    # A slope's standard error if nothing were censored: x has unit variance.
    step = quantile / (gamma * math.sqrt(num_known))
    ends = [_crossing(excess, slope, sign * step) for sign in (-1, 1)]
    low, high = (None if end is None else float(end * y_scale / x_scale) for end in ends)
    real_slope = float(slope * y_scale / x_scale)
    return CensoredLine(
        intercept=float(y_mean + offset * y_scale - real_slope * x_mean),
        slope=real_slope,
        slope_low=low,
        slope_high=high,
        sigma=float(y_scale / gamma),
    )


def censored_slope(x: Floats, y: Floats, censoring: npt.NDArray[np.int64]) -> float:
    """The slope that `fit_censored_line` finds, without its interval; arguments and errors are the same.

    Example:
        >>> x = np.arange(4.0)
        >>> round(censored_slope(x, 5 - 2 * x + np.array([0.1, -0.1, 0.1, -0.1]), np.zeros(4, int)), 2)
        -2.04
    """
    u, _, x_scale = _standardised(x, censoring)
    v, _, y_scale = _standardised(y, censoring)
    best, _ = _fit_standardised(u, v, censoring)
    return float(best[2] / best[0] * y_scale / x_scale)


def _standardised(values: Floats, censoring: npt.NDArray[np.int64]) -> tuple[Floats, float, float]:
    """Values in standard deviations from the mean of the known ones, that mean and that deviation."""
    known = values[censoring == 0]
    mean, scale = (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)
    return (values - mean) / scale, mean, scale


def _fit_standardised(u: Floats, v: Floats, censoring: npt.NDArray[np.int64]) -> tuple[Floats, float]:
    known = censoring == 0
    if known.sum() < 3 or np.ptp(u[known]) == 0:
        num_x = len(np.unique(u[known]))
        raise ValueError(f"expected at least 3 known values at 2 or more x, got {known.sum()} at {num_x} x")
    slope, offset = np.polyfit(u[known], v[known], 1)
    sigma = max(float(np.std(v[known] - offset - slope * u[known])), 10 / MAX_INVERSE_SIGMA)
    start = np.array([1 / sigma, offset / sigma, slope / sigma])
    return _fit(np.stack([np.ones_like(u), u], axis=1), v, censoring, start)


def _fit(design: Floats, y: Floats, censoring: npt.NDArray[np.int64], start: Floats) -> tuple[Floats, float]:
    """(gamma, coefficients * gamma) of the largest likelihood and minus its logarithm, by Newton's damped steps.

    `design` has shape (n, k); with Z = (y, -design) the standardised residuals are Z @ parameters.
    """
    known = censoring == 0
    side = censoring[~known].astype(np.float64)
    num_known = int(known.sum())
    linear = np.concatenate([y[:, None], -design], axis=1)

    def loss(parameters: Floats) -> float:
        residual = linear @ parameters
        tails = log_ndtr(-side * residual[~known])
        return float(
            num_known * (_LOG_ROOT_2PI - math.log(parameters[0])) + 0.5 * np.sum(residual[known] ** 2) - np.sum(tails)
        )

    parameters, value = start, loss(start)
    for _ in range(MAX_NEWTON_STEPS):
        residual = linear @ parameters
        inside = -side * residual[~known]
        ratio = np.exp(-0.5 * inside**2 - _LOG_ROOT_2PI - log_ndtr(inside))
        first, second = residual.copy(), np.ones_like(residual)
        first[~known], second[~known] = side * ratio, ratio * (ratio + inside)
        gradient, curvature = linear.T @ first, (linear.T * second) @ linear
        gradient[0] -= num_known / parameters[0]
        curvature[0, 0] += num_known / parameters[0] ** 2
        step = -np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        expected = float(-gradient @ step)
        length = 1.0
        while length > 1e-10 and not (
            parameters[0] + length * step[0] > 0
            and loss(parameters + length * step) <= value - 1e-4 * length * expected
        ):
            length /= 2
        if expected < NEWTON_TOLERANCE or length <= 1e-10 or parameters[0] > MAX_INVERSE_SIGMA:
            break
        parameters = parameters + length * step
        value = loss(parameters)
    return parameters, value


def _crossing(excess: Callable[[float], float], start: float, step: float) -> float | None:
    """Where `excess` becomes positive going from `start` in the direction of `step`; None if it never does."""
    inner = start
    for doubling in range(24):
        outer = start + step * 2**doubling
        if excess(outer) > 0:
            return float(brentq(excess, inner, outer, xtol=abs(step) * 1e-6))
        inner = outer
    return None
