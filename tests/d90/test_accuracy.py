"""A small part of studies/search_accuracy.py: bounds that a regression would break, not the bounds aimed at."""

import math

import numpy as np
import pytest

from lit_idim.d90 import SearchSettings
from lit_idim.d90.accuracy import Outcome, measure_cell, strata, summarise
from lit_idim.d90.simulation import SHAPES, draw_cell


@pytest.fixture(scope="module")
def outcomes():
    return [measure_cell(number, SearchSettings(), study_seed=1) for number in range(150)]


def test_search_is_accurate_on_simulated_cells(outcomes):
    accuracy = summarise("all", outcomes, 396)
    assert accuracy.error < 0.31
    assert abs(accuracy.bias) < 0.06
    assert 0.83 <= accuracy.coverage <= 0.97
    assert accuracy.cost < 23
    assert 3 <= accuracy.num_rounds <= 15
    assert np.mean([outcome.status == "reached" for outcome in outcomes]) > 0.97


def test_strata_part_the_cells(outcomes):
    parts = strata(outcomes)
    assert len(parts) == 1 + 4 + 3 * 3
    for name in ("shape", "sd", "slope", "truth"):
        assert sum(len(part) for key, part in parts.items() if key.startswith(f"{name} ")) == len(outcomes)


def made_up(number, **changes):
    values = {
        "status": "reached", "error": 0.1 * number - 0.2, "oracle_error": -0.05 * number, "is_covered": number != 3,
        "cost": 20.0 + number, "num_full": 4, "num_rounds": 6 + number, "shape": SHAPES[number % 2],
        "sd": 0.01 * number, "slope": 0.05 + 0.01 * (number % 3), "truth": 7.0 - number,
    }  # fmt: skip
    return Outcome(**(values | changes))


def test_a_summary_is_of_quantiles_and_medians():
    accuracy = summarise("made up", [made_up(number) for number in range(5)], num_grid_trainings=396)
    assert (accuracy.stratum, accuracy.num_cells) == ("made up", 5)
    assert accuracy.error == pytest.approx(0.2)  # 90% quantile of 0, 0.1, 0.1, 0.2, 0.2
    assert accuracy.oracle_error == pytest.approx(0.18)
    assert accuracy.bias == pytest.approx(0.0)
    assert (accuracy.coverage, accuracy.cost, accuracy.num_rounds) == (0.8, 22, 8)
    assert accuracy.grid_share == pytest.approx(22 / 400)


def test_the_accepted_error_is_that_of_the_oracle_where_it_is_large():
    found = [summarise("", [made_up(0, oracle_error=error)], 396).accepted_error for error in (0.0, 0.1, 0.4)]
    assert found == pytest.approx([math.log(1.25), math.log(1.25), 0.6])


def test_terciles_are_thirds_in_order():
    cells = [made_up(number) for number in range(9)]
    parts = strata(cells)
    assert parts["all"] == cells and parts["sd low"] == cells[:3] and parts["sd high"] == cells[6:]
    assert parts["truth low"] == cells[6:] and parts["truth middle"] == cells[3:6]
    assert parts[f"shape {SHAPES[0]}"] == cells[::2] and f"shape {SHAPES[2]}" not in parts


def test_without_a_fit_the_error_is_infinite_and_without_a_bound_the_interval_open():
    settings = SearchSettings(d_min=10, d_max=12)
    outcome = measure_cell(0, settings)
    assert outcome.status == "above_range" and outcome.is_covered  # [d_max, infinity) holds the truth
    nothing = measure_cell(0, SearchSettings(max_trainings=1))
    assert nothing.status == "failed" and math.isinf(nothing.error)
    assert nothing.num_full == nothing.cost >= 3  # the target is measured whatever the budget


def test_a_cell_is_the_same_whenever_it_is_measured(outcomes):
    assert measure_cell(3, SearchSettings(), study_seed=1) == outcomes[3]


@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_simulated_curves_cross_the_target_with_the_stated_slope(number):
    cell = draw_cell(number)
    assert cell.envelope(cell.ln_d) == pytest.approx(cell.target)
    slope = (cell.envelope(cell.ln_d + 1e-4) - cell.envelope(cell.ln_d - 1e-4)) / 2e-4
    assert slope == pytest.approx(cell.slope, rel=0.01)
    assert cell.mean(cell.true_ln_d90, round(cell.rate + cell.drift * (cell.true_ln_d90 - 5.8))) == pytest.approx(
        cell.target, abs=1e-6
    )
    assert all(np.diff([cell.envelope(x) for x in np.linspace(math.log(10), math.log(1e4), 50)]) >= 0)
