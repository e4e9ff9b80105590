"""A training in segments: each a Trainer's fit of one epoch, scored at its end."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from lightning.fabric.plugins.precision.precision import _PRECISION_INPUT
from lightning.pytorch import Callback

from lit_idim.data import GLUEDataModule
from lit_idim.training.classifier import SubspaceClassifier
from lit_idim.training.paused import restore_trained, trained_state
from lit_idim.training.segment import Segment
from lit_idim.training.segment_callbacks import DevPredictions, FiniteLossWatch
from lit_idim.training.trainer import build_trainer


class SegmentedTraining:
    """Trains a classifier from update to update; the numbers do not depend on where it stops in between.

    Args:
        classifier: not trained yet.
        data: its task's.
        num_updates: of the whole training.
        precision: of the forward and backward pass.
        callbacks: further ones of every segment; what they keep from segment to segment is theirs to keep. Of an
            update they are told its begin and its end.

    Attributes:
        num_done: updates made.
        broken_at: the first update whose loss is not finite, or after which the dev logits are not; None so far.
        device: that the last segment ran on.
        num_devices: that shared its updates.
    """

    def __init__(
        self,
        classifier: SubspaceClassifier,
        data: GLUEDataModule,
        *,
        num_updates: int,
        precision: _PRECISION_INPUT,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.classifier = classifier
        self.data = data
        self.num_updates = num_updates
        self.precision = precision
        self.callbacks = tuple(callbacks)
        self.num_done = 0
        self.broken_at: int | None = None
        self.device = ""
        self.num_devices = 1
        self._scaling: Mapping[str, Any] = {}
        self._updates_per_epoch = max(1, data.num_train_examples // data.batch_size)

    def epoch_ends(self) -> range:
        """Numbers of the updates that end an epoch."""
        return range(self._updates_per_epoch, self.num_updates + 1, self._updates_per_epoch)

    def advance(self, stop: int) -> npt.NDArray[Any]:
        """Trains on until `stop` updates are made; stops earlier, and sets `broken_at`, where it diverges.

        Returns:
            The predictions on the dev split, shape (n,), in dev order; without meaning if it has diverged.
        """
        segment = Segment(
            start=self.num_done,
            stop=stop,
            num_updates=self.num_updates,
            updates_per_epoch=self._updates_per_epoch,
        )
        watch, dev = FiniteLossWatch(), DevPredictions()
        trainer = build_trainer(
            max_epochs=1,
            max_steps=len(segment.updates),
            precision=self.precision,
            callbacks=[watch, dev, *self.callbacks],
            enable_progress_bar=False,
        )
        if self._scaling:
            trainer.precision_plugin.load_state_dict(dict(self._scaling))
        self.classifier.segment, self.data.updates = segment, segment.updates
        try:
            trainer.fit(self.classifier, datamodule=self.data)
        finally:
            self.data.updates = self.data.trainer = None
        self.num_done += trainer.global_step
        self.classifier.micro_batches.agree(trainer.strategy)
        self.broken_at = watch.first_broken if watch.first_broken or dev.is_finite else self.num_done
        self.device = str(trainer.strategy.root_device)
        self.num_devices = trainer.world_size
        self._scaling = trainer.precision_plugin.state_dict()
        return dev.predictions

    def state(self) -> dict[str, Any]:
        """What `restore` takes."""
        numbers = trained_state(self.classifier, self.num_updates, self._scaling)
        return numbers | {"num_parts": self.classifier.micro_batches.num_parts}

    def restore(self, numbers: Mapping[str, Any], num_done: int) -> None:
        """Goes on from the state that another training had after `num_done` updates."""
        restore_trained(self.classifier, numbers, self.num_updates)
        self._scaling = numbers["precision"]
        self.classifier.micro_batches.num_parts = numbers.get("num_parts", 1)
        self.num_done = num_done
