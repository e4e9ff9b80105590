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
from lit_idim.study.driver import Driver
from lit_idim.study.progress import Progress
from lit_idim.study.settings import StudySettings
from lit_idim.study.stop_signals import StopSignals

_END_SECONDS = 5.0  # in which a process ends by itself when the study is done
_STOP_SECONDS = 15.0  # in which one ends that is told to


@contextlib.contextmanager
def working_beside(
    number: int, settings: StudySettings, ledger: str | Path, *, threads: int | None
) -> Iterator[list[BaseProcess]]:
    """Starts processes that run what is free of a study, until it is done or the block ends.

    Each is a driver of its own: what it runs is decided by the ledger, so that one that dies is no loss, and none is
    needed. They end with the process that started them, however that ends. GPUs are dealt out to them in turn.

    Args:
        number: of further processes.
        settings: of the study.
        ledger: that they share.
        threads: of each of them; torch's default if None.
    """
    context = multiprocessing.get_context("spawn")
    parent, precision = os.getpid(), torch.get_float32_matmul_precision()
    processes: list[BaseProcess] = [
        context.Process(target=_work, args=(settings, ledger, threads, precision, parent), daemon=True)
        for _ in range(number)
    ]
    for process, device in zip(processes, devices_of_workers(number), strict=True):
        with _seeing(device):
            process.start()
    try:
        yield processes
        for process in processes:
            process.join(timeout=_END_SECONDS)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(timeout=_STOP_SECONDS)
            process.kill()  # does nothing to one that has ended; what it was training is free at once
            process.join()


def devices_of_workers(number: int) -> list[str | None]:
    """The GPU of each further process, as CUDA_VISIBLE_DEVICES names it; the started process has the first.

    Args:
        number: of further processes.

    Returns:
        A name each, in turn over all GPUs that this process sees; None without one.
    """
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in named.split(",")] if named.strip() else [str(index) for index in range(count)]
    return [names[worker % count] if count else None for worker in range(1, number + 1)]


@contextlib.contextmanager
def _seeing(device: str | None) -> Iterator[None]:
    """A process that is started within sees one GPU only."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    try:
        yield
    finally:
        if device is not None:
            os.environ.pop("CUDA_VISIBLE_DEVICES")
            if before is not None:
                os.environ["CUDA_VISIBLE_DEVICES"] = before


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


def _work(settings: StudySettings, ledger: str | Path, threads: int | None, precision: str, parent: int) -> None:
    StopSignals(interrupts=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that was started ends this one
    set_threads(threads)
    torch.set_float32_matmul_precision(precision)  # else its trainings would come out otherwise
    cells = load_cells(settings)
    with Ledger.open(ledger, settings=settings_to_agree(settings), create=False) as book:
        progress = Progress(cells, settings.search, stream=io.StringIO())
        # A failing cell is told of, and a broken ledger reported, by the process that was started.
        with contextlib.suppress(UserError, KeyboardInterrupt):
            Driver(settings, cells, book, progress, should_stop=lambda: os.getppid() != parent).run()
