"""A training that was begun: where it stops to be scored, the scores so far, and what it is known by."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lit_idim.data import GLUEDataModule
from lit_idim.errors import UserError
from lit_idim.study.outcomes import pack_predictions, score_predictions
from lit_idim.study.training_request import TrainingRequest
from lit_idim.subspace import INITIALIZATION_VERSION
from lit_idim.tasks import Task
from lit_idim.training.segmented import SegmentedTraining

_LARGEST_FLOAT16 = 65504.0


@dataclass(kw_only=True)
class Scores:
    """Dev scores so far, and the predictions behind the one that counts.

    Attributes:
        evaluations: (update, score) of every evaluation, ascending.
        best: the score that counts; None before there is one.
        outcomes: the predictions behind it, packed.
    """

    evaluations: list[tuple[int, float]] = field(default_factory=list)
    best: float | None = None
    outcomes: bytes | None = None

    def add(
        self, update: int, predictions: npt.NDArray[Any], labels: npt.NDArray[Any], *, task: Task, may_be_best: bool
    ) -> None:
        """Scores the predictions (n,) after an update against the labels (n,)."""
        score = score_predictions(task, predictions, labels)
        self.evaluations.append((update, score))
        if may_be_best and (self.best is None or score > self.best):
            self.best = score
            # An exploding regression is a bad score, not an error: it is kept as far as float16 goes.
            kept = np.clip(predictions, -_LARGEST_FLOAT16, _LARGEST_FLOAT16) if task.is_regression else predictions
            self.outcomes = pack_predictions(kept, num_labels=task.num_labels)


@dataclass(frozen=True, kw_only=True)
class BegunTraining:
    """A training before its first update, or before it goes on.

    Attributes:
        request: what to train.
        started: when it was begun, in seconds of `time.perf_counter`.
        training: at theta_0, or where it was paused.
        scores: so far.
        checksums: of weights, data and P.
        identity: what a paused state must agree with.
        stops: updates after which the dev split is scored, ascending; the last one ends this run.
    """

    request: TrainingRequest
    started: float
    training: SegmentedTraining
    scores: Scores
    checksums: dict[str, str]
    identity: dict[str, Any]
    stops: list[int]


def may_be_best(request: TrainingRequest, training: SegmentedTraining) -> bool:
    """Whether the present update is one whose score the settings ask for, rather than the request alone."""
    is_last = training.num_done == training.num_updates
    return is_last or (request.settings.score == "best_epoch" and training.num_done in training.epoch_ends())


def stops_of(request: TrainingRequest, training: SegmentedTraining) -> list[int]:
    """The updates after which the dev split is scored, ascending; the last one ends this run.

    Raises:
        UserError: if the request asks to stop where the training is already.
    """
    done, last = training.num_done, training.num_updates
    if request.stop_after is not None:
        if request.stop_after <= done:
            raise UserError(f"stop_after: {done} updates are made already, got {request.stop_after}; pass a larger one")
        last = min(last, request.stop_after)
    epoch_ends = training.epoch_ends() if request.settings.score == "best_epoch" else ()
    return sorted({last, *(update for update in (*request.evaluate_at, *epoch_ends) if done < update < last)})


def identity_of(request: TrainingRequest, checksums: dict[str, str], num_updates: int) -> dict[str, Any]:
    """Plain values that decide a training's numbers."""
    return {
        "task": request.task,
        "method": request.method,
        "d": request.d,
        "projection": request.projection,
        "learning_rate": request.learning_rate,
        "random_weights": request.random_weights,
        "num_updates": num_updates,
        "initialization_version": INITIALIZATION_VERSION,
        **{f"{name}_seed": seed for name, seed in sorted(request.seeds.items()) if name != "subset"},
        **{f"{name}_checksum": checksum for name, checksum in checksums.items()},
        **{f"training.{name}": value for name, value in asdict(request.settings).items()},
    }


def reason_of(training: SegmentedTraining, batch_size: int) -> str | None:
    """Where it diverged, and whether memory held its batches in parts only."""
    reasons = []
    if training.broken_at is not None:
        reasons.append(f"loss or logits not finite at update {training.broken_at}")
    micro_batches = training.classifier.micro_batches
    if micro_batches.num_parts > 1:
        reasons.append(micro_batches.describe(min(batch_size, training.data.num_train_examples), training.num_devices))
    return "; ".join(reasons) or None


def dev_labels_of(data: GLUEDataModule) -> npt.NDArray[Any]:
    """Classes or scores, shape (n,), of the dev split, which holds them."""
    labels = data.dataset("dev").labels
    assert labels is not None
    array: npt.NDArray[Any] = labels.numpy()
    return array
