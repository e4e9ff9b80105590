"""The adaptive protocol: look for the crossing on a log scale, drop hopeless learning rates early, replicate there.

1. Full fine-tuning (`full_rounds`) sets the target.
2. In the middle of the range of d all learning rates are run up to an early evaluation; what is hopeless there is
   stopped for good, the rest goes on to its end. If the best rate lies at the edge of the ladder, the ladder grows.
3. Each further round runs two values of d, where the crossing has been located with probability 0.3 and 0.7 so far: far
   apart at first, which brackets the crossing, close together at the end. Once it is located to within a nat, the
   neighbours of the best learning rate are tried there, too.
4. A round also adds a training in full, while the target's error weighs more than that of the curve.
5. It ends when the interval is as narrow as asked, when the crossing lies outside of the range for sure, or with the
   budget.
"""

import math
from collections.abc import Iterable

from lit_idim.d90.curve import Curve, strongest
from lit_idim.d90.estimate import Estimate, estimate_d90
from lit_idim.d90.full import full_score
from lit_idim.d90.search import CellFacts, Rounds, full_rounds
from lit_idim.d90.settings import SearchSettings, TargetKind
from lit_idim.d90.training import Request, Results, TrainingId, final_scores, total_cost

_LOCATED_NATS = 1.0
_MOST_EXTENSIONS = 3
_MOST_ROUNDS = 500
_CLEARLY_OUTSIDE = 0.97
_LEAST_AT_THE_EDGE = 3  # trainings at an end of the range before a crossing is said to lie beyond
_LEAST_SCORES = 6  # at the best rate, before a narrow interval is believed
_PROMISING_RATES = 2  # that are run to the end after an early evaluation
_HOPELESS_SHARE = 0.35  # of the best rate's early gain over chance
_SPREAD_NATS = (0.5, 1.6)  # between the two values of d of a round
_NEAR_NATS = 1.5
_PILOT_PLACES = (0.6, 0.8, 1.0)  # in the range of ln d
_PILOT_GAIN = 0.35  # share of the full score's gain over chance that a pilot must show to tell learning rates apart
_DOUBT = 0.3  # nats that may be lost by a better learning rate, as a share of the tolerance


def adaptive_rounds(settings: SearchSettings, facts: CellFacts) -> Rounds:
    """The rounds of the adaptive protocol; see the module."""
    state = _Search(settings, facts)
    yield from _run(state, full_rounds(settings))
    for kind in settings.targets:
        yield from _aim(state, kind)


def _run(state: "_Search", rounds: Rounds) -> Rounds:
    """Passes rounds on and keeps their results."""
    try:
        requests = next(rounds)
        while True:
            state.results = yield requests
            requests = rounds.send(state.results)
    except StopIteration:
        return


class _Search:
    """What the search has learned and spent; reads settings and facts."""

    def __init__(self, settings: SearchSettings, facts: CellFacts) -> None:
        self.settings, self.facts = settings, facts
        self.results: Results = {}
        self.least_d = max(settings.d_min, facts.num_lambdas + 1)
        self.hopeless: set[tuple[int, int]] = set()  # (d, rate) that an early evaluation has ruled out

    def estimate(self, kind: TargetKind) -> Estimate:
        return estimate_d90(
            self.results,
            kind=kind,
            chance=self.facts.chance,
            settings=self.settings,
            final_full=self.facts.final_full,
        )

    def left(self) -> float:
        """Budget that is left, in whole trainings."""
        return self.settings.max_trainings - total_cost(self.results.values())

    def value(self, x: float) -> int:
        """d for ln d, within the range, to two digits: neighbouring requests then share a d and become replicates."""
        d = min(max(math.exp(x), self.least_d), self.settings.d_max)
        step = 10 ** max(0, math.floor(math.log10(d)) - 1)
        return min(max(step * round(d / step), self.least_d), self.settings.d_max)

    def further(self, d: int | None, rates: Iterable[int], taken: set[TrainingId] | None = None) -> list[Request]:
        """One training more at d for each of the rates: the next replicate that has not been run."""
        known = set(self.results) | (taken or set())
        requests = []
        for rate in rates:
            replicate = 0
            while TrainingId(d, rate, replicate) in known:
                replicate += 1
            requests.append(Request(TrainingId(d, rate, replicate)))
        return requests


def _aim(state: _Search, kind: TargetKind) -> Rounds:
    """Looks for the crossing of one target."""
    estimate = state.estimate(kind)
    if estimate.status in ("no_signal", "trivial") or estimate.target is None:
        return
    if not final_scores(state.results, full=False):
        yield from _pilot(state)
    for _ in range(_MOST_ROUNDS):
        estimate = state.estimate(kind)
        if estimate.curve is None or state.left() < 1:
            return
        untried = _untried_rates(state, estimate.curve)
        if untried:
            yield from _run(state, _race(state, state.value(estimate.curve.crossing.x), untried))
            continue
        requests = _next_requests(state, kind, estimate.curve)
        if not requests:
            return
        state.results = yield tuple(requests)


def _pilot(state: _Search) -> Rounds:
    """All learning rates at one d: in the upper half of the range, or further up if nothing is learned there."""
    low, high = math.log(state.least_d), math.log(state.settings.d_max)
    for place in _PILOT_PLACES:
        d = state.value(low + place * (high - low))
        yield from _run(state, _race(state, d, list(state.settings.rate_steps)))
        scores = [max(values) for (at, _), values in final_scores(state.results, full=False).items() if at == d]
        full = full_score(state.results)
        assert full is not None
        if scores and max(scores) - state.facts.chance > _PILOT_GAIN * (full.mean - state.facts.chance):
            return


