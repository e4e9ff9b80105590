import math
import random
from dataclasses import replace

import pytest

from lit_idim.d90 import (
    CellFacts,
    PlayedSearch,
    Request,
    Result,
    SearchSettings,
    TrainingId,
    estimate_d90,
    full_score,
    replay,
)
from lit_idim.d90.grid import grid_values
from lit_idim.d90.simulation import draw_cell, run_search
from lit_idim.d90.training import total_cost
from lit_idim.errors import UserError

FACTS = CellFacts(chance=0.5)
SETTINGS = SearchSettings()


def drive(settings, facts, answer, *, most=4000):
    """Runs a search through `replay` until it asks for nothing; answer(request) is a Result."""
    results = {}
    while True:
        requests, _ = replay(settings, facts, results)
        if not requests:
            return results
        for request in requests:
            results[request.training] = answer(request)
        assert len(results) < most


def answer_with(score_of, *, early=True):
    def answer(request):
        score = score_of(request.training)
        if score is None:
            return Result(cost=0.5)
        if request.early and early:
            return Result(early_score=score, ended=False, cost=SETTINGS.early_fraction)
        return Result(score=score, early_score=score)

    return answer


def wiggle(training):
    """A small deterministic noise."""
    return 0.004 * math.sin(12.9898 * ((training.d or 7) + 31 * training.rate + 101 * training.replicate))


def rising(training, *, best=0, full=0.9, at=5.0):
    if training.d is None:
        return full - 0.02 * abs(training.rate - 1) + wiggle(training)
    gain = 0.4 / (1 + math.exp(-(math.log(training.d) - at) * 1.5))
    return 0.5 + gain * max(0.0, 1 - 0.1 * (training.rate - best) ** 2) + wiggle(training)


def test_grid_is_the_papers():
    values = grid_values(SearchSettings(protocol="grid"), FACTS)
    assert values == tuple(sorted({round(10 ** (1 + 3 * i / 99)) for i in range(100)}))
    assert min(grid_values(SearchSettings(protocol="grid"), CellFacts(chance=0.5, num_lambdas=100))) == 107


def test_grid_runs_every_d_at_every_rate():
    settings = SearchSettings(protocol="grid", grid_points=6, grid_replicates=2)
    results = drive(settings, FACTS, answer_with(rising))
    asked = {training for training in results if training.d is not None}
    assert asked == {
        TrainingId(d, rate, replicate)
        for d in grid_values(settings, FACTS)
        for rate in settings.rate_steps
        for replicate in (0, 1)
    }


@pytest.mark.parametrize("number", range(4))
def test_replay_agrees_with_driving_in_any_order_and_through_interruptions(number):
    cell = draw_cell(number, study_seed=3)
    _, driven, _ = run_search(cell, SETTINGS)
    order, results = random.Random(number), {}
    played = PlayedSearch(SETTINGS, cell.facts)
    for _ in range(2000):
        shuffled = list(results.items())
        order.shuffle(shuffled)
        requests, asked = replay(SETTINGS, cell.facts, dict(shuffled))
        assert played.go_on(dict(shuffled)) == requests and played.asked == asked
        if not requests:
            break
        # Only a part of a round is answered before the next interruption.
        for request in order.sample(requests, order.randint(1, len(requests))):
            results[request.training] = cell.run(request, SETTINGS)
    assert results == driven
    assert replay(SETTINGS, cell.facts, driven) == ((), driven)


def test_what_was_not_asked_for_is_not_looked_at():
    results = drive(SETTINGS, FACTS, answer_with(rising))
    strange = {TrainingId(13, 9, 9): Result(score=0.99), TrainingId(None, 40, 0): Result(score=0.1)}
    assert replay(SETTINGS, FACTS, results | strange)[1].keys() == results.keys()


@pytest.mark.parametrize("budget", [12.0, 20.0, 45.0])
def test_budget_is_respected(budget):
    settings = SearchSettings(max_trainings=budget, tolerance=0.01)
    results = drive(settings, FACTS, answer_with(rising))
    assert total_cost(results.values()) <= budget
    assert total_cost(results.values()) > budget - 2


