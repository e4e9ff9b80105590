import math

import numpy as np
import pytest

from lit_idim.d90.rate_rule import BestRate, GoodRates, fit_rate_rule, good_rates, steps_off, with_exponent
from lit_idim.d90.settings import RATE_RATIO
from lit_idim.errors import UserError


def points_of(
    factor: float, exponent: float, *, models: int = 6, noise: float = 0.0, width: float = 1.0, seed: int = 0
) -> list[BestRate]:
    """Best rates that follow a power law, but for an exponent of each model's own, and rates as good around them."""
    rng = np.random.default_rng(seed)
    points = []
    for model in range(models):
        num_parameters, own = 100_000 * (model + 1), exponent + noise * rng.standard_normal()
        for coordinates in (96, 460, 2150, 9990):
            # about the middle of all D/d, where the models' lines cross
            rate = 0.001 * factor * 300**exponent * (num_parameters / coordinates / 300) ** own
            points.append(
                BestRate(
                    model=f"model {model}",
                    cell=f"model {model} sst2",
                    D=num_parameters,
                    coordinates=coordinates,
                    full_rate=0.001,
                    start_rate=0.1,
                    rate=rate,
                    lowest=rate / width,
                    highest=rate * width,
                )
            )
    return points


@pytest.mark.parametrize("top", [-1.0, -0.4, 0.0, 0.7, 1.2])
def test_the_top_of_a_parabola_is_found_between_the_rates(top: float) -> None:
    steps = np.arange(-3, 4)
    scores = {0.01 * RATE_RATIO**step: 0.8 - 0.05 * (step - top) ** 2 for step in steps}
    found = good_rates(scores)
    assert found is not None and found.middle == pytest.approx(0.01 * RATE_RATIO**top)
    assert found.lowest == found.highest == pytest.approx(0.01 * RATE_RATIO ** round(top))


def test_the_top_is_at_most_half_way_to_a_neighbour() -> None:
    found = good_rates({1.0: 0.5, 4.0: 0.7, 16.0: 0.699})
    assert found is not None and 7.9 < found.middle <= 8.0


@pytest.mark.parametrize(
    ("scores", "tolerance", "expected"),
    [
        ({1.0: 0.5, 4.0: 0.7, 9.0: 0.9}, 0.0, None),
        ({1.0: 0.9, 4.0: 0.7, 9.0: 0.5}, 0.0, None),
        ({1.0: None, 4.0: 0.7, 9.0: 0.5}, 0.0, (4.0, 4.0, 4.0)),
        ({1.0: 0.2, 4.0: 0.7, 9.0: None}, 0.0, (4.0, 4.0, 4.0)),
        ({1.0: None, 4.0: None}, 0.0, None),
        ({}, 0.0, None),
        ({1.0: 0.6, 4.0: 0.7, 9.0: 0.7, 27.0: 0.6}, 0.0, (4.0, 6.0, 9.0)),
        ({1.0: 0.6, 4.0: 0.7, 9.0: 0.69, 27.0: 0.6}, 0.011, (4.0, 6.0, 9.0)),
        ({1.0: 0.6, 4.0: 0.69, 9.0: 0.7, 27.0: 0.6}, 0.011, (4.0, 6.0, 9.0)),
        ({1.0: 0.6, 4.0: 0.7, 9.0: 0.7}, 0.0, None),  # better ones may lie beyond, on either side alike
        ({1.0: 0.7, 4.0: 0.7, 9.0: 0.6}, 0.0, None),
        ({1.0: 0.7, 4.0: 0.5, 9.0: 0.7, 27.0: 0.6}, 0.0, None),
        ({1.0: 0.1, 2.0: 0.7, 4.0: 0.1, 9.0: 0.7, 27.0: 0.1}, 0.0, (2.0, 2.0, 2.0)),  # neighbours only
        ({1.0: -0.2, 4.0: -0.1, 16.0: -0.2}, 0.0, (4.0, 4.0, 4.0)),
    ],
)
def test_plateaus_and_edges(
    scores: dict[float, float | None], tolerance: float, expected: tuple[float, float, float] | None
) -> None:
    found = good_rates(scores, tolerance)
    if expected is None:
        assert found is None
    else:
        lowest, middle, highest = expected
        assert found == GoodRates(lowest, pytest.approx(middle), highest)  # type: ignore[arg-type]


