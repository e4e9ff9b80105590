"""A certificate of a toy training, small enough for seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lit_idim.certificate import CertificateRequest, Message, QuantizedVector, derived_seeds
from lit_idim.resources import resource_path
from lit_idim.series.location import CheckpointLocation
from lit_idim.study.settings import TrainingSettings
from lit_idim.study.training_request import TrainingRequest

NUM_LAMBDAS = 4  # the layers of toy-L2-H128: embeddings, two blocks, head


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIT_IDIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    return resource_path("checkpoints") / "toy-L2-H128" / "step-4000"


@pytest.fixture(scope="session")
def make_request(checkpoint: Path) -> Callable[..., CertificateRequest]:
    """Makes a request; a change of a setting or of the training is told apart by its name."""

    def make(method: Any = "did", **changes: Any) -> CertificateRequest:
        settings = {"num_updates": 8, "max_length": 32, "max_train_examples": 200, "max_dev_examples": 50}
        settings |= {name: changes.pop(name) for name in list(changes) if name in TrainingSettings.__dataclass_fields__}
        training = {"task": "toy-opinion", "d": 20, "projection": "fastfood", "learning_rate": 0.5}
        training |= {name: changes.pop(name) for name in list(changes) if name in TrainingRequest.__dataclass_fields__}
        named = {"series": "toy-L2-H128", "step": 4000, "study_seed": 3, "replicate": 1}
        seeds = derived_seeds(**named, task=training["task"], method=method, d=training["d"])  # type: ignore[arg-type]
        request: Any = TrainingRequest(
            **{  # type: ignore[arg-type]
                "location": CheckpointLocation(model=str(checkpoint), origin="a test"),
                "method": method,
                "seeds": seeds,
                "settings": TrainingSettings(**settings),  # type: ignore[arg-type]
            }
            | training
        )
        return CertificateRequest(training=request, **({"rate": -1} | named | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_message() -> Callable[..., Message]:
    """Makes a message of SAID with 4 lambdas."""

    def make(**changes: Any) -> Message:
        theta_d = QuantizedVector(levels=(0, 3, -1, 0, 2, -2), step_exponent=-7, codebook=1, largest_level=3)
        lambdas = QuantizedVector(levels=(1, 0, 0, -1), step_exponent=-20, codebook=-1, largest_level=1)
        given: dict[str, Any] = {
            "method": "said", "projection": "fastfood", "projection_version": 1, "d": 10, "study_seed": 5,
            "replicate": 2, "rate": -1, "num_updates": 150, "theta_d": theta_d, "lambdas": lambdas,
        }  # fmt: skip
        return Message(**(given | changes))

    return make
