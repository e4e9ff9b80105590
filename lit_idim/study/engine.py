"""What runs trainings elsewhere for a driver, many at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lit_idim.study.training_request import TrainingOutcome, TrainingRequest


@dataclass(frozen=True, kw_only=True)
class EndedTraining:
    """A training that was handed to an engine and has come back; one of `outcome` and `error` is None.

    Attributes:
        key: it was handed over with.
        outcome: what came out.
        error: why nothing did: what the training itself raised. What befalls a worker is the engine's own affair, which
            runs the training again.
    """

    key: str
    outcome: TrainingOutcome | None = None
    error: Exception | None = None


class Engine(Protocol):
    """Runs trainings; it neither decides what is trained nor writes it down."""

    def num_free(self) -> int:
        """How many trainings it would begin at once now; may grow and shrink."""

    def submit(self, key: str, request: TrainingRequest) -> None:
        """Hands a training over.

        Args:
            key: of the training, none that is on its way.
            request: what to train.
        """

    def wait(self, seconds: float) -> Sequence[EndedTraining]:
        """Waits until a training ends, so many seconds at most, and gives back all that have."""
