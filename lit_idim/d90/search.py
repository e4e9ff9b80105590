"""From the results so far to the next round of trainings.

A protocol is a generator: it yields a round of requests and is sent the results so far once every request of the round
is answered. Since it sees only complete rounds and draws no random numbers, what it asks for next, and so the whole
table, depends neither on the order in which trainings end nor on how often a study is interrupted: after a restart the
protocol is simply played again over the results that are there.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

from lit_idim.d90.full import FullScore, full_score
from lit_idim.d90.settings import SearchSettings
from lit_idim.d90.training import Request, Result, Results, TrainingId, place

Round = tuple[Request, ...]
Rounds = Generator[Round, Results, None]

_CANDIDATES_IN_FULL = 3  # rates in full that get replicates before the search goes on
_MOST_EXTENSIONS = 3


@dataclass(frozen=True, kw_only=True)
class CellFacts:
    """What a search knows of its cell beside the results.

    Attributes:
        chance: score of the dev examples' majority class, 0 for correlations.
        chance_error: standard error of a score at chance (`error_at_chance`): an early score within two of them tells
            nothing of a learning rate.
        num_lambdas: m for SAID, 0 for DID: the smallest d must be larger.
        final_full: full score of the last checkpoint of the series; None where it is unknown or not aimed at.
        has_subspaces: whether d90 is searched for; else only for the best learning rate of trainings without a d.
    """

    chance: float
    chance_error: float = 0.0
    num_lambdas: int = 0
    final_full: FullScore | None = None
    has_subspaces: bool = True


def error_at_chance(chance: float, num_dev_examples: int) -> float:
    """Standard error of the score of a classifier that has learned nothing.

    Binomial for a share of right answers; for F1, which is none, that is taken, too. sqrt(1/n) for a correlation, and
    where all dev examples are of one class.

    Args:
        chance: score of the majority class, 0 for correlations.
        num_dev_examples: n.

    Example:
        >>> round(error_at_chance(0.5, 872), 4)
        0.0169
        >>> error_at_chance(0.0, 2500)  # a correlation
        0.02
    """
    return math.sqrt((chance * (1 - chance) or 1.0) / num_dev_examples)


def next_round(settings: SearchSettings, facts: CellFacts, results: Results) -> Round:
    """The trainings to run next: those of the first round that is not complete, less the ones that are answered.

    Args:
        settings: of the search.
        facts: of the cell.
        results: everything that is known of the cell's trainings, in any order; what the search did not ask for is not
            looked at.

    Returns:
        The requests; empty if the search has ended.
    """
    missing, _ = replay(settings, facts, results)
    return missing


def replay(settings: SearchSettings, facts: CellFacts, results: Results) -> tuple[Round, dict[TrainingId, Result]]:
    """As `next_round`, and the results that the search has asked for in complete rounds."""
    played = PlayedSearch(settings, facts)
    return played.go_on(results), played.asked


class PlayedSearch:
    """A search played over results as they come: `replay` that does not play complete rounds again.

    A result that has answered a request must stay: a training may go on from its early evaluation, no more.

    Args:
        settings: of the search.
        facts: of the cell.

    Attributes:
        settings: of the search.
        facts: of the cell.
        asked: the results that the search has asked for in complete rounds; another object after each of them.
    """

    def __init__(self, settings: SearchSettings, facts: CellFacts) -> None:
        self.settings, self.facts = settings, facts
        self.asked: dict[TrainingId, Result] = {}
        self._rounds = protocol_rounds(settings, facts)
        self._round: Round | None = next(self._rounds, None)

    def go_on(self, results: Results) -> Round:
        """As `next_round`.

        Args:
            results: as of `next_round`: all of them, not those alone that are new.
        """
        while self._round is not None:
            missing = tuple(request for request in self._round if not _answered(request, results))
            if missing:
                return missing
            early = self.settings.early_fraction
            seen = {request.training: _seen(request, results[request.training], early) for request in self._round}
            self.asked = self.asked | seen
            try:
                self._round = self._rounds.send(dict(self.asked))
            except StopIteration:
                self._round = None
        return ()


def protocol_rounds(settings: SearchSettings, facts: CellFacts) -> Rounds:
    """The rounds of the protocol that the settings name."""
    # Imported here: both protocols build on this module.
    from lit_idim.d90.adaptive import adaptive_rounds
    from lit_idim.d90.grid import grid_rounds

    if not facts.has_subspaces:
        return full_rounds(settings)
    return (adaptive_rounds if settings.protocol == "adaptive" else grid_rounds)(settings, facts)


def _answered(request: Request, results: Results) -> bool:
    result = results.get(request.training)
    return result is not None and result.answers(request)


def _seen(request: Request, result: Result, early_fraction: float) -> Result:
    """The result as it stood when the request was answered: a training may have gone on since, in a later round."""
    if not request.early or result.early_score is None:
        return result
    return Result(early_score=result.early_score, ended=False, cost=early_fraction)


def full_rounds(settings: SearchSettings) -> Rounds:
    """Trainings without a d at each learning rate, extended at the edge, then replicates at the best."""
    last = len(settings.full_learning_rates) - 1
    asked = {TrainingId(None, rate, 0) for rate in range(last + 1)}
    results = yield tuple(Request(training) for training in sorted(asked, key=place))
    diverged = {
        TrainingId(None, rate, 1) for rate in range(last + 1) if results[TrainingId(None, rate, 0)].score is None
    }
    if diverged:
        asked |= diverged
        results = yield tuple(Request(training) for training in sorted(diverged, key=place))
    for _ in range(_MOST_EXTENSIONS):
        rates = {training.rate for training in asked}
        full = full_score(results)
        best = 0 if full is None else full.rate
        # A ladder on which nothing trains is left on the side of the smaller rates, where nothing diverges.
        edge = min(rates) - 1 if best == min(rates) or full is None else max(rates) + 1 if best == max(rates) else None
        if edge is None:
            break
        asked.add(TrainingId(None, edge, 0))
        results = yield (Request(TrainingId(None, edge, 0)),)
    for _ in range(_CANDIDATES_IN_FULL):
        missing = [training for training in _to_replicate(results, settings) if training not in asked]
        if not missing:
            return
        asked |= set(missing)
        results = yield tuple(Request(training) for training in missing)


def _to_replicate(results: Results, settings: SearchSettings) -> list[TrainingId]:
    """Replicates at the best rate, and once they are there at a rate that looks better than it."""
    full = full_score(results)
    if full is None:
        return []
    leader = max(full.rivals, key=lambda rival: rival.gap, default=None)
    is_replicated = full.count >= 2
    rate = leader.rate if is_replicated and leader is not None and leader.gap > 0 else full.rate
    return [TrainingId(None, rate, replicate) for replicate in range(settings.full_replicates)]


def whole_numbers(low: int, high: int, count: int) -> tuple[int, ...]:
    """unique(round(geometric spacing)) from low to high: the paper's grid for 10, 10^4 and 100 points.

    >>> len(whole_numbers(10, 10_000, 100)), whole_numbers(10, 10_000, 100)[:5]
    (99, (10, 11, 12, 13, 14))
    """
    steps = [math.log(low) + math.log(high / low) * i / (count - 1) for i in range(count)]
    return tuple(sorted({round(math.exp(step)) for step in steps}))
