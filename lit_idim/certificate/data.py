"""A task's data with a part of the train split set aside, and the errors of a classifier on any part."""

from typing import Any

import numpy as np
import torch

from lit_idim.data import Examples, GLUEDataModule
from lit_idim.data.holdout import PHRASE_TASKS, Holdout, split_holdout
from lit_idim.errors import UserError
from lit_idim.training import SubspaceClassifier, build_trainer

SAMPLE, HELD_OUT = "sample", "held_out"


class HeldOutDataModule(GLUEDataModule):
    """A `GLUEDataModule` that trains on a part of the train split, beside splits `sample` and `held_out` to score.

    `sample` are the examples that were trained on, `held_out` the others; of a task whose train examples are phrases of
    one another both hold whole sentences alone, no one of which depends on another.

    Args:
        holdout_fraction: of the train examples after `max_train_examples`, or of their groups.
        holdout_seed: names the draw.
        arguments: of `GLUEDataModule`.

    Raises:
        UserError: if a part of a train set of phrases is asked for.
    """

    def __init__(self, *, holdout_fraction: float, holdout_seed: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        if self.task.name in PHRASE_TASKS and self.max_train_examples is not None:
            raise UserError(
                f"max_train_examples: train examples of {self.task.name} are phrases of one another, and among some of "
                f"them whole sentences cannot be told; leave out {self.max_train_examples}"
            )
        self.holdout_fraction = holdout_fraction
        self.holdout_seed = holdout_seed
        self._parts: tuple[Examples, Holdout] | None = None

    @property
    def holdout(self) -> Holdout:
        """Which train examples are which."""
        return self._whole_train()[1]

    def examples(self, split_name: str) -> Examples:
        if split_name not in ("train", SAMPLE, HELD_OUT):
            return super().examples(split_name)
        whole, holdout = self._whole_train()
        places = {"train": holdout.sample, SAMPLE: holdout.sample_wholes, HELD_OUT: holdout.held_out_wholes}
        return whole.take(places[split_name])

    def _whole_train(self) -> tuple[Examples, Holdout]:
        if self._parts is None:
            whole = super().examples("train")
            holdout = split_holdout(
                whole,
                fraction=self.holdout_fraction,
                seed=self.holdout_seed,
                grouped=self.task.name in PHRASE_TASKS,
            )
            self._parts = whole, holdout
        return self._parts


def class_labels(data: GLUEDataModule, split_name: str) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Labels of a split in its order, shape (n,).

    Raises:
        UserError: if they are not published.
    """
    labels = data.dataset(split_name).labels
    if labels is None:
        raise UserError(
            f"task {data.task.name!r}: its {split_name} split holds no labels, and a certificate needs them"
        )
    return labels.numpy()


def classification_error(
    classifier: SubspaceClassifier, data: GLUEDataModule, split_name: str, precision: Any
) -> float:
    """Share of a split's examples that a classifier gives another class than their label.

    Args:
        classifier: as it is to be evaluated.
        data: its task's.
        split_name: `sample`, `held_out` or `dev`.
        precision: of the forward pass.

    Raises:
        UserError: if the logits are not finite, or there are several devices.
    """
    trainer = build_trainer(precision=precision, enable_progress_bar=False)
    if trainer.world_size > 1:
        raise UserError(f"devices: a certificate is computed on one device, got {trainer.world_size}; pass --devices 1")
    asked, data.predict_split = data.predict_split, split_name
    try:
        batches: Any = trainer.predict(classifier, datamodule=data)
    finally:
        data.predict_split, data.trainer = asked, None
    index, predictions = (torch.cat([batch[name] for batch in batches]).cpu() for name in ("index", "predictions"))
    # Positions in the split ascend, and so do the labels' places.
    ordered = predictions[index.argsort()].numpy()
    return float(np.mean(ordered != class_labels(data, split_name)))
