"""What a round of the search asks for, and when it is over."""

import math

import pytest

from lit_idim.d90 import Result, SearchSettings, TrainingId, estimate_d90, full_score
from lit_idim.d90.planning import is_settled, plan_round

SETTINGS = SearchSettings(tolerance=0.05)
FULL = {TrainingId(None, 1, i): Result(score=score) for i, score in enumerate((0.9, 0.93, 0.87))}


def results_of(subspaces):
    """Results of `{d: scores}`, beside three trainings in full whose scores scatter."""
    return FULL | {
        TrainingId(d, 0, i): Result(score=s) for d, scores in subspaces.items() for i, s in enumerate(scores)
    }


@pytest.mark.parametrize(("kind", "num_full"), [("full_fraction", 2), ("final", 0)])
def test_a_target_that_scatters_is_measured_again_unless_it_is_another_checkpoint_s(kind, num_full):
    curve = {d: 0.5 + 0.4 / (1 + math.exp(-1.2 * (math.log(d) - 5))) for d in (10, 30, 100, 300, 1000, 3000, 10_000)}
    results = results_of({d: [score + 0.002, score - 0.002] for d, score in curve.items()})
    found = estimate_d90(results, kind=kind, chance=0.5, settings=SETTINGS, final_full=full_score(FULL))
    requests = plan_round(results, kind, found.curve, found.target, SETTINGS, lambda x: round(math.exp(x)), 10)
    in_full = [request.training for request in requests if request.training.d is None]
    assert in_full == [TrainingId(None, 1, 3 + number) for number in range(num_full)]
    around = {request.training.d for request in requests} - {None}
    assert len(around) == 2 and min(around) < found.d90 < max(around)


@pytest.mark.parametrize(("end", "score"), [(SETTINGS.d_max, 0.55), (SETTINGS.d_min, 0.89)])
@pytest.mark.parametrize(("number", "is_over"), [(2, False), (3, True)])
def test_an_end_of_the_range_is_looked_at_three_times(end, score, number, is_over):
    middle = {d: [score] * 2 for d in (60, 400, 2000)}
    results = results_of(middle | {end: [score] * number})
    found = estimate_d90(results, kind="full_fraction", chance=0.5, settings=SETTINGS)
    assert max(found.curve.crossing.above, found.curve.crossing.below) > 0.97
    assert is_settled(results, found.curve, SETTINGS, SETTINGS.d_min) == is_over
