"""Groups of processes on one machine that run each training on several devices, one process a device.

A leader, which is a driver of a study like any other, starts the rest of its group and connects with them as rank 0 of
a launcher does: they see the environment variables of torchrun.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import torch

from lit_idim.errors import UserError
from lit_idim.study.ranks import BROKEN_EXIT_CODE, require_shares
from lit_idim.study.settings import StudySettings
from lit_idim.study.shared_trainings import SharedTrainings, joined
from lit_idim.training.distributed import num_launched_processes

_ADDRESS = "127.0.0.1"
_END_SECONDS = 5.0  # in which a follower ends that was told that nothing is left


def visible_gpus() -> list[str]:
    """The GPUs of this process as CUDA_VISIBLE_DEVICES names them; none where the launcher asks for the CPU."""
    count = 0 if os.environ.get("LT_ACCELERATOR") == "cpu" else torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in named.split(",")] if named.strip() else [str(index) for index in range(count)]
    return names[:count]


@dataclass(frozen=True, kw_only=True)
class DeviceGroup:
    """The devices of one worker.

    Attributes:
        size: processes, one device each.
        gpus: their names, as many; none without GPUs.
    """

    size: int
    gpus: tuple[str, ...] = ()

    @classmethod
    def of_worker(cls, worker: int, size: int) -> "DeviceGroup":
        """GPUs are dealt out in turn, so that workers beyond their number share them; worker 0 has the first.

        Args:
            worker: its number; 0 for the process that was started.
            size: devices of each worker.

        Raises:
            UserError: if a single worker would have one of them twice.
        """
        gpus = visible_gpus()
        if size < 1 or (gpus and size > len(gpus)):
            there = f"at most {len(gpus)}, the GPUs that are there," if gpus else "a whole number of at least 1,"
            raise UserError(f"devices_per_training: expected {there} got {size}")
        return cls(size=size, gpus=tuple(gpus[(worker * size + place) % len(gpus)] for place in range(size) if gpus))

    @contextlib.contextmanager
    def seen(self) -> Iterator[None]:
        """A process that is started within sees no GPUs but these."""
        with _environment({"CUDA_VISIBLE_DEVICES": ",".join(self.gpus)} if self.gpus else {}):
            yield

    @contextlib.contextmanager
    def trainings(self, settings: StudySettings, *, threads: int | None) -> Iterator[SharedTrainings | None]:
        """As `training_together`; None for a group of one."""
        if self.size == 1:
            yield None
            return
        with self.training_together(settings, threads=threads) as trainings:
            yield trainings

    @contextlib.contextmanager
    def training_together(self, settings: StudySettings, *, threads: int | None) -> Iterator[SharedTrainings]:
        """This process and further ones that it starts, connected. If one of them dies, all end.

        Args:
            settings: of the study.
            threads: of each of them; an equal share of torch's default if None.

        Raises:
            UserError: if a batch cannot be dealt out, or they cannot be connected.
        """
        require_shares(settings, self.size)
        before = torch.get_num_threads()
        threads = max(1, before // self.size) if threads is None else threads
        # Made here, so that its port is never free for somebody else to take; all ranks are clients of it.
        store = torch.distributed.TCPStore(  # type: ignore[attr-defined]
            _ADDRESS, 0, is_master=True, wait_for_workers=False
        )
        ranks = [_launched_as(rank, self.size, store.port) for rank in range(self.size)]
        context = multiprocessing.get_context("spawn")
        arguments = (settings, threads, torch.get_float32_matmul_precision())
        followers: list[BaseProcess] = [
            context.Process(target=_follow, args=arguments, daemon=True, name=f"rank {rank} of {self.size}")
            for rank in range(1, self.size)
        ]
        is_over, patience = threading.Event(), 0.0
        try:
            for follower, variables in zip(followers, ranks[1:], strict=True):
                with _environment(variables):
                    follower.start()
            threading.Thread(target=_end_with, args=(followers, is_over), daemon=True).start()
            torch.set_num_threads(threads)
            with _environment(ranks[0]), joined(settings) as trainings:
                assert trainings is not None
                patience = _END_SECONDS
                yield trainings
        finally:
            is_over.set()
            torch.set_num_threads(before)
            _end(followers, patience)


@contextlib.contextmanager
def connected(
    settings: StudySettings, *, devices_per_training: int, threads: int | None
) -> Iterator[SharedTrainings | None]:
    """What trains together with this process: what a launcher has started, a group of its own, or nothing (None).

    Args:
        settings: of the study.
        devices_per_training: of a process that no launcher has started along with others.
        threads: of each process.

    Raises:
        UserError: if the processes cannot be connected, or differ, or there are fewer devices.
    """
    group = DeviceGroup.of_worker(0, devices_per_training)
    if group.size == 1:
        with joined(settings) as trainings:
            yield trainings
        return
    if "," in os.environ.get("LT_DEVICES", ""):
        raise UserError(
            f"devices_per_training: the launcher was started with --devices {os.environ['LT_DEVICES']}; leave that "
            "out, and name the devices in CUDA_VISIBLE_DEVICES"
        )
    number, _ = num_launched_processes()
    if number > 1:
        raise UserError(
            f"devices_per_training: {number} processes were started together, and train together on {number} devices; "
            "start the study without --devices, or leave devices_per_training out"
        )
    with group.training_together(settings, threads=threads) as trainings:
        yield trainings


def _launched_as(rank: int, size: int, port: int) -> dict[str, str]:
    """The environment of a process that torchrun has started, which Lightning takes it for."""
    variables: dict[str, object] = {
        "WORLD_SIZE": size,
        "RANK": rank,
        "LOCAL_WORLD_SIZE": size,
        "LOCAL_RANK": rank,
        "GROUP_RANK": 0,
        "GROUP_WORLD_SIZE": 1,
        "NODE_RANK": 0,
        "MASTER_ADDR": _ADDRESS,
        "MASTER_PORT": port,
        "TORCHELASTIC_RUN_ID": f"lit_idim-{port}",
        "TORCHELASTIC_RESTART_COUNT": 0,
        "TORCHELASTIC_USE_AGENT_STORE": True,  # as `training_together` has made it
    }
    if os.environ.get("LT_CLI_USED") == "1":  # of a launcher that has started one process
        variables |= {"LT_DEVICES": size, "LT_NUM_NODES": 1}
    return {name: str(value) for name, value in variables.items()}


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _end(followers: Sequence[BaseProcess], patience_seconds: float) -> None:
    """Waits for those that were told that nothing is left, and ends the others."""
    started = [follower for follower in followers if follower.pid is not None]
    deadline = time.monotonic() + patience_seconds
    for follower in started:
        follower.join(timeout=max(0.0, deadline - time.monotonic()))
    for follower in started:
        follower.kill()
        follower.join()


def as_they_end(processes: Sequence[BaseProcess]) -> Iterator[BaseProcess]:
    """The processes in the order in which they end, each with its exit code."""
    left = {process.sentinel: process for process in processes}
    while left:
        for sentinel in wait(list(left)):
            assert isinstance(sentinel, int)
            process = left.pop(sentinel)
            process.join()  # it closes its end before its exit code is known
            yield process


def _end_with(followers: Sequence[BaseProcess], is_over: threading.Event) -> None:
    """Ends this process if another one breaks: what waits for its gradients would wait for good."""
    for follower in as_they_end(followers):
        if is_over.is_set() or follower.exitcode == 0:  # it was told that nothing is left
            continue
        print(
            f"{follower.name} has ended (exit code {follower.exitcode}), and with it all of them. Every finished "
            "training is in the ledger; the same command goes on where it was",
            file=sys.stderr,
            flush=True,
        )
        sys.stdout.flush()
        os._exit(BROKEN_EXIT_CODE)


def end_with_parent() -> None:
    """Lets this process end as soon as the one that has started it has ended, however that came."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()


def _leave_with(parent: int) -> None:
    wait([parent])
    os._exit(BROKEN_EXIT_CODE)


def _follow(settings: StudySettings, threads: int, precision: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the ranks are connected, which stop together
    end_with_parent()
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)  # else its share of a training would come out otherwise
    try:
        with joined(settings) as trainings:
            assert trainings is not None
            trainings.follow()
    except UserError as error:
        print(f"{multiprocessing.current_process().name}: {error}", file=sys.stderr, flush=True)
        sys.exit(BROKEN_EXIT_CODE)
