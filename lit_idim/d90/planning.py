"""What the adaptive search runs next, once it has a curve: where, at which learning rates, how much of it in full."""

from collections.abc import Callable

import numpy as np

from lit_idim.d90.crossing import KERNEL_NATS, Z
from lit_idim.d90.curve import Curve
from lit_idim.d90.estimate import Target
from lit_idim.d90.full import FullScore, full_score, strongest
from lit_idim.d90.settings import SearchSettings, TargetKind
from lit_idim.d90.training import Request, Results, final_scores, further

LOCATED_NATS = 1.0  # half width of the interval from which on the crossing counts as located
LEAST_SCORES = 5.0  # near the crossing, before a narrow interval is believed
_ROUND = 2  # trainings in a subspace
_LARGEST_ROUND = 6
_SHARE_OF_NEEDED = 0.33  # of the trainings that the tolerance seems to need, run in one round
_CLEARLY_OUTSIDE = 0.97
_LEAST_AT_THE_EDGE = 3  # trainings at an end of the range before a crossing is said to lie beyond
_SPREAD_NATS = (0.5, 1.6)  # between the two values of d of a round
_DOUBT = 0.15  # probability of being the best from which on a learning rate is run beside the best one


def plan_round(
    results: Results,
    kind: TargetKind,
    curve: Curve,
    target: Target,
    settings: SearchSettings,
    value: Callable[[float], int],
    least_d: int,
) -> list[Request]:
    """The next round's trainings; nothing if the search has reached its end.

    Args:
        results: of the cell so far.
        kind: of the target.
        curve: the fit to them.
        target: that is aimed at; its own error shrinks with more trainings in full, unless it is the final one.
        settings: of the search.
        value: d for ln d.
        least_d: smallest d of the cell.
    """
    crossing = curve.crossing
    if is_settled(results, curve, settings, least_d):
        return []
    spread = min(max(crossing.quantiles[1] - crossing.quantiles[0], _SPREAD_NATS[0]), _SPREAD_NATS[1])
    middle, rates = sum(crossing.quantiles) / 2, _rates_of_round(curve)
    number = _size_of_round(curve, settings)
    requests: list[Request] = []
    for position in range(number):
        x, rate = middle + spread * (position % 2 - 0.5), rates[position % 2]
        requests.append(Request(further(results, value(x), rate, taken=requests)))
    full = full_score(results)
    assert full is not None
    for num_full in range(0 if kind == "final" else number // 2):
        if _target_decides(curve, target, full, num_full):
            requests.append(Request(further(results, None, _rate_in_full(full), taken=requests)))
    return requests


def is_settled(results: Results, curve: Curve, settings: SearchSettings, least_d: int) -> bool:
    """Whether the search has what it was to find: arguments as of `plan_round`.

    Either the interval is as narrow as asked, by enough scores near the crossing, or the crossing lies outside of the
    range for sure.
    """
    located = curve.crossing.half_width <= settings.tolerance and number_near(curve) >= LEAST_SCORES
    return located or _is_outside(results, curve, settings.d_max, least_d)


def number_near(curve: Curve) -> float:
    """Scores near the crossing, each weighed by its distance as in the fit."""
    distance = (curve.groups.x - curve.crossing.x) / KERNEL_NATS
    return float(curve.groups.counts @ np.exp(-0.5 * distance**2))


def _is_outside(results: Results, curve: Curve, d_max: int, least_d: int) -> bool:
    """Whether the crossing lies outside the range for sure, and the end that it lies beyond has been looked at."""
    scores = final_scores(results, full=False)
    for d, outside in ((d_max, curve.crossing.above), (least_d, curve.crossing.below)):
        number = sum(len(values) for (at, _), values in scores.items() if at == d)
        if outside > _CLEARLY_OUTSIDE and number >= _LEAST_AT_THE_EDGE:
            return True
    return False


def _size_of_round(curve: Curve, settings: SearchSettings) -> int:
    """Trainings of a round in a subspace, an even number: two at first, later a share of those still needed."""
    if curve.crossing.half_width > LOCATED_NATS:
        return _ROUND
    needed = number_near(curve) * ((curve.crossing.half_width / settings.tolerance) ** 2 - 1)
    return min(max(_ROUND, 2 * round(_SHARE_OF_NEEDED * needed / 2)), _LARGEST_ROUND)


def _rates_of_round(curve: Curve) -> tuple[int, int]:
    """Learning rates at the smaller and the larger d: the best, and beside it the next while it may well be better."""
    probability = curve.crossing.rates
    ranked = sorted(probability, key=lambda rate: (-probability[rate], rate))
    if len(ranked) > 1 and probability[ranked[1]] > _DOUBT:
        return ranked[1], ranked[0]
    return ranked[0], ranked[0]


def _target_decides(curve: Curve, target: Target, full: FullScore, num_full: int) -> bool:
    """Whether one more training in full would lower the crossing's variance more than one in a subspace.

    `num_full` are in the round already.
    """
    crossing = curve.crossing
    of_target = target.variance / crossing.slope**2
    of_curve = max((crossing.half_width / Z) ** 2 - of_target, 0.1 * of_target)
    count = full.count + num_full
    return of_target * full.count / (count * (count + 1)) > of_curve / (number_near(curve) + 1)


def _rate_in_full(full: FullScore) -> int:
    """The best learning rate in full, or another while more may be lost by not taking it than by noise."""
    rival = strongest(full.rivals)
    if rival is not None and rival.expected_square > full.standard_error**2:
        return rival.rate
    return full.rate