def _untried_rates(state: _Search, curve: Curve) -> list[int]:
    """Neighbours of the best learning rate that were never run; once the crossing is located, never run near it."""
    crossing = curve.crossing
    located = (
        crossing.half_width < _LOCATED_NATS
        or max(crossing.above, crossing.below) > _CLEARLY_OUTSIDE
        or float(curve.counts.sum()) >= _LEAST_SCORES
    )
    nearest: dict[int, float] = {}
    at = math.log(state.value(crossing.x))
    for training, result in state.results.items():
        tried = result.score is not None or (training.d, training.rate) in state.hopeless
        if training.d is not None and tried:
            distance = abs(math.log(training.d) - at)
            nearest[training.rate] = min(distance, nearest.get(training.rate, math.inf))
    ladder = state.settings.rate_steps
    within = (min(ladder) - _MOST_EXTENSIONS, max(ladder) + _MOST_EXTENSIONS)
    rivals = {rival.rate: rival for rival in curve.rivals}
    untried = []
    for rate in (curve.rate - 1, curve.rate + 1):
        distance = nearest.get(rate, math.inf)
        rival = rivals.get(rate)
        # A rate that was clearly worse where it was run needs not be run again here.
        unlikely = rival is not None and rival.gap + 2 * rival.error < 0
        if within[0] <= rate <= within[1] and (
            distance == math.inf or (located and distance > _NEAR_NATS and not unlikely)
        ):
            untried.append(rate)
    return untried


def _race(state: _Search, d: int, rates: list[int]) -> Rounds:
    """One training at each rate, the hopeless ones only up to the early evaluation; one that diverges is tried again."""
    trainings = [request.training for request in state.further(d, rates)]
    results = state.results = yield tuple(Request(training, early=True) for training in trainings)
    diverged = [training.rate for training in trainings if results[training].ended and results[training].score is None]
    if diverged:
        again = [request.training for request in state.further(d, diverged)]
        results = yield tuple(Request(training, early=True) for training in again)
        trainings += again
    going_on = [training for training in trainings if not results[training].ended]
    scores = {training: results[training].early_score for training in going_on}
    known = [score for score in scores.values() if score is not None]
    rivals = [
        result.early_score for training, result in results.items() if training.d == d and result.early_score is not None
    ]
    if not known:
        return
    chance = state.facts.chance
    best = max(known + rivals)
    full = full_score(results)
    noise = 3 * (full.sd if full is not None else 0.01)
    margin = max(noise, _HOPELESS_SHARE * (best - chance))
    state.hopeless |= {
        (d, rate) for rate in rates if all(not _near(scores, training, rate, best - margin) for training in trainings)
    }
    ranked = sorted(going_on, key=lambda training: (-(scores[training] or 0.0), training.rate))
    promising = [training for training in ranked if (scores[training] or 0.0) >= best - margin][:_PROMISING_RATES]
    if promising:
        yield tuple(Request(training) for training in promising)


def _near(scores: dict[TrainingId, float | None], training: TrainingId, rate: int, bound: float) -> bool:
    """Whether this training is one at the rate and came up to the bound at its early evaluation."""
    return training.rate == rate and (scores.get(training) or -math.inf) >= bound


def _next_requests(state: _Search, kind: TargetKind, curve: Curve) -> list[Request]:
    """The next round's trainings; nothing if the search has ended."""
    settings, crossing = state.settings, curve.crossing
    scores = final_scores(state.results, full=False)
    ends = {settings.d_max: crossing.above, state.least_d: crossing.below}
    for d, outside in ends.items():
        if outside > _CLEARLY_OUTSIDE and sum(len(v) for (at, _), v in scores.items() if at == d) >= _LEAST_AT_THE_EDGE:
            return []
    rival = strongest(curve.rivals)
    doubtful = rival is not None and rival.expected_gain / crossing.slope > _DOUBT * settings.tolerance
    if crossing.half_width <= settings.tolerance and float(curve.counts.sum()) >= _LEAST_SCORES and not doubtful:
        return []
    requests: list[Request] = []
    taken: set[TrainingId] = set()
    spread = min(max(crossing.quantiles[1] - crossing.quantiles[0], _SPREAD_NATS[0]), _SPREAD_NATS[1])
    middle = sum(crossing.quantiles) / 2
    for x in (middle - spread / 2, middle + spread / 2):
        request = state.further(state.value(x), [curve.rate], taken)[0]
        requests.append(request)
        taken.add(request.training)
    if rival is not None and doubtful:
        requests += state.further(state.value(crossing.x), [rival.rate], taken)
    return requests + ([] if kind == "final" else _further_in_full(state, curve))


def _further_in_full(state: _Search, curve: Curve) -> list[Request]:
    """A training in full, if it would lower the error of the crossing more than one in a subspace."""
    full = full_score(state.results)
    assert full is not None
    fraction = state.settings.target_fraction
    rival = strongest(full.rivals)
    if rival is not None and fraction * rival.expected_gain / curve.crossing.slope > _DOUBT * state.settings.tolerance:
        return state.further(None, [rival.rate])
    near = float((curve.counts * (abs(curve.x - curve.crossing.x) < 1.0)).sum())
    return state.further(None, [full.rate]) if fraction / full.count > 1 / max(near, 1.0) else []
