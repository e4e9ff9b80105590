import math

import numpy as np
import pytest

from lit_idim.d90.rate_rule import BestRate, best_rate, fit_rate_rule, steps_off, with_exponent
from lit_idim.d90.settings import RATE_RATIO
from lit_idim.errors import UserError


def points_of(factor: float, exponent: float, *, cells: int = 8, noise: float = 0.0, seed: int = 0) -> list[BestRate]:
    """Best rates that follow a power law but for an error of each cell and one of each point."""
    rng = np.random.default_rng(seed)
    points = []
    for cell in range(cells):
        num_parameters, shift = 100_000 * (cell + 1), noise * rng.standard_normal()
        for coordinates in (96, 460, 2150):
            error = shift + noise * rng.standard_normal()
            rate = 0.001 * factor * (num_parameters / coordinates) ** exponent * math.exp(error)
            points.append(
                BestRate(cell=f"cell {cell}", D=num_parameters, coordinates=coordinates, full_rate=0.001, rate=rate)
            )
    return points


@pytest.mark.parametrize("top", [-1.0, -0.4, 0.0, 0.7, 1.2])
def test_the_top_of_a_parabola_is_found_between_the_rates(top: float) -> None:
    steps = np.arange(-3, 4)
    scores = {0.01 * RATE_RATIO**step: 0.8 - 0.05 * (step - top) ** 2 for step in steps}
    assert best_rate(scores) == pytest.approx(0.01 * RATE_RATIO**top)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({1.0: 0.5, 3.0: 0.7, 9.0: 0.9}, None),
        ({1.0: 0.9, 3.0: 0.7, 9.0: 0.5}, None),
        ({1.0: None, 3.0: 0.7, 9.0: 0.5}, 3.0),
        ({1.0: 0.2, 3.0: 0.7, 9.0: None}, 3.0),
        ({1.0: None, 3.0: None}, None),
        ({1.0: 0.7, 3.0: 0.7, 9.0: 0.7}, None),
        ({1.0: 0.6, 3.0: 0.7, 9.0: 0.7, 27.0: 0.6}, 3.0 * 3**0.5),
        ({}, None),
    ],
)
def test_edges_and_rates_that_were_dropped(scores: dict[float, float | None], expected: float | None) -> None:
    found = best_rate(scores)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_a_power_law_is_found_again() -> None:
    points = points_of(1.7, 0.62)
    rule = fit_rate_rule(points)
    assert rule.exponent == pytest.approx(0.62) and rule.factor == pytest.approx(1.7)
    assert rule.exponent_interval == pytest.approx((0.62, 0.62))
    assert (rule.num_points, rule.num_cells) == (24, 8)
    assert rule.rate(0.001, points[3].ratio) == pytest.approx(points[3].rate)
    assert with_exponent(points, 0.62) == pytest.approx(1.7)


def test_the_interval_covers_the_exponent_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        rule = fit_rate_rule(points_of(2.0, 0.75, cells=12, noise=0.3, seed=seed), num_resamples=300)
        low, high = rule.exponent_interval
        covered += low <= 0.75 <= high
    assert 46 <= covered <= 60  # 54 expected; resampled cells give intervals somewhat too narrow


def test_how_far_a_rule_is_off() -> None:
    points = points_of(2.0, 0.75)
    assert steps_off(points, lambda point: point.rate * RATE_RATIO) == pytest.approx(np.ones(24))


@pytest.mark.parametrize("points", [[], points_of(1.0, 0.5, cells=1)])
def test_too_few_are_refused(points: list[BestRate]) -> None:
    with pytest.raises(UserError, match=r"two cells and two values of D/d at least, got .*: widen search.rate_steps"):
        fit_rate_rule(points)
