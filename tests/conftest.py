"""What holds for every test: no network, no launcher's variables left over from the shell; made-up rows of a study."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

# Read by the hub's libraries when they are imported, and inherited by the processes that tests start.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "disabled"
# Read by Triton where it is imported, and by whatever comes first: without a GPU its kernels are interpreted.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # several processes test side by side; read when torch is imported

LAUNCHER_VARIABLES = (
    "LT_CLI_USED",
    "LT_ACCELERATOR",
    "LT_DEVICES",
    "LT_NUM_NODES",
    "LT_PRECISION",
    "LT_STRATEGY",
    "WORLD_SIZE",
    "SLURM_STEP_NUM_TASKS",
)

ROW_OF_A_STUDY: dict[str, Any] = {
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
WITHOUT_D90 = {"d90": None, "d90_low": None, "d90_high": None, "reason": "made up"}


def _refuse_other_machines(connect: Callable[..., Any]) -> Callable[..., Any]:
    def connect_here_only(connection: socket.socket, address: Any) -> Any:
        is_local = connection.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost")
        if not is_local:
            raise RuntimeError(f"a test tried to reach the network at {address}")
        return connect(connection, address)

    return connect_here_only


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _refuse_other_machines(getattr(socket.socket, name)))


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in LAUNCHER_VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def stop_signals() -> Iterator[tuple[signal.Signals, ...]]:
    """Those that end a study in an orderly way; what handles them is put back."""
    from lit_idim.study.stop_signals import STOP_SIGNALS

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield STOP_SIGNALS
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def make_row() -> Callable[..., Any]:
    """Makes a row; one that is not reached has no d90, and a step names its checkpoint."""

    from lit_idim.study.d90_row import D90Row

    def make(**changes: Any) -> D90Row:
        values = ROW_OF_A_STUDY | (WITHOUT_D90 if changes.get("status", "reached") != "reached" else {})
        if "pretraining_step" in changes:
            values |= {"checkpoint": f"step-{changes['pretraining_step']}"}
        return D90Row(**(values | changes))

    return make