def test_a_power_law_is_found_again() -> None:
    points = points_of(1.7, 0.62, width=2.0)
    rule = fit_rate_rule(points)
    assert rule.exponent == pytest.approx(0.62) and rule.factor == pytest.approx(1.7)
    assert rule.exponent_interval == pytest.approx((0.62, 0.62))
    assert rule.factor_interval == pytest.approx((1.7, 1.7))
    assert (rule.num_points, rule.num_models, rule.interval_level) == (24, 6, 0.9)
    assert rule.rate(0.001, points[3].ratio) == pytest.approx(points[3].rate)
    assert with_exponent(points, 0.62) == pytest.approx(1.7)
    assert fit_rate_rule(points, choice="lowest").factor == pytest.approx(0.85)
    assert fit_rate_rule(points, choice="highest").factor == pytest.approx(3.4)


def test_three_models_are_enough() -> None:
    rule = fit_rate_rule(points_of(2.0, 0.8, models=3))
    assert rule.exponent == pytest.approx(0.8)


def test_two_values_of_d_are_enough_and_the_interval_is_the_jackknifes() -> None:
    """Standard errors by leaving each model out, with Student's t of the models less one (Tukey 1958)."""
    points = [point for point in points_of(2.0, 0.8, models=4, noise=0.1) if point.coordinates in (96, 9990)]
    rule = fit_rate_rule(points)

    def slope(of: list[BestRate]) -> float:
        return float(np.polyfit([math.log(p.ratio) for p in of], [math.log(p.rate / p.full_rate) for p in of], 1)[0])

    left_out = [slope([p for p in points if p.model != f"model {i}"]) for i in range(4)]
    error = math.sqrt(3 / 4 * sum((value - np.mean(left_out)) ** 2 for value in left_out))
    assert rule.exponent == pytest.approx(slope(points))
    low, high = rule.exponent_interval
    quantile = 2.3533634  # 95%, of t with 3 degrees of freedom
    assert high - low == pytest.approx(2 * quantile * error, rel=1e-6)


def test_the_interval_covers_the_exponent_as_often_as_it_says() -> None:
    """Each model has an exponent of its own: an interval that took points for independent would cover too seldom."""
    covered = naive = 0
    for seed in range(200):
        points = points_of(2.0, 0.75, models=6, noise=0.1, seed=seed)
        low, high = fit_rate_rule(points).exponent_interval
        covered += low <= 0.75 <= high
        x = np.log([point.ratio for point in points])
        y = np.log([point.rate / point.full_rate for point in points])
        (slope, _), variance = np.polyfit(x, y, 1, cov=True)
        naive += abs(slope - 0.75) < 1.72 * math.sqrt(variance[0, 0])
    assert 166 <= covered <= 192  # 180 expected, three standard deviations are 13
    assert naive < 166


def test_how_far_a_rule_is_off() -> None:
    points = points_of(2.0, 0.75)
    assert steps_off(points, lambda point: point.rate * RATE_RATIO) == pytest.approx(np.ones(24))
    assert steps_off(points, lambda point: point.rate / RATE_RATIO) == pytest.approx(-np.ones(24))


@pytest.mark.parametrize(
    "points",
    [
        [],
        points_of(1.0, 0.5, models=2),
        [point for point in points_of(1.0, 0.5) if point.model == "model 0" or point.D == 100_000],
    ],
)
def test_too_few_are_refused(points: list[BestRate]) -> None:
    with pytest.raises(UserError, match=r"got \d+ best rates of \d models: measure more models"):
        fit_rate_rule(points)
