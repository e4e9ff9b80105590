"""One training on several devices: rank 0 decides what is trained and writes it down, all ranks train it together.

Only rank 0 has the ledger, the searches, the progress and W&B. It tells the other ranks of each training before it runs
it, so that all of them walk the same plan. A training that cannot begin on one rank begins on none; one that breaks on
one rank after that would leave the others waiting for it, so it ends all of them. What is finished is in the ledger.
A signal to stop may reach any of them: all leave the training together, and rank 0 writes the tables.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from lit_idim.errors import UserError
from lit_idim.study.ranks import Ranks
from lit_idim.study.settings import StudySettings
from lit_idim.study.stop_signals import StoppedTogether, StopTogether
from lit_idim.study.training import Trainings
from lit_idim.study.training_request import TrainingOutcome, TrainingRequest


@contextlib.contextmanager
def joined(settings: StudySettings) -> Iterator["SharedTrainings | None"]:
    """The trainings of all launched processes, connected; None for a process that is alone.

    However the study ends on rank 0, the others are told, and wait until it has written what there is.

    Args:
        settings: of the study.

    Raises:
        UserError: if the processes cannot be connected, or differ.
    """
    ranks = Ranks.join(settings)
    if ranks is None:
        yield None
        return
    try:
        yield SharedTrainings(ranks)
    except (Exception, KeyboardInterrupt):
        if ranks.is_leader:
            with contextlib.suppress(RuntimeError):  # what led here is what the user has to know
                ranks.broadcast(None)
                ranks.leave()
        raise
    if ranks.is_leader:
        ranks.tell(None)
    ranks.leave()


class SharedTrainings(Trainings):
    """Trainings that all ranks run together; on rank 0 `run` tells the others, which `follow`.

    Args:
        ranks: that train together.
    """

    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self.ranks = ranks
        self.callbacks = (StopTogether(ranks.is_stop_asked),)

    def run(self, request: TrainingRequest) -> TrainingOutcome:
        """Trains on all ranks.

        Raises:
            KeyboardInterrupt: if all of them have left it, or not begun it, since a signal has reached one.
            UserError: as `Trainings.run`, and if the ranks do not agree.
        """
        with self.ranks.signals.noting():
            try:
                return self._run_together(request)
            except StoppedTogether as stop:
                raise KeyboardInterrupt from stop

    def _run_together(self, request: TrainingRequest) -> TrainingOutcome:
        if self.ranks.is_leader:
            if self.ranks.signals.is_noted:
                raise StoppedTogether  # the others have not been told of it
            self.ranks.tell(request)
        try:
            begun = self.begin(request)
            begun.training.data.require_shares(self.ranks.number)
        except Exception as error:
            self.ranks.meet(str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}", {})
            raise
        self.ranks.meet(None, begun.identity)
        try:
            outcome = self.complete(begun)
        except StoppedTogether:
            raise
        except Exception as error:
            self.ranks.end_all(error)
        return replace(outcome, device=f"{self.ranks.number} x {outcome.device}")

    def follow(self) -> None:
        """Trains what rank 0 tells, until it tells that nothing is left."""
        while (request := self.ranks.hear()) is not None:
            with contextlib.suppress(Exception, KeyboardInterrupt):  # nowhere begun, or left by all; rank 0 knows
                self.run(request)
