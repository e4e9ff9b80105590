"""Further processes that work on the ledger of a study beside the one that was started."""

import contextlib
import io
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import load_cells
from lit_idim.study.device_groups import DeviceGroup
from lit_idim.study.driver import Driver
from lit_idim.study.progress import Progress
from lit_idim.study.settings import StudySettings
from lit_idim.study.stop_signals import StopSignals

_END_SECONDS = 5.0  # in which a process ends by itself when the study is done
_STOP_SECONDS = 15.0  # in which one ends that is told to


@contextlib.contextmanager
def working_beside(
    number: int,
    settings: StudySettings,
    ledger: str | Path,
    *,
    threads: int | None,
    devices_per_training: int = 1,
) -> Iterator[list[BaseProcess]]:
    """Starts processes that run what is free of a study, until it is done or the block ends.

    Each is a driver of its own: what it runs is decided by the ledger, so that one that dies is no loss, and none is
    needed. They end with the process that started them, however that ends. GPUs are dealt out to them in turn.
    Checkpoints and data that they have in common are in memory once, as far as they are mapped from files.

    Args:
        number: of further processes.
        settings: of the study.
        ledger: that they share.
        threads: of each of them; torch's default if None.
        devices_per_training: of each of them.

    Raises:
        UserError: if there are fewer devices than one training takes.
    """
    groups = [DeviceGroup.of_worker(worker, devices_per_training) for worker in range(1, number + 1)]
    context = multiprocessing.get_context("spawn")
    parent, precision = os.getpid(), torch.get_float32_matmul_precision()
    processes: list[BaseProcess] = [
        # a daemon could not start the rest of its group
        context.Process(target=_work, args=(settings, ledger, group, threads, precision, parent), daemon=False)
        for group in groups
    ]
    try:
        for process, group in zip(processes, groups, strict=True):
            with group.seen():
                process.start()
        yield processes
        for process in processes:
            process.join(timeout=_END_SECONDS)
    finally:
        started = [process for process in processes if process.pid is not None]
        for process in started:
            process.terminate()
        for process in started:
            process.join(timeout=_STOP_SECONDS)
            process.kill()  # does nothing to one that has ended; what it was training is free at once
            process.join()


def set_threads(threads: int | None) -> None:
    """Threads of torch in this process.

    Raises:
        UserError: if the number is not positive.
    """
    if threads is None:
        return
    if threads < 1:
        raise UserError(f"threads: expected at least 1, got {threads}")
    torch.set_num_threads(threads)


def _work(
    settings: StudySettings,
    ledger: str | Path,
    group: DeviceGroup,
    threads: int | None,
    precision: str,
    parent: int,
) -> None:
    StopSignals(interrupts=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that was started ends this one
    set_threads(threads)
    torch.set_float32_matmul_precision(precision)  # else its trainings would come out otherwise
    cells = load_cells(settings)
    with Ledger.open(ledger, settings=settings_to_agree(settings), create=False) as book:
        progress = Progress(cells, settings.search, stream=io.StringIO())
        # A failing cell is told of, and a broken ledger reported, by the process that was started.
        with contextlib.suppress(UserError, KeyboardInterrupt), group.trainings(settings, threads=threads) as trainings:
            Driver(settings, cells, book, progress, trainings, should_stop=lambda: os.getppid() != parent).run()
