"""The first meeting of processes that a launcher has started, with an end and open to signals."""

import sys
import threading
import time

from lightning.pytorch.strategies import ParallelStrategy

from lit_idim.errors import UserError

RENDEZVOUS_SECONDS = 300.0  # nodes of a cluster may be minutes apart
_NOTICE_SECONDS = 3.0
_LOOK_SECONDS = 0.2


def meet_others(strategy: ParallelStrategy, *, patience_seconds: float = RENDEZVOUS_SECONDS) -> None:
    """Connects this process with the others.

    PyTorch waits for them for half an hour, in code in which no signal is handled; so it waits in a thread of its own.

    Args:
        strategy: of a trainer; not connected yet.
        patience_seconds: how long to wait.

    Raises:
        UserError: if they do not all come in time.
    """
    environment = strategy.cluster_environment
    assert environment is not None
    who = f"rank {environment.global_rank()} of {environment.world_size()}"
    where = f"{environment.main_address}:{environment.main_port}"
    failures: list[BaseException] = []

    def connect() -> None:
        try:
            strategy.setup_distributed()  # type: ignore[attr-defined]
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=connect, name="rendezvous", daemon=True)
    thread.start()
    started, is_told = time.monotonic(), False
    while thread.is_alive():
        thread.join(_LOOK_SECONDS)
        waited = time.monotonic() - started
        if waited > patience_seconds:
            raise UserError(
                f"{who} has waited {waited:.0f} seconds for the others at {where}; start all ranks, for example with "
                "`lightning run --devices N --strategy ddp`, or unset WORLD_SIZE and RANK"
            )
        if waited > _NOTICE_SECONDS and not is_told:
            print(f"{who} waits for the others at {where}", file=sys.stderr, flush=True)
            is_told = True
    if failures:
        raise UserError(f"{who} cannot be connected with the others at {where} ({failures[0]})") from failures[0]
