"""A small part of studies/search_accuracy.py: bounds that a regression would break, not the bounds aimed at."""

import math

import numpy as np
import pytest

from lit_idim.d90 import SearchSettings
from lit_idim.d90.accuracy import measure_cell, strata, summarise
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
    assert accuracy.num_rounds <= 15
    assert np.mean([outcome.status == "reached" for outcome in outcomes]) > 0.97


def test_strata_part_the_cells(outcomes):
    parts = strata(outcomes)
    assert len(parts) == 1 + 4 + 3 * 3
    for name in ("shape", "sd", "slope", "truth"):
        assert sum(len(part) for key, part in parts.items() if key.startswith(f"{name} ")) == len(outcomes)


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
