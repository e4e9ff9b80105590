import math
from itertools import product

import numpy as np
import pytest

from lit_idim.d90.crossing import Crossing, curve_values, find_crossing
from lit_idim.d90.posterior import LOSS_OF_A_STEP, Groups, Spread, weigh
from lit_idim.d90.simulation import draw_cell

X_RANGE = (math.log(10), math.log(10_000))
SPREAD = Spread(sum_of_squares=3e-4, degrees_of_freedom=3)


def groups_of(x, rate, means, counts=None):
    counts = np.ones(len(x)) if counts is None else np.asarray(counts, dtype=float)
    return Groups(x=np.asarray(x, float), rate=np.asarray(rate), means=np.asarray(means, float), counts=counts)


def test_weights_agree_with_numerical_integration():
    """Shift of the target, loss of the other rate and noise are integrated over grids here, in closed form there."""
    groups = groups_of([4.0, 4.6, 4.4, 5.0], [0, 0, 1, 1], [0.70, 0.76, 0.71, 0.75], [1, 2, 1, 1])
    kernel, chance, target_variance = np.array([0.8, 1.0, 0.9, 0.5]), 0.5, 0.3
    gains = np.stack([0.3 / (1 + np.exp(-(groups.x - at))) for at in (3.4, 3.8, 4.2)])[:, None, None, :]
    weights = weigh(gains, groups, kernel, spread=SPREAD, target_variance=target_variance, chance=chance)
    weight, y = groups.counts * kernel, groups.means - chance
    losses = np.linspace(0, 1.2, 600)
    shifts = np.linspace(-0.12, 0.12, 201)
    precision = SPREAD.variance / LOSS_OF_A_STEP**2
    expected = np.empty((2, 3))
    for best, at in product(range(2), range(3)):
        g = gains[at, 0, 0]
        lossy = groups.rate != best
        residual = y - g * (1 - losses[:, None, None] * lossy) - shifts[None, :, None]
        squares = (weight * residual**2).sum(-1)
        shape = SPREAD.prior_shape + kernel.sum()  # a group's mean is one observation, however many scores it is of
        scale = SPREAD.prior_scale + squares + shifts**2 / target_variance + precision * losses[:, None] ** 2
        # The priors of shift and loss are in units of the noise: two more observations in its exponent.
        expected[best, at] = np.log((scale ** (-0.5 * (shape + 2))).sum())
    got = weights.log[:, :, 0, 0]
    assert np.ptp(got - expected) < 0.1
    assert np.argmax(got) == np.argmax(expected)


def test_exact_scores_give_the_crossing():
    x = np.linspace(3, 7, 9)
    means = 0.5 + 0.4 / (1 + np.exp(-(x - 4)))
    crossing = find_crossing(
        groups_of(x, np.zeros(9, int), means, np.full(9, 20)),
        spread=Spread(sum_of_squares=1e-6, degrees_of_freedom=200),
        target=0.8,
        target_variance=1e-3,
        chance=0.5,
        full_score=0.89,
        x_range=X_RANGE,
    )
    # The grid over widths and plateaus is coarse beside scores without noise.
    assert crossing.x == pytest.approx(4 + math.log(3), abs=0.1)
    assert crossing.half_width < 0.15
    assert crossing.rates == pytest.approx({0: 1.0})


def test_another_rate_adds_to_the_shape_and_does_not_move_the_crossing():
    x = np.linspace(3, 7, 9)
    gain = 0.4 / (1 + np.exp(-(x - 4)))
    means = np.concatenate([0.5 + gain, 0.5 + 0.8 * gain])
    groups = groups_of(np.tile(x, 2), np.repeat([0, 1], 9), means, np.full(18, 5))
    spread = Spread(sum_of_squares=1e-4, degrees_of_freedom=72)
    arguments = {"spread": spread, "target": 0.8, "target_variance": 0.05, "chance": 0.5, "full_score": 0.89}
    crossing = find_crossing(groups, x_range=X_RANGE, **arguments)
    assert crossing.rates[0] > 0.999
    assert crossing.x == pytest.approx(4 + math.log(3), abs=0.1)


def test_a_rate_at_which_trainings_break_down_does_not_blur_the_crossing():
    random = np.random.default_rng(3)
    x = np.linspace(3, 7, 41)
    gain = 0.4 / (1 + np.exp(-(x - 4)))
    steady = 0.5 + gain + 0.01 * random.normal(size=41)
    broken = 0.5 + gain * random.choice([0.0, 0.4, 1.0], size=41)
    arguments = {"spread": SPREAD, "target": 0.8, "target_variance": 0.05, "chance": 0.5, "full_score": 0.89}
    alone = find_crossing(groups_of(x, np.zeros(41, int), steady), x_range=X_RANGE, **arguments)
    both = groups_of(np.tile(x, 2), np.repeat([0, 1], 41), np.concatenate([steady, broken]))
    crossing = find_crossing(both, x_range=X_RANGE, **arguments)
    assert crossing.rates[0] > 0.95
    assert crossing.x == pytest.approx(alone.x, abs=0.1)
    assert crossing.half_width < 2 * alone.half_width  # 13 times without
    assert crossing.sd < 0.03  # 0.01 at the steady rate, 0.12 at the other


