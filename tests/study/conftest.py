"""Made-up rows of a study."""

from collections.abc import Callable
from typing import Any

import pytest

from lit_idim.study.d90_row import D90Row

DEFAULTS: dict[str, Any] = {
    "model": "toy-L2-H128",
    "checkpoint": "step-1000",
    "pretraining_step": 1000,
    "num_parameters": 480_000,
    "task": "toy-sst2",
    "method": "said",
    "projection": "fastfood",
    "metric": "accuracy",
    "full_score": 0.92,
    "full_score_std": 0.01,
    "full_learning_rate": 1e-3,
    "chance_score": 0.5,
    "target_score": 0.828,
    "d90": 300.0,
    "d90_low": 200.0,
    "d90_high": 450.0,
    "interval_level": 0.9,
    "status": "reached",
    "reason": None,
    "d90_first_crossing": None,
    "d90_chance_corrected": 320.0,
    "d90_chance_corrected_low": 210.0,
    "d90_chance_corrected_high": 480.0,
    "d90_chance_corrected_status": "reached",
    "d90_final_target": None,
    "d90_final_target_low": None,
    "d90_final_target_high": None,
    "d90_final_target_status": None,
    "d_min": 16,
    "d_max": 16384,
    "protocol": "adaptive",
    "tolerance_met": True,
    "learning_rate_best": 0.1,
    "learning_rates_tried": (0.03, 0.1, 0.3),
    "learning_rate_at_edge": False,
    "num_seeds": 3,
    "num_updates": 400,
    "batch_size": 32,
    "num_train_examples": 4000,
    "num_dev_examples": 1000,
    "num_trainings": 30,
    "num_examples": 384_000,
    "seconds": 123.4,
    "interval_includes": "seeds, target",
    "full_score_se": 0.006,
}
EMPTY = {"d90": None, "d90_low": None, "d90_high": None, "reason": "made up"}


@pytest.fixture
def make_row() -> Callable[..., D90Row]:
    """Makes a row; one that is not reached has no d90, and a step names its checkpoint."""

    def make(**changes: Any) -> D90Row:
        values = DEFAULTS | (EMPTY if changes.get("status", "reached") != "reached" else {})
        if "pretraining_step" in changes:
            values |= {"checkpoint": f"step-{changes['pretraining_step']}"}
        return D90Row(**(values | changes))

    return make
