"""One training of a study: cheap to start, scored at any update, paused and continued without a trace."""

import time
from collections import OrderedDict
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning.pytorch import Callback

from lit_idim.data import GLUEDataModule
from lit_idim.data.tokenizer import load_tokenizer, tokenizer_fingerprint
from lit_idim.errors import UserError
from lit_idim.study.begun_training import (
    BegunTraining,
    Scores,
    dev_labels_of,
    identity_of,
    may_be_best,
    reason_of,
    stops_of,
)
from lit_idim.study.training_request import TrainingOutcome, TrainingRequest
from lit_idim.subspace import Subspace
from lit_idim.tasks import Task
from lit_idim.training import BaseModels, SubspaceClassifier, quiet_lightning
from lit_idim.training.base_models import BaseModel
from lit_idim.training.paused import PausedTraining
from lit_idim.training.segmented import SegmentedTraining

__all__ = ["TrainingOutcome", "TrainingRequest", "Trainings", "chance_score"]


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
    """

    def __init__(self, keep_data: int = 4) -> None:
        quiet_lightning()
        self.keep_data = keep_data
        self.callbacks: tuple[Callback, ...] = ()
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

    def begin(self, request: TrainingRequest) -> BegunTraining:
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
        identity = identity_of(request, checksums, num_updates)
        scores = Scores()
        if request.state is not None:
            paused = PausedTraining.from_bytes(request.state, identity=identity)
            training.restore(paused.numbers, paused.num_updates_done)
            scores = Scores(**paused.progress)
        return BegunTraining(
            request=request,
            started=started,
            training=training,
            scores=scores,
            checksums=checksums,
            identity=identity,
            stops=stops_of(request, training),
        )

    def complete(self, begun: BegunTraining) -> TrainingOutcome:
        """Makes the updates of a training that was begun."""
        request, training, scores = begun.request, begun.training, begun.scores
        classifier, data, settings = training.classifier, training.data, request.settings
        num_updates = training.num_updates
        labels = dev_labels_of(data)
        for stop in begun.stops:
            predictions = training.advance(stop)
            if training.broken_at is not None:
                break
            scores.add(stop, predictions, labels, task=data.task, may_be_best=may_be_best(request, training))
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
            reason=reason_of(training, settings.batch_size),
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
        in_subspace = request.method in ("did", "said")

        class Classifier(SubspaceClassifier):
            def _load_base(self, model: str, **arguments: Any) -> BaseModel:
                base, checksum = models.load(model, **arguments, is_frozen=in_subspace)
                checksums.append(checksum)
                return base

        settings, seeds = request.settings, request.seeds
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
