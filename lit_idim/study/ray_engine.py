"""Trainings on a Ray cluster, or on a Ray of this machine's own; needs the extra `ray`."""

import contextlib
import importlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from lit_idim.errors import UserError
from lit_idim.study.engine import EndedTraining
from lit_idim.study.preparation import library_versions
from lit_idim.study.settings import StudySettings
from lit_idim.study.training import Trainings
from lit_idim.study.training_request import TrainingOutcome, TrainingRequest
from lit_idim.study.workers import set_threads
from lit_idim.tasks import get_task

_ANSWER_SECONDS = 5.0
_HEALTH_SECONDS = 20.0  # Ray's own question starts a process
_RETRIES = 20  # of a training whose worker or node dies; one that always kills its worker must end some time
_OF_LAUNCHERS = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_here: dict[str, Trainings] = {}  # of the worker process: what its trainings share


class RayEngine:
    """Runs each training as a task of Ray, which runs it again where a worker or a node dies.

    Args:
        ray: the package, connected.
        settings: of the study.
        threads: of each training; also the CPUs that Ray reserves for it.
        num_gpus: that Ray reserves for it; a fraction lets several share one.
        most: trainings at a time; as many as the cluster holds if None.
    """

    def __init__(self, ray: Any, settings: StudySettings, *, threads: int, num_gpus: float, most: int | None) -> None:
        self._ray, self._most = ray, most
        self._needs = {"CPU": float(threads), "GPU": num_gpus}
        self._train = ray.remote(num_cpus=threads, num_gpus=num_gpus, max_retries=_RETRIES)(train_in_worker)
        launched = {name: value for name, value in os.environ.items() if name.startswith("LT_")}
        self._fixed = (settings.tasks, threads, torch.get_float32_matmul_precision(), launched, library_versions())
        self._keys: dict[Any, str] = {}

    def num_free(self) -> int:
        return max(0, self.room() - len(self._keys))

    def room(self) -> int:
        """Trainings that the living nodes hold, those that run included."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        room = sum(
            min(int(has.get(name, 0.0) / need + 1e-9) for name, need in self._needs.items() if need) for has in nodes
        )
        return room if self._most is None else min(room, self._most)

    def submit(self, key: str, request: TrainingRequest) -> None:
        self._keys[self._train.remote(request, *self._fixed)] = key

    def wait(self, seconds: float) -> Sequence[EndedTraining]:
        ready, _ = self._ray.wait(list(self._keys), num_returns=1, timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(list(self._keys), num_returns=len(self._keys), timeout=0)
        return [self._ended(reference) for reference in ready]

    def _ended(self, reference: Any) -> EndedTraining:
        key = self._keys.pop(reference)
        try:
            return EndedTraining(key=key, outcome=self._ray.get(reference))
        except self._ray.exceptions.RayTaskError as error:
            return EndedTraining(key=key, error=error.cause if isinstance(error.cause, Exception) else error)
        except self._ray.exceptions.RayError as error:
            why = f"Ray gave the training up: {type(error).__name__}: {error}"
            return EndedTraining(key=key, error=UserError(why))


def train_in_worker(
    request: TrainingRequest,
    tasks: Sequence[str],
    threads: int,
    matmul_precision: str,
    launched: Mapping[str, str],
    versions: Mapping[str, str],
) -> TrainingOutcome:
    """Runs a training in a worker of Ray, which keeps checkpoints and data from one to the next.

    With GPUs Ray ends a worker after each training, and nothing is kept.

    Args:
        request: what to train.
        tasks: of the study; a folder among them names a task that the worker does not know yet.
        threads: of torch.
        matmul_precision: as of the driver; it decides last bits.
        launched: what the driver's launcher has set, such as the accelerator.
        versions: of the driver's libraries, which its records name.

    Raises:
        UserError: if this worker has others, and as `Trainings.run`.
    """
    for name, wanted in versions.items():
        if (here := library_versions().get(name)) != wanted:
            raise UserError(
                f"ray_address: the node {socket.gethostname()} has {name} {here}, the started process {wanted}; "
                "install the same versions on all nodes"
            )
    if not _here:
        # What srun or a launcher has set for Ray's own processes is not about trainings: each is alone.
        for name in [name for name in os.environ if name in _OF_LAUNCHERS or name.startswith(("SLURM_", "LT_"))]:
            del os.environ[name]
        os.environ.update(launched)
        set_threads(threads)
        torch.set_float32_matmul_precision(matmul_precision)
        for task in tasks:
            get_task(task)
        _here["trainings"] = Trainings()
    return _here["trainings"].run(request)


@contextlib.contextmanager
def ray_engine(
    settings: StudySettings, *, address: str | None, workers: int, threads: int | None, num_gpus: float | None
) -> Iterator[RayEngine]:
    """Connects to a cluster, or starts a Ray of this machine's own that ends with the block.

    Args:
        settings: of the study.
        address: of the cluster, as HOST:PORT or "auto"; none if None.
        workers: trainings at a time on a Ray of this machine's own; a cluster takes as many as it holds.
        threads: of each training; 1 if None.
        num_gpus: of each training; 1 where the machine, or the cluster, has GPUs, if None.

    Raises:
        UserError: if Ray is not installed, or the cluster does not answer.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise UserError(
            "engine: 'ray' needs the package ray; pip install 'lit-idim[ray]', or leave out --engine"
        ) from None
    own = {"address": "local", "num_cpus": workers * (threads or 1), "include_dashboard": False}
    if address is not None and address != "auto":
        _require_answer(address)
    at_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**({"address": address} if address else own), log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"no cluster can be reached at {address}" if address else "none can be started on this machine"
        raise UserError(f"engine: Ray fails, {where} ({error})") from error
    finally:
        signal.signal(signal.SIGTERM, at_sigterm)  # Ray's own would end the study without its tables
    try:
        if num_gpus is None:
            num_gpus = 1.0 if ray.cluster_resources().get("GPU") else 0.0
        most = None if address else workers
        engine = RayEngine(ray, settings, threads=threads or 1, num_gpus=num_gpus, most=most)
        if not engine.room():
            raise UserError(
                f"threads, gpus_per_training: no node has {threads or 1} CPUs and {num_gpus:g} GPUs, which each "
                "training is to have; lower them, or add nodes"
            )
        yield engine
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Ray itself would try for minutes.

    Raises:
        UserError: if nothing listens there.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"ray_address: expected HOST:PORT or auto, got {address!r}")
    fix = "start a cluster with `ray start --head`, or leave out --ray-address for a Ray of this machine's own"
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except OSError as error:
        raise UserError(f"ray_address: nothing answers at {address} ({error}); {fix}") from error
    if address.startswith("ray://"):
        return  # Ray's client, which gives up by itself
    asked = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        subprocess.run(asked, timeout=_HEALTH_SECONDS, capture_output=True, check=False)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"ray_address: what listens at {address} does not speak as a Ray does; {fix}") from error
