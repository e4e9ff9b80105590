import math
from dataclasses import replace

import numpy as np
import pytest

from lit_idim.d90 import Result, SearchSettings, TrainingId, estimate_d90, full_score
from lit_idim.d90.estimate import first_crossing
from lit_idim.d90.simulation import draw_cell, run_search
from lit_idim.d90.training import final_scores

SETTINGS = SearchSettings()


def results_of(subspaces, full=(0.9, 0.905, 0.895)):
    results = {TrainingId(None, 1, i): Result(score=score) for i, score in enumerate(full)}
    for (d, rate), scores in subspaces.items():
        results |= {TrainingId(d, rate, i): Result(score=score) for i, score in enumerate(scores)}
    return results


def estimate(subspaces, full=(0.9, 0.905, 0.895), *, chance=0.5, kind="full_fraction", **more):
    return estimate_d90(results_of(subspaces, full), kind=kind, chance=chance, settings=SETTINGS, **more)


def rising(at, *, rates=(0,), loss=0.15):
    """Scores at 12 values of d that reach 0.81 at ln d = at."""
    scores = {}
    for d in np.unique(np.geomspace(10, 10_000, 12).round().astype(int)):
        gain = 0.39 / (1 + (0.39 / 0.31 - 1) * math.exp(-1.2 * (math.log(d) - at)))
        for rate in rates:
            value = 0.5 + gain * (1 - loss * rate**2)
            scores[int(d), rate] = [value + 0.003, value - 0.003]
    return scores


def test_full_score_is_the_mean_at_the_best_rate():
    results = {TrainingId(None, 0, 0): Result(score=0.95)}
    results |= {TrainingId(None, 1, i): Result(score=score) for i, score in enumerate((0.90, 0.92))}
    results |= {TrainingId(None, 2, i): Result(score=score) for i, score in enumerate((0.80, 0.82, 0.84))}
    full = full_score(results)
    # The single lucky training at rate 0 is no reason to prefer it.
    assert (full.rate, full.count, full.mean) == (1, 2, pytest.approx(0.91))
    assert full.sum_of_squares == pytest.approx(0.0002 + 0.0008)
    assert full.degrees_of_freedom == 3
    assert {rival.rate for rival in full.rivals} == {0, 2}


def test_full_score_without_a_finished_training():
    assert full_score({TrainingId(None, 0, 0): Result(cost=0.5)}) is None


def test_expected_gain_of_a_rival_agrees_with_draws():
    results = {TrainingId(None, 0, 0): Result(score=0.9)}
    results |= {TrainingId(None, 1, i): Result(score=0.91 + 0.01 * i) for i in range(2)}
    (rival,) = full_score(results).rivals
    draws = np.maximum(0, np.random.default_rng(0).normal(rival.gap, rival.error, 400_000))
    assert rival.expected_gain == pytest.approx(draws.mean(), rel=0.02)
    assert rival.expected_square == pytest.approx((draws**2).mean(), rel=0.02)


def test_reached():
    found = estimate(rising(5.0))
    assert found.status == "reached"
    assert math.log(found.d90) == pytest.approx(5.0, abs=0.1)
    assert found.low < found.d90 < found.high


def test_curve_goes_through_the_best_rate():
    found = estimate(rising(5.0, rates=(-1, 0, 1)))
    assert found.curve.rate == 0
    assert found.curve.crossing.rates[0] > 0.95
    assert math.log(found.d90) == pytest.approx(5.0, abs=0.1)


def test_above_range():
    found = estimate(rising(11.0))
    assert (found.status, found.d90, found.low, found.high) == ("above_range", None, 10_000, None)


def test_below_range():
    found = estimate(rising(1.0))
    assert (found.status, found.d90, found.low, found.high) == ("below_range", None, None, 10)


def test_below_range_starts_above_the_lambdas():
    scores = {group: values for group, values in rising(4.0).items() if group[0] > 150}
    found = estimate(scores, num_lambdas=150)
    assert (found.status, found.d90, found.high) == ("below_range", None, 151)


def test_trivial():
    found = estimate(rising(5.0), full=(0.74, 0.75, 0.76), chance=0.68)
    assert (found.status, found.d90) == ("trivial", None)
    corrected = estimate(rising(5.0), full=(0.74, 0.75, 0.76), chance=0.68, kind="chance_corrected")
    assert corrected.status != "trivial"


def test_no_signal():
    assert estimate(rising(5.0), full=(0.50, 0.51, 0.49)).status == "no_signal"


@pytest.mark.parametrize(("standard_errors", "status"), [(1.98, "no_signal"), (2.02, "trivial")])
def test_a_signal_is_two_standard_errors_above_chance(standard_errors, status):
    full = full_score(results_of({}))
    assert estimate({}, chance=full.mean - standard_errors * full.standard_error).status == status


