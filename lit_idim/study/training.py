"""One training of a study: cheap to start, scored at any update, paused and continued without a trace."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning.pytorch import Callback

from lit_idim.data import GLUEDataModule
from lit_idim.data.tokenizer import load_tokenizer, tokenizer_fingerprint
from lit_idim.errors import UserError
from lit_idim.study.outcomes import pack_predictions, score_predictions
from lit_idim.study.training_request import TrainingOutcome, TrainingRequest
from lit_idim.subspace import INITIALIZATION_VERSION, Subspace
from lit_idim.tasks import Task
from lit_idim.training import BaseModels, SubspaceClassifier, quiet_lightning
from lit_idim.training.base_models import BaseModel
from lit_idim.training.paused import PausedTraining
from lit_idim.training.segmented import SegmentedTraining

__all__ = ["TrainingOutcome", "TrainingRequest", "Trainings", "chance_score"]

_LARGEST_FLOAT16 = 65504.0


def chance_score(task: Task, labels: npt.NDArray[Any]) -> float:
    """Score of the constant prediction of the majority class of labels (n,); 0 for correlations and Matthews.

    For F1 it is that of class 1 everywhere, the best constant prediction.

    Example:
        >>> from lit_idim.tasks import get_task
        >>> chance_score(get_task("rte"), np.array([0, 1, 1, 1]))
        0.75
    """
    if task.headline_metric == "f1":
        share = float(np.mean(labels == 1))
        return 2 * share / (1 + share)
    if task.headline_metric != "accuracy":
        return 0.0
    return float(np.bincount(labels).max() / len(labels))


class Trainings:
    """Runs trainings one after the other and keeps what they share: the checkpoint in memory, the tokenised data.

    Nothing that is kept changes a number: a training comes out as it would in a process of its own.

    Args:
        keep_data: tokenised tasks kept in memory, the last ones used.

    Attributes:
        callbacks: of every training; none that changes a number.
        any_device: tells whether a flag is set on any device; None asks the Trainer.
    """

    def __init__(self, keep_data: int = 4) -> None:
        quiet_lightning()
        self.keep_data = keep_data
        self.callbacks: tuple[Callback, ...] = ()
        self.any_device: Callable[[bool], bool] | None = None
        self._models = BaseModels()
        self._tokenizers: dict[str, tuple[str, str]] = {}
        self._data: OrderedDict[tuple[Any, ...], GLUEDataModule] = OrderedDict()

    def data(self, request: TrainingRequest) -> GLUEDataModule:
        """The data of a request, in its order.

        Raises:
            UserError: if they cannot be found, or train or dev labels are not published.
        """
        settings = request.settings
        is_subset = settings.max_train_examples is not None or settings.max_dev_examples is not None
        arguments: dict[str, Any] = {
            "task": request.task,
            "data_dir": request.data_dir,
            "batch_size": settings.batch_size,
            "max_length": settings.max_length,
            "max_train_examples": settings.max_train_examples,
            "max_dev_examples": settings.max_dev_examples,
            "subset_seed": request.seeds["subset"] if is_subset else 0,
        }
        tokenizer = request.location.tokenizer or request.location.model
        key = (*arguments.values(), *self._tell_tokenizer(tokenizer))
        if key not in self._data:
            data = GLUEDataModule(tokenizer=tokenizer, **arguments)
            for split in ("train", "dev"):
                if not data.dataset(split).is_labelled:
                    raise UserError(
                        f"task {request.task!r}: its {split} split holds no labels, and a training needs them"
                    )
            while len(self._data) >= self.keep_data:
                self._data.popitem(last=False)
            self._data[key] = data
        self._data.move_to_end(key)
        self._data[key].order_seed = request.seeds["order"]
        return self._data[key]

    def run(self, request: TrainingRequest) -> TrainingOutcome:
        """Trains until the end, the pause, or the first NaN.

        Raises:
            UserError: if the request cannot be run: names, sizes, missing labels, a state of another training.
        """
        return self.complete(self.begin(request))

    def begin(self, request: TrainingRequest) -> "BegunTraining":
        """Everything of a training before its first update: what can be wrong with a request shows here.

        Raises:
            UserError: as `run`.
        """
        started = time.perf_counter()
        data = self.data(request)
        classifier, weights_checksum = self.classifier(request)
        checksums = {"weights": weights_checksum, "train": data.checksums["train"], "dev": data.checksums["dev"]}
        if isinstance(classifier.network, Subspace):
            checksums["projection"] = classifier.network.projection.checksum()
        settings = request.settings
        num_updates = settings.updates(data.num_train_examples)
        training = SegmentedTraining(
            classifier, data, num_updates=num_updates, precision=settings.precision, callbacks=self.callbacks
        )
        classifier.micro_batches.any_device = self.any_device
        identity = _identity(request, checksums, num_updates)
        scores = _Scores()
        if request.state is not None:
            paused = PausedTraining.from_bytes(request.state, identity=identity)
            training.restore(paused.numbers, paused.num_updates_done)
            scores = _Scores(**paused.progress)
        return BegunTraining(
            request=request,
            started=started,
            training=training,
            scores=scores,
            checksums=checksums,
            identity=identity,
            stops=_stops(request, training),
        )

    def complete(self, begun: "BegunTraining") -> TrainingOutcome:
        """Makes the updates of a training that was begun."""
        request, training, scores = begun.request, begun.training, begun.scores
        classifier, data, settings = training.classifier, training.data, request.settings
        num_updates = training.num_updates
        labels = _dev_labels(data)
        for stop in begun.stops:
            predictions = training.advance(stop)
            if training.broken_at is not None:
                break
            scores.add(stop, predictions, labels, task=data.task, may_be_best=_may_be_best(request, training))
        is_diverged = training.broken_at is not None
        is_paused = not is_diverged and training.num_done < num_updates
        is_finished = not is_diverged and not is_paused
        state = None
        if is_paused:
            state = PausedTraining(
                identity=begun.identity,
                num_updates_done=training.num_done,
                numbers=training.state(),
                progress=asdict(scores),
            ).to_bytes()
        return TrainingOutcome(
            status="diverged" if is_diverged else "paused" if is_paused else "finished",
            reason=_reason(training, settings.batch_size),
            score=scores.best if is_finished else None,
            metric=data.task.headline_metric,
            chance_score=chance_score(data.task, labels),
            evaluations=tuple((update, score) for update, score in scores.evaluations),
            num_parameters=classifier.layout.D,
            num_updates=num_updates,
            num_updates_done=training.num_done,
            num_examples=training.num_done * min(settings.batch_size, data.num_train_examples),
            num_train_examples=data.num_train_examples,
            num_dev_examples=data.num_dev_examples,
            seconds=time.perf_counter() - begun.started,
            checksums=begun.checksums,
            outcomes=scores.outcomes if is_finished else None,
            state=state,
            device=training.device,
        )

    def identify(self, request: TrainingRequest, *, weights: str | None) -> dict[str, str]:
        """Checksums of what a request starts from: `weights` of the checkpoint, `tokenizer`.

        Args:
            request: names the checkpoint.
            weights: their checksum where the series states it; they are loaded and hashed otherwise.

        Raises:
            UserError: if the checkpoint cannot be loaded.
        """
        tokenizer, _ = self._tell_tokenizer(request.location.tokenizer or request.location.model)
        return {"weights": weights or self.classifier(request)[1], "tokenizer": tokenizer}

    def _tell_tokenizer(self, name: str) -> tuple[str, str]:
        """What decides the batches that a tokenizer makes: the checkpoints of a series hold one and the same."""
        if name not in self._tokenizers:
            tokenizer = load_tokenizer(name)
            self._tokenizers[name] = tokenizer_fingerprint(tokenizer), tokenizer.padding_side
        return self._tokenizers[name]

    def classifier(self, request: TrainingRequest) -> tuple[SubspaceClassifier, str]:
        """A classifier of its own at theta_0, and the checksum of its encoder.

        Raises:
            UserError: if the checkpoint cannot be loaded, or names and sizes do not fit.
        """
        models, checksums = self._models, []

        class Classifier(SubspaceClassifier):
            def _load_base(self, model: str, **arguments: Any) -> BaseModel:
                base, checksum = models.load(model, **arguments)
                checksums.append(checksum)
                return base

        settings, seeds = request.settings, request.seeds
        in_subspace = request.method in ("did", "said")
        classifier = Classifier(
            model=request.location.model,
            revision=request.location.revision,
            task=request.task,
            method=request.method,
            d=request.d,
            projection=request.projection,
            projection_seed=seeds["projection"],
            head_seed=seeds["head"],
            dropout_seed=seeds["dropout"],
            random_weights=request.random_weights,
            learning_rate=request.learning_rate,
            lambda_learning_rate=settings.lambda_learning_rate if request.method == "said" else None,
            optimizer=settings.optimizer,
            weight_decay=None if in_subspace else settings.weight_decay,
            warmup_fraction=settings.warmup_fraction,
        )
        return classifier, checksums[0]


@dataclass(kw_only=True)
class _Scores:
    """Dev scores so far, and the predictions behind the one that counts."""

    evaluations: list[tuple[int, float]] = field(default_factory=list)
    best: float | None = None
    outcomes: bytes | None = None

    def add(
        self, update: int, predictions: npt.NDArray[Any], labels: npt.NDArray[Any], *, task: Task, may_be_best: bool
    ) -> None:
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
    scores: _Scores
    checksums: dict[str, str]
    identity: dict[str, Any]
    stops: list[int]


def _may_be_best(request: TrainingRequest, training: SegmentedTraining) -> bool:
    """Whether the present update is one whose score the settings ask for, rather than the request alone."""
    is_last = training.num_done == training.num_updates
    return is_last or (request.settings.score == "best_epoch" and training.num_done in training.epoch_ends())


def _stops(request: TrainingRequest, training: SegmentedTraining) -> list[int]:
    """The updates after which the dev split is scored, ascending; the last one ends this run."""
    done, last = training.num_done, training.num_updates
    if request.stop_after is not None:
        if request.stop_after <= done:
            raise UserError(f"stop_after: {done} updates are made already, got {request.stop_after}; pass a larger one")
        last = min(last, request.stop_after)
    epoch_ends = training.epoch_ends() if request.settings.score == "best_epoch" else ()
    return sorted({last, *(update for update in (*request.evaluate_at, *epoch_ends) if done < update < last)})


def _identity(request: TrainingRequest, checksums: dict[str, str], num_updates: int) -> dict[str, Any]:
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


def _reason(training: SegmentedTraining, batch_size: int) -> str | None:
    """Where it diverged, and whether memory held its batches in parts only."""
    reasons = []
    if training.broken_at is not None:
        reasons.append(f"loss or logits not finite at update {training.broken_at}")
    micro_batches = training.classifier.micro_batches
    if micro_batches.num_parts > 1:
        reasons.append(micro_batches.describe(min(batch_size, training.data.num_train_examples)))
    return "; ".join(reasons) or None


def _dev_labels(data: GLUEDataModule) -> npt.NDArray[Any]:
    labels = data.dataset("dev").labels
    assert labels is not None
    array: npt.NDArray[Any] = labels.numpy()
    return array