def test_ladder_grows_at_its_edge():
    results = drive(SETTINGS, FACTS, answer_with(lambda training: rising(training, best=3)))
    assert any(training.rate == 3 for training in results if training.d is not None)
    results = drive(SETTINGS, FACTS, answer_with(lambda t: 0.9 - 0.05 * abs(t.rate - 4) if t.d is None else 0.6))
    assert full_score(results).rate == 4


@pytest.mark.parametrize(("best", "edge"), [(-9, -5), (9, 4)])
def test_a_ladder_grows_by_three_steps_at_most(best, edge):
    def score(training):
        if training.d is None:
            return rising(training)
        return 0.5 + (rising(training, best=training.rate) - 0.5) * (1 - 0.04 * abs(training.rate - best))

    results = drive(SETTINGS, FACTS, answer_with(score))
    rates = {training.rate for training in results if training.d is not None}
    assert edge in rates and min(rates) >= -5 and max(rates) <= 4


def test_a_rate_that_never_comes_to_an_end_is_given_up():
    """Hopeless in the pilot, far from the crossing, and diverging where it is tried again."""

    def answer(request):
        training = request.training
        if training.d is not None and training.rate == 1:
            return Result(early_score=0.5, ended=False, cost=0.34) if training.d > 300 else Result(cost=0.5)
        return answer_with(lambda training: rising(training, at=3.5))(request)

    tries = [t.d for t in drive(SETTINGS, FACTS, answer) if t.d is not None and t.rate == 1]
    assert len(tries) == 3 and sorted(d > 300 for d in tries) == [False, False, True]


def test_a_new_rate_is_raced_while_two_trainings_are_left_for_it():
    least = math.inf
    for budget in range(100, 240, 3):
        settings, results = SearchSettings(max_trainings=budget / 10), {}
        while requests := replay(settings, FACTS, results)[0]:
            tried = {training.rate for training in results if training.d is not None}
            new = [r.training.rate for r in requests if r.early and r.training.rate not in tried]
            if tried and new:
                least = min(least, (settings.max_trainings - total_cost(results.values())) / len(new))
            answers = answer_with(lambda training: rising(training, best=3))
            results |= {request.training: answers(request) for request in requests}
    assert 2 <= least < 2.5


def test_hopeless_rates_are_stopped_early():
    results = drive(SETTINGS, FACTS, answer_with(lambda t: rising(t) if t.d is None or t.rate == 0 else 0.5))
    assert {training.rate for training, result in results.items() if training.d and result.score is not None} == {0}


@pytest.mark.parametrize(
    ("chance_error", "early", "go_on"),
    [
        (0.0, {-2: 0.5, -1: 0.49, 0: 0.48, 1: 0.5}, {-1, 0}),
        (0.01, {-2: 0.519, -1: 0.49, 0: 0.48, 1: 0.51}, {-1, 0}),
        (0.01, {-2: 0.525, -1: 0.49, 0: 0.48, 1: 0.51}, {-2, 0}),
        (0.01, {-2: 0.525, -1: 0.49, 0: 0.48, 1: 0.53}, {-2, 1}),
        (0.01, {-2: 0.4, -1: 0.3, 0: 0.2, 1: 0.5}, {-1, 0}),  # below chance is at chance
        (0.01, {-2: 0.5, -1: 0.6, 0: 0.3, 1: 0.5}, {-1}),  # hopeless beside one that has risen
    ],
)
def test_rates_that_cannot_be_told_from_chance_go_on_by_nearness_to_the_rule(chance_error, early, go_on):
    def answer(request):
        training, score = request.training, early.get(request.training.rate, 0.5)
        if training.d is None:
            return Result(score=rising(training))
        if request.early:
            return Result(early_score=score, ended=False, cost=SETTINGS.early_fraction)
        return Result(score=0.5, early_score=score)

    results = drive(SETTINGS, replace(FACTS, chance_error=chance_error), answer)
    pilot = min(training.d for training in results if training.d is not None)
    assert {training.rate for training, result in results.items() if training.d == pilot and result.ended} == go_on


def test_one_diverged_training_does_not_end_a_rate():
    def answer(request):
        return Result(cost=0.5) if request.training.replicate == 0 else answer_with(rising)(request)

    results = drive(SETTINGS, FACTS, answer)
    estimate = estimate_d90(results, kind="full_fraction", chance=0.5, settings=SETTINGS)
    assert estimate.status == "reached"


