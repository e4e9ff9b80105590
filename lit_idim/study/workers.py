"""Further processes that work on the ledger of a study beside the one that was started."""

import contextlib
import io
import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import load_cells
from lit_idim.study.device_groups import DeviceGroup, as_they_end, end_with_parent
from lit_idim.study.driver import Driver
from lit_idim.study.progress import Progress
from lit_idim.study.ranks import BROKEN_EXIT_CODE
from lit_idim.study.settings import StudySettings
from lit_idim.study.shared_trainings import SharedTrainings
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
    precision = torch.get_float32_matmul_precision()
    processes: list[BaseProcess] = [
        # a daemon could not start the rest of its group
        context.Process(target=_work, args=(settings, ledger, group, threads, precision), name=f"worker {worker}")
        for worker, group in enumerate(groups, 2)
    ]
    is_over = threading.Event()
    try:
        for process, group in zip(processes, groups, strict=True):
            with group.seen():
                process.start()
        threading.Thread(target=_tell_of_lost, args=(processes, is_over), daemon=True).start()
        yield processes
        for process in processes:
            process.join(timeout=_END_SECONDS)
    finally:
        is_over.set()
        started = [process for process in processes if process.pid is not None]
        for process in started:
            process.terminate()
        for process in started:
            process.join(timeout=_STOP_SECONDS)
            process.kill()  # does nothing to one that has ended; what it was training is free at once
            process.join()


def _tell_of_lost(processes: Sequence[BaseProcess], is_over: threading.Event) -> None:
    """Tells of those that end before the study does, and frees their process ids, by which their claims are known."""
    for process in as_they_end(processes):
        if process.exitcode and not is_over.is_set():
            print(
                f"{process.name} has ended (exit code {process.exitcode}); the others train what it was training",
                file=sys.stderr,
                flush=True,
            )


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
) -> None:
    StopSignals(interrupts=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that was started ends this one
    end_with_parent()
    set_threads(threads)
    torch.set_float32_matmul_precision(precision)  # else its trainings would come out otherwise
    try:
        with group.trainings(settings, threads=threads) as trainings:
            _drive(settings, ledger, trainings)
    except KeyboardInterrupt:
        pass
    except UserError as error:
        print(f"{multiprocessing.current_process().name}: {error}", file=sys.stderr, flush=True)
        sys.exit(BROKEN_EXIT_CODE)


def _drive(settings: StudySettings, ledger: str | Path, trainings: SharedTrainings | None) -> None:
    cells = load_cells(settings)
    with Ledger.open(ledger, settings=settings_to_agree(settings), create=False) as book:
        progress = Progress(cells, settings.search, stream=io.StringIO())
        # A failing cell is told of, and a broken ledger reported, by the process that was started.
        with contextlib.suppress(UserError, KeyboardInterrupt):
            Driver(settings, cells, book, progress, trainings).run()
