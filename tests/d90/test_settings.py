import math

import pytest

from lit_idim.d90 import SearchSettings
from lit_idim.d90.settings import RATE_RATIO
from lit_idim.errors import UserError


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"protocol": "random"}, "protocol"),
        ({"target_fraction": 0.0}, "target_fraction"), ({"target_fraction": 1.0}, "target_fraction"),
        ({"targets": ()}, "targets"), ({"targets": ("full_fraction", "best")}, "targets"),
        ({"d_min": 0}, "d_min"), ({"d_min": 100, "d_max": 100}, "d_min"),
        ({"full_learning_rates": (1e-3,)}, "full_learning_rates"),
        ({"full_learning_rates": (0.0, 1e-3)}, "full_learning_rates"),
        ({"full_learning_rates": (1e-3, math.inf)}, "full_learning_rates"),
        ({"full_learning_rates": (1e-3, 1e-4)}, "full_learning_rates"),
        ({"full_learning_rates": (1e-3, 1e-3)}, "full_learning_rates"),
        ({"rate_steps": ()}, "rate_steps"), ({"rate_steps": (0, 0)}, "rate_steps"),
        ({"rate_steps": (1, 0)}, "rate_steps"),
        ({"full_replicates": 1}, "full_replicates"), ({"max_trainings": 0.5}, "max_trainings"),
        ({"grid_points": 1}, "grid_points"), ({"grid_replicates": 0}, "grid_replicates"),
        ({"tolerance": 0.0}, "tolerance"), ({"tolerance": math.nan}, "tolerance"),
        ({"early_fraction": 0.0}, "early_fraction"), ({"early_fraction": 1.0}, "early_fraction"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_named(changes, named):
    with pytest.raises(UserError, match=f"^search.{named}[:,]"):
        SearchSettings(**changes)


def test_the_ends_of_the_ranges_are_allowed():
    SearchSettings(
        protocol="grid", d_min=1, d_max=2, full_learning_rates=(1e-5, 2.0), rate_steps=(0,), full_replicates=2,
        max_trainings=1, grid_points=2, grid_replicates=1, tolerance=1.5, targets=("final", "chance_corrected"),
    )  # fmt: skip


def test_the_defaults_are_those_of_the_documentation():
    settings = SearchSettings()
    assert (settings.protocol, settings.targets, settings.target_fraction) == ("adaptive", ("full_fraction",), 0.9)
    assert (settings.d_min, settings.d_max, settings.grid_points) == (10, 10_000, 100)  # AZG20: 10^(1 + 3 i/99)
    assert settings.full_learning_rates == (1e-5, 2e-5, 5e-5) and settings.full_replicates == 3
    assert settings.rate_steps == (-2, -1, 0, 1) and pytest.approx(10) == RATE_RATIO**2  # a factor of 32 in all
    assert settings.grid_replicates == 1
    assert (settings.tolerance, settings.max_trainings, settings.early_fraction) == (0.31, 80, 0.34)
