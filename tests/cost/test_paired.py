"""The paired benchmark runs, and a checkout trains the same numbers as itself."""

from pathlib import Path

import pytest
import yaml

from lit_idim.cost import paired, paired_worker
from lit_idim.resources import find_resource


@pytest.mark.slow
def test_a_checkout_trains_the_same_numbers_as_itself() -> None:
    told = paired.compare(Path(paired.__file__).parents[2], ["toy", "head"], pairs=1)
    assert told["relative distance of trained numbers, largest"] == 0
    assert told["difference of scores, largest"] == 0
    assert 0 < told["training, updates a second, this"] < float("inf")


@pytest.mark.parametrize("size", list(paired_worker.CHECKPOINTS))
def test_it_trains_as_the_study_of_its_size_does(size: str) -> None:
    config = yaml.safe_load(find_resource(f"configs/pretrain_curve/{size}.yaml").read_text())
    settings = paired_worker.request(size, "said", 0, None).settings
    assert {name: getattr(settings, name) for name in config["training"]} == config["training"]
