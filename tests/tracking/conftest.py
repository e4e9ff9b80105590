"""A made-up study to show, and W&B's settings as a user's shell may have them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lit_idim.ledger import TrainingRecord
from lit_idim.study.tables import write_d90
from lit_idim.tracking.tracker import Tracker, TrackingSettings

from .wandb_server import FakeServer, Mood, serving

KEY = "0123456789" * 4


@pytest.fixture
def make_training() -> Callable[..., TrainingRecord]:
    def make(**changes: Any) -> TrainingRecord:
        values: dict[str, Any] = {
            "key": "k", "model": "toy-L2-H128", "checkpoint": "step-1000", "pretraining_step": 1000,
            "num_parameters": 480_000, "task": "toy-sst2", "method": "said", "projection": "fastfood", "d": 100,
            "learning_rate": 0.1, "rate": 0, "replicate": 0, "status": "finished", "metric": "accuracy",
            "score": 0.75, "chance_score": 0.5, "evaluations": ((50, 0.6), (100, 0.75)), "num_updates": 100,
            "num_updates_done": 100, "num_examples": 3200, "batch_size": 32, "num_train_examples": 1000,
            "num_dev_examples": 200, "seconds": 2.0,
        }  # fmt: skip
        return TrainingRecord(**(values | changes))

    return make


@pytest.fixture
def tracker_of(tmp_path: Path, make_row: Any) -> Callable[..., tuple[Tracker, list[str]]]:
    """Makes the tracker of a study in `tmp_path / "out"`, and a list of what it says to the user."""

    def make(mode: str, **settings: Any) -> tuple[Tracker, list[str]]:
        out, said = tmp_path / "out", []
        out.mkdir(exist_ok=True)
        tracker = Tracker(
            TrackingSettings(mode=mode, **settings),
            study="pretrain_curve",
            folder=out,
            config={"tasks": ["toy-sst2"], "search": {"d_min": 10}},
            variant="d90",
            say=said.append,
        )
        return tracker, said

    return make


@pytest.fixture
def rows(tmp_path: Path, make_row: Any) -> list[Any]:
    """Of two checkpoints, written to `d90.csv`."""
    found = [make_row(pretraining_step=step, d90=d90) for step, d90 in ((1000, 300.0), (2000, 150.0))]
    (tmp_path / "out").mkdir(exist_ok=True)
    write_d90(tmp_path / "out" / "d90.csv", found)
    return found


@pytest.fixture(autouse=True)
def _clean_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_DATA_DIR", "WANDB_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb_config"))


@pytest.fixture
def server_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mood], FakeServer]]:
    """Starts a server that the shell's settings name."""
    entered = []

    def start(mood: Mood) -> FakeServer:
        context = serving(mood)
        server = context.__enter__()
        entered.append(context)
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        return server

    yield start
    for context in entered:
        context.__exit__(None, None, None)
