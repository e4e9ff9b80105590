"""What holds for every test: no network, and no launcher's variables left over from the shell."""

import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

# Read by the hub's libraries when they are imported, and inherited by the processes that tests start.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "offline"

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