@pytest.mark.parametrize("protocol", ["adaptive", "grid"])
@pytest.mark.parametrize(
    "score_of",
    [
        lambda training: None,
        lambda training: None if training.d is not None else 0.9,
        lambda training: 0.5,
        lambda training: 0.9 if training.d is None else 0.5,
        lambda training: 1.0,
    ],
    ids=["all fail", "subspaces fail", "chance everywhere", "subspaces at chance", "perfect"],
)
def test_odd_cells_end_by_themselves(protocol, score_of):
    settings = SearchSettings(protocol=protocol, grid_points=5)
    results = drive(settings, FACTS, answer_with(score_of), most=200)
    for kind in ("full_fraction", "chance_corrected", "final"):
        estimate_d90(results, kind=kind, chance=0.5, settings=settings)


@pytest.mark.parametrize(
    "settings", [SearchSettings(d_min=10, d_max=11), SearchSettings(protocol="grid", d_min=10, d_max=11)]
)
def test_smallest_range(settings):
    results = drive(settings, FACTS, answer_with(rising))
    estimate = estimate_d90(results, kind="full_fraction", chance=0.5, settings=settings)
    assert estimate.status == "above_range"


@pytest.mark.parametrize("num_lambdas", [9990, 10_000, 20_000])
@pytest.mark.parametrize("protocol", ["adaptive", "grid"])
def test_lambdas_close_to_d_max(num_lambdas, protocol):
    settings, facts = SearchSettings(protocol=protocol), CellFacts(chance=0.5, num_lambdas=num_lambdas)
    results = drive(settings, facts, answer_with(rising))
    asked = {training.d for training in results if training.d is not None}
    assert all(num_lambdas < d <= 10_000 for d in asked)
    estimate = estimate_d90(results, kind="full_fraction", chance=0.5, settings=settings, num_lambdas=num_lambdas)
    assert estimate.status in ("below_range", "failed")


@pytest.mark.parametrize("kind", ["full_fraction", "chance_corrected", "final"])
def test_every_target_is_found(kind):
    final = full_score({TrainingId(None, 1, i): Result(score=0.93 + 0.003 * i) for i in range(4)})
    facts = replace(FACTS, final_full=final)
    settings = SearchSettings(targets=(kind,))
    results = drive(settings, facts, answer_with(rising))
    estimate = estimate_d90(results, kind=kind, chance=0.5, settings=settings, final_full=final)
    assert estimate.status == "reached"
    assert estimate.low < estimate.d90 < estimate.high
    truth = 5.0 - math.log(0.4 / (estimate.target.score - 0.5) - 1) / 1.5
    assert abs(math.log(estimate.d90) - truth) < 0.3


def test_final_target_needs_the_last_full_score():
    results = drive(SearchSettings(targets=("final",)), FACTS, answer_with(rising))
    assert all(training.d is None for training in results)


def test_no_early_evaluation_is_no_obstacle():
    """A training that cannot be stopped answers an early request with its end."""
    results = drive(SETTINGS, FACTS, answer_with(rising, early=False))
    assert estimate_d90(results, kind="full_fraction", chance=0.5, settings=SETTINGS).status == "reached"


def test_correlation_scores():
    """Chance 0, and scores that may be negative."""
    results = drive(SETTINGS, CellFacts(chance=0.0), answer_with(lambda training: 2 * (rising(training) - 0.5) - 0.02))
    estimate = estimate_d90(results, kind="full_fraction", chance=0.0, settings=SETTINGS)
    assert estimate.status == "reached"


def test_grid_agrees_with_adaptive():
    cell = draw_cell(17)
    estimates = []
    for settings in (SETTINGS, SearchSettings(protocol="grid", grid_points=40)):
        facts, results, _ = run_search(cell, settings)
        estimates.append(estimate_d90(results, kind="full_fraction", chance=facts.chance, settings=settings))
    adaptive, grid = estimates
    assert adaptive.low < grid.high and grid.low < adaptive.high


def test_wrong_settings_are_named():
    with pytest.raises(UserError, match="search.tolerance"):
        SearchSettings(tolerance=0.0)
    with pytest.raises(UserError, match="search.d_min"):
        SearchSettings(d_min=100, d_max=100)


def test_requests_are_plain_tuples():
    assert replay(SETTINGS, FACTS, {})[0] == tuple(Request(TrainingId(None, rate, 0)) for rate in range(3))