def test_coverage_on_a_fixed_design():
    covered, errors = [], []
    for number in range(150):
        cell = draw_cell(number, study_seed=5)
        random = np.random.default_rng(number)
        x = cell.ln_d + random.uniform(-1, 1, 14)
        means = np.array([cell.envelope(at) for at in x]) + cell.sd * random.normal(size=14)
        in_full = cell.full + cell.sd * random.normal(size=6)
        crossing = find_crossing(
            groups_of(x, np.zeros(14, int), means),
            spread=Spread(sum_of_squares=float(((in_full - in_full.mean()) ** 2).sum()), degrees_of_freedom=5),
            target=0.9 * in_full.mean(),
            target_variance=0.81 / 6,
            chance=cell.chance,
            full_score=in_full.mean(),
            x_range=X_RANGE,
        )
        covered.append(crossing.low <= cell.ln_d <= crossing.high)
        errors.append(crossing.x - cell.ln_d)
    assert 0.83 <= np.mean(covered) <= 0.98
    assert abs(np.median(errors)) < 0.06


@pytest.mark.parametrize("rise", [0.005, 0.02])
def test_higher_scores_lower_d90(rise):
    x = np.linspace(3, 7, 9)
    means = 0.5 + 0.35 / (1 + np.exp(-(x - 4.5))) + 0.004 * np.cos(7 * x)
    arguments = {"spread": SPREAD, "target": 0.77, "target_variance": 0.2, "chance": 0.5, "full_score": 0.86}
    rate = np.zeros(9, int)
    before = find_crossing(groups_of(x, rate, means), x_range=X_RANGE, **arguments)
    after = find_crossing(groups_of(x, rate, means + rise), x_range=X_RANGE, **arguments)
    assert after.x < before.x


ENDS = {"spread": SPREAD, "target": 0.8, "target_variance": 0.2, "chance": 0.5, "full_score": 0.89, "x_range": X_RANGE}


@pytest.mark.parametrize(("level", "above", "below"), [(0.55, True, False), (0.86, False, True)])
def test_a_crossing_outside_of_the_range(level, above, below):
    ends = [X_RANGE[1] if above else X_RANGE[0]] * 4
    crossing = find_crossing(groups_of(ends, [0] * 4, [level, level + 0.01, level - 0.01, level]), **ENDS)
    assert (crossing.above > 0.95, crossing.below > 0.95) == (above, below)


def test_a_crossing_inside_of_the_range_is_at_neither_end():
    x = np.linspace(*X_RANGE, 9).repeat(2)
    means = 0.5 + 0.38 / (1 + np.exp(-1.5 * (x - x.mean() + 0.9)))
    crossing = find_crossing(groups_of(x, [0] * len(x), means), **ENDS)
    assert crossing.above < 0.01 and crossing.below < 0.01 and abs(crossing.x - x.mean()) < 0.5


def test_a_target_above_the_full_score_leaves_room_for_a_plateau_above_it():
    x = np.linspace(3, 9, 13)
    means = 0.5 + 0.4 / (1 + np.exp(-1.5 * (x - 4)))
    crossing = find_crossing(
        groups_of(x, [0] * len(x), means, [20] * len(x)), **(ENDS | {"target": 0.88, "full_score": 0.8})
    )
    assert crossing.curve[2] == pytest.approx(0.9, abs=0.006)


def test_constant_scores_do_not_break_the_fit():
    crossing = find_crossing(
        groups_of([4.0, 5.0, 6.0], [0, 0, 0], [0.5, 0.5, 0.5]),
        spread=Spread(sum_of_squares=0.0, degrees_of_freedom=4),
        target=0.8,
        target_variance=0.2,
        chance=0.5,
        full_score=0.89,
        x_range=X_RANGE,
    )
    assert all(math.isfinite(value) for value in (crossing.x, crossing.low, crossing.high, crossing.slope, crossing.sd))
    assert crossing.x > 6


def test_the_drawn_curve_rises_from_chance_through_the_target_to_its_plateau():
    crossing = Crossing(
        x=4.1, low=3.5, high=4.6, quantiles=(4.0, 4.2), above=0, below=0, slope=0.1, sd=0.01, curve=(4.0, 0.8, 0.9),
        rates={0: 1.0},
    )  # fmt: skip
    at = np.array([-40.0, 4.0 - 1e-4, 4.0, 4.0 + 1e-4, 60.0])
    values = curve_values(at, crossing, target=0.8, chance=0.5)
    assert values[[0, 2, 4]] == pytest.approx([0.5, 0.8, 0.9])
    assert (values[3] - values[1]) / 2e-4 == pytest.approx(0.3 * (1 - 0.3 / 0.4) / 0.8, rel=1e-4)
    assert crossing.half_width == pytest.approx(0.55)
