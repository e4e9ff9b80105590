"""The processes that a launcher has started for one study, and what they tell one another.

Only rank 0 has the ledger, the searches, the progress and W&B. What breaks the connection ends a process at once, since
the others are ended by it: what is finished is in the ledger.
"""

import contextlib
import os
import socket
import sys
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn

import torch
from lightning.pytorch.strategies import ParallelStrategy

from lit_idim.errors import UserError
from lit_idim.study.preparation import library_versions
from lit_idim.study.provenance import plain
from lit_idim.study.rendezvous import meet_others
from lit_idim.study.settings import StudySettings
from lit_idim.study.stop_signals import StoppedTogether, StopSignals
from lit_idim.study.training_request import TrainingRequest
from lit_idim.training import build_trainer, quiet_lightning
from lit_idim.training.distributed import num_launched_processes, shut_down_process_group

BROKEN_EXIT_CODE = 1
_PATIENCE = timedelta(days=365)  # rank 0 may wait for other drivers on its ledger


def require_shares(settings: StudySettings, number: int) -> None:
    """Refuses batches that cannot be dealt out.

    Args:
        settings: of the study.
        number: of devices that train together.

    Raises:
        UserError: names the task.
    """
    for task in settings.task_names:
        batch_size = settings.training_of(task).batch_size
        if batch_size % number:
            raise UserError(
                f"training.batch_size: it counts the examples over all devices, so that {number} devices must "
                f"divide it; got {batch_size} for {task}"
            )


class Ranks:
    """The processes that a launcher has started for one study.

    Made by `join`, on every rank alike.

    Attributes:
        rank: of this process.
        number: of processes.
        signals: to stop, that have reached this process.
    """

    def __init__(self, rank: int, number: int) -> None:
        self.rank, self.number = rank, number
        self.signals = StopSignals(interrupts=self.is_leader)
        # Beside the devices' own group: what is said here are Python objects, and waiting may take long.
        self._group: Any = torch.distributed.new_group(backend="gloo", timeout=_PATIENCE)

    @classmethod
    def join(cls, settings: StudySettings) -> "Ranks | None":
        """Connects the launched processes; None for a process that is alone.

        Raises:
            UserError: if they cannot be connected, or run another study or other versions than rank 0.
        """
        quiet_lightning()
        number, variable = num_launched_processes()
        if number == 1:
            build_trainer(precision=settings.training.precision)  # refuses devices that are not there
            return None
        own_number = {"WORLD_SIZE": "RANK"}.get(variable, "SLURM_PROCID")
        if own_number not in os.environ:
            raise UserError(
                f"{variable}={number}: no launcher has started {number} processes, for {own_number} is not set. Start "
                f"the study with `lightning run --devices {number} --strategy ddp`, or unset {variable}"
            )
        require_shares(settings, number)
        trainer = build_trainer(precision=settings.training.precision)
        assert isinstance(trainer.strategy, ParallelStrategy)
        meet_others(trainer.strategy)
        trainer.strategy.setup_environment()
        ranks = cls(trainer.global_rank, trainer.world_size)
        try:
            ranks._require_agreement(plain(settings), library_versions())
        except UserError:  # on all ranks alike
            with contextlib.suppress(RuntimeError):  # of the connection; what differs is what the user has to know
                ranks.leave()
            raise
        return ranks

    @property
    def is_leader(self) -> bool:
        """Whether this process decides and writes."""
        return self.rank == 0

    def tell(self, request: TrainingRequest | None) -> None:
        """Tells the other ranks what to train next; None that nothing is left."""
        try:
            self.broadcast(request)
        except RuntimeError as error:  # of the connection: another rank has died
            self.end_all(error)

    def hear(self) -> TrainingRequest | None:
        """Waits for what rank 0 tells."""
        try:
            return self.broadcast(None)
        except RuntimeError as error:
            self.end_all(error)

    def broadcast(self, request: TrainingRequest | None) -> TrainingRequest | None:
        """What rank 0 has; the request of other ranks is passed over.

        Raises:
            RuntimeError: if the connection is broken.
        """
        told: list[Any] = [request]
        torch.distributed.broadcast_object_list(told, src=0, group=self._group)
        heard: TrainingRequest | None = told[0]
        return heard

    def is_stop_asked(self) -> bool:
        """Whether a signal to stop has reached any rank; all of them ask together."""
        asked = torch.tensor(int(self.signals.is_noted))
        try:
            torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX, group=self._group)
        except RuntimeError as error:
            self.end_all(error)
        return bool(asked)

    def meet(self, trouble: str | None, facts: Mapping[str, Any]) -> None:
        """Waits until all ranks are ready for a training.

        Args:
            trouble: why this one is not; None if it is.
            facts: what they must agree in: checksums of data and weights among them.

        Raises:
            StoppedTogether: if a signal to stop has reached any rank.
            UserError: if another rank is not ready, and this one is, or if they do not agree.
        """
        if self.is_stop_asked():
            raise StoppedTogether
        try:
            told = self._gather((None if trouble is None else f"{self._name}: {trouble}", self._name, dict(facts)))
        except RuntimeError as error:
            self.end_all(error)
        others = [one for one, _, _ in told if one is not None]
        if trouble is not None:
            return
        if others:
            raise UserError("; ".join(others))
        expected = told[0][2]
        for _, name, there in told:
            if differing := [key for key in expected if there.get(key) != expected[key]]:
                raise UserError(
                    f"{name} has another {', '.join(differing)} than rank 0: all need the same checkpoints and data"
                )

    def end_all(self, error: BaseException) -> NoReturn:
        """Ends this process at once, upon which the launcher ends the others."""
        traceback.print_exception(error)
        print(
            f"{self._name}: {type(error).__name__}: {error}\nAll ranks end. Every finished training is in the ledger; "
            "the same command goes on where it was",
            file=sys.stderr,
            flush=True,
        )
        sys.stdout.flush()
        os._exit(BROKEN_EXIT_CODE)  # an orderly end would wait for the others, and they for this one

    def leave(self) -> None:
        """Ends the connection; all ranks meet first, those that wait for rank 0's figures as long as it takes."""
        torch.distributed.barrier(group=self._group)
        shut_down_process_group()

    @property
    def _name(self) -> str:
        return f"rank {self.rank} of {self.number} on {socket.gethostname()}"

    def _gather(self, mine: Any) -> list[Any]:
        all_of_them: list[Any] = [None] * self.number
        torch.distributed.all_gather_object(all_of_them, mine, group=self._group)
        return all_of_them

    def _require_agreement(self, settings: dict[str, Any], versions: dict[str, str]) -> None:
        all_of_them = self._gather((self._name, settings, versions))
        _, settings_of_leader, versions_of_leader = all_of_them[0]
        for name, settings_there, versions_there in all_of_them[1:]:
            for kind, ours, theirs in (
                ("setting", settings_of_leader, settings_there),
                ("version of", versions_of_leader, versions_there),
            ):
                differing = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
                if differing:
                    key = min(differing)
                    raise UserError(
                        f"{name} has another {kind} {key} than rank 0: {theirs.get(key)} instead of {ours.get(key)}; "
                        "start all ranks with one command and one installation"
                    )
