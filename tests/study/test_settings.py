from pathlib import Path
from typing import Any

import pytest
import yaml

from lit_idim.errors import UserError
from lit_idim.study.config_file import read_config
from lit_idim.study.settings import StudySettings, TrainingSettings

TRAINING = TrainingSettings(num_updates=10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({0: None}, "0 is no setting of a training"),
        ({"batch_size": "x"}, "training.batch_size: expected a whole number of at least 1, got 'x'"),
        ({"num_updates": 2.5}, "training.num_updates: expected a whole number"),
        ({"max_length": 0}, "training.max_length: expected a whole number"),
        ({"epochs": float("inf")}, "training.epochs: expected a positive number"),
        ({"optimizer": "sgdm"}, "training.optimizer: expected one of adam, sgd, got 'sgdm'"),
        ({"weight_decay": float("nan")}, "training.weight_decay: expected a number from 0 on"),
        ({"warmup_fraction": 2}, "training.warmup_fraction: expected a number from 0 on"),
    ],
)
def test_what_a_task_changes_is_checked_alike(changes: dict[Any, Any], message: str) -> None:
    settings = StudySettings(tasks=("toy-sst2",), training=TRAINING, task_training={"toy-sst2": changes})
    with pytest.raises(UserError, match=message):
        settings.training_of("toy-sst2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": None}, "is damaged"),
        ({"task_training": None}, "task_training: expected a map of settings"),
        ({"task_training": {"toy-sst2": [1]}}, "task_training"),
        ({"methods": None}, "methods"),
    ],
)
def test_a_config_without_what_is_needed(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    config = {"series": ["a"], "tasks": ["toy-sst2"], "training": {"num_updates": 3}} | changes
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match=message):
        read_config(tmp_path)
