import math

import numpy as np
import pytest

from lit_idim.d90 import Request, SearchSettings, TrainingId
from lit_idim.d90.simulation import SHAPES, draw_cell, oracle_error

CELLS = [draw_cell(number) for number in range(400)]
SETTINGS = SearchSettings()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("slope", 0.03, 0.15), ("sd", 0.003, 0.03), ("ln_d", math.log(20), math.log(4000)), ("rate", -2.4, 1.4),
        ("sharpness", 0.05, 0.3), ("full_rate", -0.4, 2.4), ("full_sharpness", 0.02, 0.2), ("early_share", 0.4, 0.95),
    ],
)  # fmt: skip
def test_cells_are_spread_over_the_stated_ranges(name, low, high):
    values = np.array([getattr(cell, name) for cell in CELLS])
    assert low <= values.min() < low + 0.02 * (high - low) and high - 0.02 * (high - low) < values.max() <= high
    assert values.mean() == pytest.approx((low + high) / 2, abs=0.06 * (high - low))


def test_scores_of_cells_are_those_of_tasks():
    assert {round(cell.chance, 3) for cell in CELLS} == {0.333, 0.5, 0.63}
    assert np.mean([cell.chance == 0.5 for cell in CELLS]) == pytest.approx(0.5, abs=0.08)
    assert all(max(0.72, cell.chance + 0.2) <= cell.full <= 0.95 for cell in CELLS)
    assert min(cell.full for cell in CELLS) < 0.73 and max(cell.full for cell in CELLS) > 0.94
    ratios = [cell.plateau / cell.full for cell in CELLS]
    assert 0.96 <= min(ratios) < 0.962 and 1.008 < max(ratios) <= 1.01
    assert np.std([cell.drift for cell in CELLS]) == pytest.approx(0.1, rel=0.15)
    assert {cell.diverging for cell in CELLS} == {0.05}
    assert [cell.shape for cell in CELLS[:5]] == [*SHAPES, SHAPES[0]]
    assert all(cell.target == pytest.approx(0.9 * cell.full) for cell in CELLS)
    assert len({cell.seed for cell in CELLS}) == len(CELLS)


def test_a_training_scatters_about_its_mean_and_sometimes_diverges():
    cell, d = CELLS[1], 150
    results = [cell.run(Request(TrainingId(d, 0, i)), SETTINGS) for i in range(4000)]
    scores = np.array([result.score for result in results if result.score is not None])
    early = np.array([result.early_score for result in results if result.score is not None])
    assert 1 - len(scores) / 4000 == pytest.approx(0.05, abs=0.015)
    assert {result.cost for result in results if result.score is None} == {0.5}
    mean = cell.mean(math.log(d), 0)
    assert scores.mean() == pytest.approx(mean, abs=4 * cell.sd / 60) and scores.std() == pytest.approx(
        cell.sd, rel=0.06
    )
    assert early.mean() == pytest.approx(cell.chance + cell.early_share * (mean - cell.chance), abs=6 * cell.sd / 60)
    assert early.std() == pytest.approx(1.5 * cell.sd, rel=0.06)
    assert abs(np.corrcoef(scores, early)[0, 1]) < 0.07


def test_stopped_early_it_is_the_beginning_of_the_same_training():
    ids = [TrainingId(150, 1, i) for i in range(50)]
    for whole, part in (
        (CELLS[2].run(Request(id_), SETTINGS), CELLS[2].run(Request(id_, early=True), SETTINGS)) for id_ in ids
    ):
        assert whole.early_score == part.early_score and whole.ended
        if whole.score is not None:
            assert not part.ended and part.score is None and part.cost == SETTINGS.early_fraction


def test_rates_lose_by_their_distance():
    cell = CELLS[0]
    for x in (4.0, 5.8, 7.0):
        best = cell.rate + cell.drift * (x - 5.8)
        gains = {rate: (cell.mean(x, rate) - cell.chance) / (cell.envelope(x) - cell.chance) for rate in range(-9, 9)}
        for rate, gain in gains.items():
            assert gain == pytest.approx(max(0, 1 - cell.sharpness * (rate - best) ** 2))
        assert min(gains.values()) == 0
    assert cell.full_mean(round(cell.full_rate)) == pytest.approx(cell.full)
    assert cell.full_mean(30) == cell.chance
    rate = round(cell.full_rate) + 1
    loss = (rate - cell.full_rate) ** 2 - (round(cell.full_rate) - cell.full_rate) ** 2
    assert cell.full_mean(rate) == pytest.approx(cell.full - (cell.full - cell.chance) * cell.full_sharpness * loss)


@pytest.mark.parametrize(("trainings", "in_full"), [(1, 1), (20, 9), (57, 27)])
def test_the_oracle_errs_by_the_noise_of_two_means(trainings, in_full):
    expected = math.sqrt(0.81 / in_full + 1 / max(1, trainings - in_full))
    errors = [oracle_error(cell, trainings, seed=0) * cell.slope / cell.sd / expected for cell in CELLS]
    assert np.mean(errors) == pytest.approx(0, abs=0.15) and np.std(errors) == pytest.approx(1, abs=0.08)
    ratio = oracle_error(CELLS[0], trainings, seed=0) / oracle_error(CELLS[0], 2, seed=0)
    assert ratio == pytest.approx(expected / math.sqrt(1.81))
