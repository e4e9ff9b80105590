"""The paired benchmark runs, and a checkout trains the same numbers as itself."""

from pathlib import Path

import pytest
import yaml

from lit_idim.cost import paired, paired_worker
from lit_idim.resources import find_resource

REPOSITORY = Path(paired.__file__).parents[2]


@pytest.mark.slow
def test_a_checkout_trains_the_same_numbers_as_itself() -> None:
    told = paired.compare(REPOSITORY, ["toy", "head"], pairs=1)
    assert told["relative distance of trained numbers, largest"] == 0
    assert told["difference of scores, largest"] == 0
    assert 0 < told["training, updates a second, this"] < float("inf")


@pytest.mark.parametrize("size", list(paired_worker.CHECKPOINTS))
def test_it_trains_as_the_study_of_its_size_does(size: str) -> None:
    config = yaml.safe_load(find_resource(f"configs/pretrain_curve/{size}.yaml").read_text())
    settings = paired_worker.request(size, "said", 0, None).settings
    assert {name: getattr(settings, name) for name in config["training"]} == config["training"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: OTHER"),
        (["nowhere"], "OTHER: expected the folder of a checkout, which holds lit_idim; got 'nowhere'"),
        ([str(REPOSITORY), "huge"], "invalid choice: 'huge'"),
        ([str(REPOSITORY), "toy", "said", "0"], "pairs: must be at least 1, got 0"),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        paired.main(words)
    assert message in capsys.readouterr().err
