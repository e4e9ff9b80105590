"""The adaptive protocol: look for the crossing on a log scale, drop hopeless learning rates early, replicate there.

1. Full fine-tuning (`full_rounds`) sets the target.
2. In the upper half of the range of d all learning rates are run up to an early evaluation; what is hopeless there is
   stopped for good, the two best go on to their end. Of those that cannot be told from chance by then, the nearest to
   the rate that the rule gives (step 0 of the ladder) are the best.
3. A neighbour of the best learning rate that was never run is raced likewise at the nearest d of the best one, beyond
   the ends of the ladder, too. One that was dropped far away, or diverged, gets another try once the crossing is
   located.
4. Each further round runs two values of d, where the crossing has been located with probability 0.3 and 0.7 so far: far
   apart at first, which brackets the crossing, close together at the end (`lit_idim.d90.planning`). It adds trainings
   in full while the target's error weighs more than that of the curve.
5. It ends when the interval is as narrow as asked, when the crossing lies outside of the range for sure, or with the
   budget.
"""

import math

from lit_idim.d90.curve import Curve
from lit_idim.d90.estimate import Estimate, estimate_d90
from lit_idim.d90.full import FullScore, full_score
from lit_idim.d90.planning import LEAST_SCORES, LOCATED_NATS, number_near, plan_round
from lit_idim.d90.search import CellFacts, Rounds, full_rounds
from lit_idim.d90.settings import SearchSettings, TargetKind
from lit_idim.d90.training import Request, Results, TrainingId, final_scores, further, total_cost

_MOST_EXTENSIONS = 3  # of the ladder, on each side
_MOST_TRIES = 2  # trainings at a rate that never came to an end, before it is given up
_MOST_ROUNDS = 500
_PROMISING_RATES = 2  # that are run to the end after an early evaluation
_HOPELESS_SHARE = 0.2  # of the best rate's early gain over chance
_CHANCE_ERRORS = 2.0  # above chance up to which an early score is taken for one at chance
_LIKELY_RATE = -0.25  # in steps of the ladder: the rule's own (0) is the likeliest best, then its smaller neighbour
_PILOT_PLACES = (0.6, 0.8, 1.0)  # in the range of ln d
_PILOT_GAIN = 0.35  # share of the full score's gain over chance that a pilot must show to tell learning rates apart


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

    def estimate(self, kind: TargetKind) -> Estimate:
        return estimate_d90(
            self.results,
            kind=kind,
            chance=self.facts.chance,
            settings=self.settings,
            final_full=self.facts.final_full,
            num_lambdas=self.facts.num_lambdas,
        )

    def left(self) -> float:
        """Budget that is left, in whole trainings."""
        return self.settings.max_trainings - total_cost(self.results.values())

    def value(self, x: float) -> int:
        """d for ln d, within the range, to two digits: neighbouring requests then share a d and become replicates."""
        d = math.exp(x)
        if not self.least_d < d < self.settings.d_max:
            return self.least_d if d <= self.least_d else self.settings.d_max
        step: int = 10 ** max(0, math.floor(math.log10(d)) - 1)
        return min(max(step * round(d / step), self.least_d), self.settings.d_max)


def _aim(state: _Search, kind: TargetKind) -> Rounds:
    """Looks for the crossing of one target."""
    estimate = state.estimate(kind)
    if estimate.status in ("no_signal", "trivial") or estimate.target is None or state.least_d >= state.settings.d_max:
        return
    if not final_scores(state.results, full=False):
        yield from _pilot(state)
    for _ in range(_MOST_ROUNDS):
        estimate = state.estimate(kind)
        if estimate.curve is None or estimate.target is None or state.left() < 1:
            return
        untried = _untried_rates(state, estimate.curve)
        if untried and state.left() >= 2 * len(untried):
            yield from _run(state, _race(state, _place_of_race(estimate.curve), untried))
            continue
        requests = plan_round(
            state.results, kind, estimate.curve, estimate.target, state.settings, state.value, state.least_d
        )
        if not requests:
            return
        state.results = yield tuple(requests[: math.floor(state.left())])


def _pilot(state: _Search) -> Rounds:
    """All learning rates at one d: in the upper half of the range, or further up if nothing is learned there."""
    low, high = math.log(state.least_d), math.log(state.settings.d_max)
    for place in _PILOT_PLACES:
        if state.left() < 1:
            return
        d = state.value(low + place * (high - low))
        yield from _run(state, _race(state, d, list(state.settings.rate_steps)))
        scores = [max(values) for (at, _), values in final_scores(state.results, full=False).items() if at == d]
        full = full_score(state.results)
        assert full is not None
        if scores and max(scores) - state.facts.chance > _PILOT_GAIN * (full.mean - state.facts.chance):
            return


def _place_of_race(curve: Curve) -> int:
    """Where to try a new learning rate: the d nearest to the crossing at which the best one was run."""
    return min((int(d) for d in curve.d), key=lambda d: (abs(math.log(d) - curve.crossing.x), d))


def _untried_rates(state: _Search, curve: Curve) -> list[int]:
    """Neighbours of the best learning rate that were never run; once the crossing is located, never run to the end."""
    ladder = state.settings.rate_steps
    within = range(min(ladder) - _MOST_EXTENSIONS, max(ladder) + _MOST_EXTENSIONS + 1)
    located = curve.crossing.half_width < LOCATED_NATS or number_near(curve) >= LEAST_SCORES
    untried = []
    for rate in (curve.rate - 1, curve.rate + 1):
        tries = [training for training in state.results if training.d is not None and training.rate == rate]
        near = any(
            abs(math.log(training.d or 1) - curve.crossing.x) < LOCATED_NATS
            and state.results[training].early_score is not None
            for training in tries
        )
        again = not tries or (located and not near and len(tries) <= _MOST_TRIES)
        if rate in within and rate not in curve.crossing.rates and again:
            untried.append(rate)
    return untried


def _race(state: _Search, d: int, rates: list[int]) -> Rounds:
    """One training at each rate, hopeless ones only up to the early evaluation; one that diverges is tried again."""
    trainings = [further(state.results, d, rate) for rate in rates]
    results = state.results = yield tuple(Request(training, early=True) for training in trainings)
    diverged = [training.rate for training in trainings if results[training].ended and results[training].score is None]
    if diverged:
        again = [further(results, d, rate) for rate in diverged]
        results = state.results = yield tuple(Request(training, early=True) for training in again)
        trainings += again
    here = {t: result.early_score for t, result in results.items() if t.d == d and result.early_score is not None}
    full = full_score(results)
    assert full is not None
    promising = _promising([t for t in trainings if t in here and not results[t].ended], here, full, state.facts)
    if promising:
        yield tuple(Request(training) for training in promising)


def _promising(
    trainings: list[TrainingId], here: dict[TrainingId, float], full: FullScore, facts: CellFacts
) -> list[TrainingId]:
    """Those trainings that go on to their end, by the early scores at their d."""
    if not trainings:
        return []
    best, at_chance = max(here.values()), facts.chance + _CHANCE_ERRORS * facts.chance_error
    margin = max(3 * full.sd, _HOPELESS_SHARE * (best - facts.chance))
    # Where nothing has risen above chance yet, nothing is hopeless yet either; what lies below it is at chance, too.
    kept = [t for t in trainings if best <= at_chance or max(here[t], facts.chance) >= best - margin]

    def place(training: TrainingId) -> tuple[float, ...]:
        # Up to `at_chance`, a difference is noise.
        return -max(here[training], at_chance), abs(training.rate - _LIKELY_RATE), training.replicate

    return sorted(kept, key=place)[:_PROMISING_RATES]
