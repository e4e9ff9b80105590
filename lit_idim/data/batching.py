"""Which examples make a batch, and which device gets which.

Examples of similar length share a batch, because a batch is padded to its longest example. Everything is a pure
function of lengths and seeds: no global random state, and the same batches on every machine.

Shapes: n examples, r = `world_size` devices (ranks).
"""

import math
from collections.abc import Iterator
from itertools import count, islice

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from lit_idim.errors import UserError
from lit_idim.randomness import keyed_permutation

Indices = npt.NDArray[np.int64]
_BATCHES_PER_BUCKET_POOL = 50


def training_batches(lengths: Indices, batch_size: int, seed: int, epoch: int) -> list[Indices]:
    """The global batches of one epoch, in order, each of positions of shape (batch_size,).

    A random order of the examples is cut into pools of 50 batches; within a pool examples are sorted by length and cut
    into batches; then the order of all batches is random. The last n mod batch_size examples of the random order sit
    the epoch out; with fewer than batch_size examples, one batch holds all.

    Args:
        lengths: Number of tokens of each example, shape (n,).
        batch_size: Examples in a batch over all devices.
        seed: Seed of the order.
        epoch: Number of the epoch, from 0.

    Example:
        >>> batches = training_batches(np.array([5, 3, 9, 4, 8]), batch_size=2, seed=0, epoch=0)
        >>> [len(batch) for batch in batches]
        [2, 2]
    """
    order = keyed_permutation(seed, f"data.order/epoch {epoch}", len(lengths))
    if len(order) < batch_size:
        return [order]
    num_batches = len(order) // batch_size
    batches: list[Indices] = []
    for pool in _chunks(order[: num_batches * batch_size], batch_size * _BATCHES_PER_BUCKET_POOL):
        batches += _chunks(pool[np.argsort(lengths[pool], kind="stable")], batch_size)
    return [batches[i] for i in keyed_permutation(seed, f"data.batch_order/epoch {epoch}", num_batches)]


def evaluation_batches(lengths: Indices, batch_size: int, world_size: int = 1) -> list[Indices]:
    """Batches that hold every example exactly once, the longest examples first.

    Their number is a multiple of the number of devices, so that all take equally many steps (a device that takes one
    more would wait for the others for ever), and batches are made smaller where that is needed. Two exceptions: with
    fewer examples than devices there is one batch an example; and with batch_size 1 some batches may hold two.

    Args:
        lengths: Number of tokens of each example, shape (n,).
        batch_size: Most examples in a batch of one device.
        world_size: Number of devices.

    Example:
        >>> [batch.tolist() for batch in evaluation_batches(np.array([5, 3, 9, 4, 8]), batch_size=4, world_size=2)]
        [[2, 4, 0], [3, 1]]
    """
    num_examples = len(lengths)
    if num_examples == 0:
        return []
    rounds = math.ceil(num_examples / (batch_size * world_size))
    most_rounds = num_examples // world_size
    num_batches = min(rounds, most_rounds) * world_size if most_rounds else num_examples
    return np.array_split(np.argsort(-lengths, kind="stable"), num_batches)


class TrainingBatchSampler(Sampler[list[int]]):
    """One device's rows of the global training batches: rank k of r takes rows k, k + r, k + 2r, ...

    The rows of all ranks together are the batch that a single device would see. Lightning calls `set_epoch`.

    Args:
        lengths: Number of tokens of each example, shape (n,).
        batch_size: Examples in a batch over all devices.
        seed: Seed of the order.
        world_size: Number of devices.
        rank: Number of this device.

    Raises:
        UserError: if the devices cannot share a batch evenly, which would weight examples unequally.
    """

    def __init__(self, lengths: Indices, batch_size: int, seed: int, world_size: int = 1, rank: int = 0) -> None:
        if batch_size % world_size:
            raise UserError(
                f"batch_size: it counts the examples over all devices, so that {world_size} devices must divide it; "
                f"got {batch_size}"
            )
        if len(lengths) < batch_size and len(lengths) % world_size:
            raise UserError(
                f"batch_size: {len(lengths)} training examples make one batch smaller than {batch_size}, which "
                f"{world_size} devices cannot share evenly; use one device, or more training examples"
            )
        self._lengths, self._batch_size, self._seed = lengths, batch_size, seed
        self._world_size, self._rank = world_size, rank
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration follows."""
        self._epoch = epoch

    def __len__(self) -> int:
        return max(1, len(self._lengths) // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in training_batches(self._lengths, self._batch_size, self._seed, self._epoch):
            yield batch[self._rank :: self._world_size].tolist()


class UpdatesBatchSampler(TrainingBatchSampler):
    """The batches of any run of updates, through all the epochs that they touch, in the order of the whole training.

    Args:
        updates: Numbers of the updates, from 0, without gaps.
        lengths, batch_size, seed, world_size, rank: As of `TrainingBatchSampler`.

    Example:
        >>> lengths = np.array([5, 3, 9, 4, 8])
        >>> whole = list(UpdatesBatchSampler(range(6), lengths, batch_size=2, seed=0))
        >>> list(UpdatesBatchSampler(range(3, 6), lengths, batch_size=2, seed=0)) == whole[3:]
        True
    """

    def __init__(
        self, updates: range, lengths: Indices, batch_size: int, seed: int, world_size: int = 1, rank: int = 0
    ) -> None:
        super().__init__(lengths, batch_size, seed, world_size, rank)
        self._updates = updates

    def set_epoch(self, epoch: int) -> None:
        """Does nothing: the updates tell their epochs."""

    def __len__(self) -> int:
        return len(self._updates)

    def __iter__(self) -> Iterator[list[int]]:
        per_epoch = super().__len__()
        first, skipped = divmod(self._updates.start, per_epoch)
        left = len(self._updates)
        for epoch in count(first):
            super().set_epoch(epoch)
            batches = list(islice(super().__iter__(), skipped, skipped + left))
            yield from batches
            left -= len(batches)
            skipped = 0
            if left == 0:
                return


class EvaluationBatchSampler(Sampler[list[int]]):
    """One device's share of the evaluation batches, dealt in turn: every example is on exactly one device, once.

    Args:
        lengths: Number of tokens of each example, shape (n,).
        batch_size: Most examples in a batch of one device.
        world_size: Number of devices.
        rank: Number of this device.
    """

    def __init__(self, lengths: Indices, batch_size: int, world_size: int = 1, rank: int = 0) -> None:
        self._batches = evaluation_batches(lengths, batch_size, world_size)[rank::world_size]

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            yield batch.tolist()


def _chunks(positions: Indices, size: int) -> list[Indices]:
    return [positions[start : start + size] for start in range(0, len(positions), size)]
