"""A piece of a training: what lets it stop at any update, be scored there, and go on as if it had not stopped."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The updates [start, stop) of a training, run as one epoch of a Trainer.

    Order of examples, dropout and learning rate follow the update's place in the whole training, so that it does not
    matter where a training is cut.

    Attributes:
        start: updates made before.
        stop: updates made after.
        num_updates: of the whole training, over which the learning rates rise and fall.
        updates_per_epoch: batches of one pass over the training examples.

    Example:
        >>> Segment(start=5, stop=9, num_updates=20, updates_per_epoch=4).place(2)
        (1, 3)
    """

    start: int
    stop: int
    num_updates: int
    updates_per_epoch: int

    @property
    def updates(self) -> range:
        """The numbers of the updates, from 0."""
        return range(self.start, self.stop)

    def place(self, batch_index: int) -> tuple[int, int]:
        """Epoch and batch within it, both from 0, of the segment's batch `batch_index`."""
        return divmod(self.start + batch_index, self.updates_per_epoch)
