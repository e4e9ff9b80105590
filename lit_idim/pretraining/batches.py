"""The batches of a pretraining: a pure function of (packed text, seed, step), so that a run resumes at any step.

Shapes: B sequences of T tokens, K masked positions.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from lit_idim.errors import UserError
from lit_idim.pretraining.masking import Ids, Vocabulary, mask_tokens
from lit_idim.pretraining.packing import Tokens
from lit_idim.randomness import keyed_permutation

ENOUGH_TO_COUNT = 100_000
_HELD_OUT_STEP = -1


@dataclass(frozen=True, kw_only=True)
class MaskedBatch:
    """Masked sequences and what was masked.

    Attributes:
        input_ids: int64, shape (B, T).
        attention_mask: int64, shape (B, T), 0 at padding; None without padding.
        positions: int64, shape (K,): masked places in the flattened ids.
        targets: int64, shape (K,): the tokens that stood there.
        num_tokens: tokens of the batch without padding.
    """

    input_ids: Tensor
    attention_mask: Tensor | None
    positions: Tensor
    targets: Tensor
    num_tokens: int

    def to(self, device: torch.device, non_blocking: bool = False) -> "MaskedBatch":
        """The batch on a device (Lightning's protocol); pinned memory is copied in the background."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=non_blocking or tensor.is_pinned())

        mask = None if self.attention_mask is None else moved(self.attention_mask)
        return MaskedBatch(
            input_ids=moved(self.input_ids),
            attention_mask=mask,
            positions=moved(self.positions),
            targets=moved(self.targets),
            num_tokens=self.num_tokens,
        )

    def pin_memory(self) -> "MaskedBatch":
        """The batch in page-locked memory (the data loader's protocol)."""
        mask = None if self.attention_mask is None else self.attention_mask.pin_memory()
        return MaskedBatch(
            input_ids=self.input_ids.pin_memory(),
            attention_mask=mask,
            positions=self.positions.pin_memory(),
            targets=self.targets.pin_memory(),
            num_tokens=self.num_tokens,
        )


class PackedText:
    """Packed sequences, split into those to train on and those held out, in the order of a seed.

    Args:
        tokens: packed sequences, shape (num_sequences, T).
        vocabulary: of the tokenizer.
        num_held_out: sequences to hold out.
        seed: seed of order and masking.

    Raises:
        UserError: if nothing is left to train on.
    """

    def __init__(self, tokens: Tokens, vocabulary: Vocabulary, *, num_held_out: int, seed: int) -> None:
        if num_held_out >= len(tokens):
            raise UserError(
                f"corpus: its {len(tokens)} sequences of {tokens.shape[1]} tokens leave none to train on beside "
                f"{num_held_out} held-out ones; pass more text or lower num_held_out_sequences"
            )
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.seed = seed
        order = keyed_permutation(seed, "pretraining/held_out", len(tokens))
        self.held_out, self.trained = order[:num_held_out], np.sort(order[num_held_out:])

    def checksum(self) -> str:
        """16 hexadecimal digits of the number of sequences and the tokens of 100,000 or more of them."""
        some = self.tokens[:: max(1, len(self.tokens) // ENOUGH_TO_COUNT)]
        return hashlib.sha256(f"{self.tokens.shape}".encode() + some.tobytes()).hexdigest()[:16]

    def mean_tokens(self) -> float:
        """Tokens without padding of a trained sequence, on average over 100,000 or more of them."""
        some = self.tokens[self.trained[:: max(1, len(self.trained) // ENOUGH_TO_COUNT)]]
        return float((some != self.vocabulary.pad).sum(axis=1).mean())

    def batch(self, step: int, *, batch_size: int, first_row: int = 0, num_rows: int | None = None) -> MaskedBatch:
        """Rows [first_row, first_row + num_rows) of the batch of `batch_size` sequences that a step is trained on.

        Epochs follow each other without a gap, each in an order of its own.
        """
        num_rows = batch_size if num_rows is None else num_rows
        serial = step * batch_size + first_row + np.arange(num_rows, dtype=np.int64)
        epochs, places = np.divmod(serial, len(self.trained))
        rows = np.concatenate([self._order(int(epoch))[places[epochs == epoch]] for epoch in np.unique(epochs)])
        return self._masked(self.trained[rows], step=step, first_row=first_row)

    def held_out_batches(self, batch_size: int) -> Iterator[MaskedBatch]:
        """The held-out sequences, each masked once and for all."""
        for start in range(0, len(self.held_out), batch_size):
            yield self._masked(self.held_out[start : start + batch_size], step=_HELD_OUT_STEP, first_row=start)

    @lru_cache(maxsize=2)  # noqa: B019 (a run has one text)
    def _order(self, epoch: int) -> Ids:
        return keyed_permutation(self.seed, f"pretraining/order/{epoch}", len(self.trained))

    def _masked(self, rows: Ids, *, step: int, first_row: int) -> MaskedBatch:
        ids = self.tokens[rows].astype(np.int64)
        masked, positions = mask_tokens(ids, self.vocabulary, seed=self.seed, step=step, first_row=first_row)
        attended = ids != self.vocabulary.pad
        return MaskedBatch(
            input_ids=torch.from_numpy(masked),
            attention_mask=None if attended.all() else torch.from_numpy(attended.astype(np.int64)),
            positions=torch.from_numpy(positions),
            targets=torch.from_numpy(ids.ravel()[positions]),
            num_tokens=int(attended.sum()),
        )


class StepBatches(IterableDataset[list[MaskedBatch]]):
    """One rank's share of each step from one on, without end, in micro-batches; a data loader's workers take turns.

    Args:
        text: the text.
        first_step: update to begin with.
        batch_size: sequences of an update, over all ranks and micro-batches.
        micro_batches: micro-batches of an update on one rank.
        rank: index of this process.
        world_size: number of processes.
    """

    def __init__(
        self, text: PackedText, *, first_step: int, batch_size: int, micro_batches: int, rank: int, world_size: int
    ) -> None:
        self.text = text
        self.first_step = first_step
        self.batch_size = batch_size
        self.micro_batches = micro_batches
        self.rank = rank
        self.world_size = world_size

    def __iter__(self) -> Iterator[list[MaskedBatch]]:
        worker = get_worker_info()
        offset, stride = (worker.id, worker.num_workers) if worker is not None else (0, 1)
        share = self.batch_size // self.world_size
        num_rows = share // self.micro_batches
        for step in count(self.first_step + offset, stride):
            yield [
                self.text.batch(step, batch_size=self.batch_size, first_row=first_row, num_rows=num_rows)
                for first_row in range(self.rank * share, (self.rank + 1) * share, num_rows)
            ]