@pytest.mark.parametrize(("full", "subspaces"), [((), rising(5.0)), ((0.9, 0.91), {})])
def test_failed(full, subspaces):
    found = estimate(subspaces, full=full)
    assert found.status == "failed"
    assert found.reason


def test_a_range_of_one_d_holds_no_search():
    found = estimate(rising(5.0), num_lambdas=SETTINGS.d_max - 1)
    assert (found.status, found.reason) == ("failed", "no d below d_max exceeds the number of lambdas")


DIVERGED, PAUSED = Result(score=None), Result(early_score=0.6, ended=False)
BUDGET = "; raise search.max_trainings, which is 80"


@pytest.mark.parametrize(
    ("found", "protocol", "reason"),
    [
        ([], "adaptive", BUDGET),
        ([PAUSED], "adaptive", BUDGET),
        ([PAUSED], "grid", ""),
        ([DIVERGED], "adaptive", ": all that ended have diverged or failed"),
        ([DIVERGED, PAUSED], "adaptive", f": all that ended have diverged or failed{BUDGET}"),
    ],
)
def test_why_no_subspace_has_a_score(found, protocol, reason):
    results = results_of({}) | {TrainingId(100, rate, 0): result for rate, result in enumerate(found)}
    estimate = estimate_d90(results, kind="full_fraction", chance=0.5, settings=SearchSettings(protocol=protocol))
    assert (estimate.status, estimate.reason) == ("failed", f"no training in a subspace finished{reason}")


def test_final_target_without_the_last_full_score():
    assert estimate(rising(5.0), kind="final").status == "failed"


def test_a_rate_at_which_most_trainings_diverge_has_no_scores():
    results = results_of({(100, 0): [0.7], (100, 1): [0.9]})
    results |= {TrainingId(100, 1, 1): Result(cost=0.5), TrainingId(100, 1, 2): Result(cost=0.5)}
    assert final_scores(results, full=False) == {(100, 0): [0.7]}


def test_an_early_score_is_no_final_one():
    results = results_of({(100, 0): [0.7]})
    results[TrainingId(200, 0, 0)] = Result(early_score=0.99, ended=False, cost=0.34)
    assert final_scores(results, full=False) == {(100, 0): [0.7]}


def test_first_crossing_is_the_papers():
    scores = {(10, 0): [0.5], (20, 0): [0.7, 0.9], (20, 1): [0.85], (30, 0): [0.9]}
    assert first_crossing(scores, 0.84) == 20
    assert first_crossing(scores, 0.95) is None


def test_order_of_results_does_not_matter():
    results = results_of(rising(5.0, rates=(-1, 0)))
    backwards = dict(reversed(list(results.items())))
    first, second = (
        estimate_d90(each, kind="full_fraction", chance=0.5, settings=SETTINGS) for each in (results, backwards)
    )
    assert (first.d90, first.low, first.high) == (second.d90, second.low, second.high)


@pytest.mark.parametrize("rise", [0.004, 0.02])
def test_raising_all_subspace_scores_lowers_d90(rise):
    before = rising(5.0, rates=(-1, 0))
    after = {group: [value + rise for value in values] for group, values in before.items()}
    assert estimate(after).d90 < estimate(before).d90


@pytest.mark.parametrize(("side", "status"), [(1, "above_range"), (-1, "below_range")])
def test_status_of_cells_whose_d90_lies_outside(side, status):
    statuses = []
    for number in range(8):
        end = math.log(10_000 if side > 0 else 10)
        cell = replace(draw_cell(number, study_seed=2), ln_d=end + 1.5 * side)
        facts, results, _ = run_search(cell, SETTINGS)
        statuses.append(estimate_d90(results, kind="full_fraction", chance=facts.chance, settings=SETTINGS).status)
    assert statuses.count(status) >= 7


def half_width(found):
    return (math.log(found.high) - math.log(found.low)) / 2


def test_the_targets_error_is_that_of_full_fine_tuning():
    quiet, noisy = (0.9, 0.9005, 0.8995, 0.9), (0.87, 0.93, 0.885, 0.915)
    # Subspaces without much noise: the interval is what the full score leaves open.
    steady = rising(5.0)
    assert half_width(estimate(steady, full=quiet)) < 0.16
    wide = half_width(estimate(steady, full=noisy))
    # A standard error of 0.9 * 0.024 / 2 over a slope of 0.076 a nat is 0.14 nats.
    assert 0.15 < wide < 0.45
    # Seeds that matter in subspaces alone do not make the full score as uncertain.
    random = np.random.default_rng(0)
    scattered = {key: [score + 0.03 * random.normal() for score in scores] for key, scores in steady.items()}
    assert half_width(estimate(scattered, full=quiet)) < half_width(estimate(scattered, full=noisy))
