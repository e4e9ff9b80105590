"""Tokenised examples as flat arrays.

Shapes: n examples, t tokens in all of them together.
"""

from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerBase

from lit_idim.data.examples import Examples
from lit_idim.errors import UserError

_TEXTS_PER_CALL = 10_000  # bounds the memory of the tokenizer's Python lists


@dataclass(frozen=True, eq=False)
class Encoding:
    """Token numbers of n examples, one after the other.

    Attributes:
        input_ids: int32 (t,).
        token_type_ids: int32 (t,), or None for a tokenizer whose model takes none.
        offsets: int64 (n + 1,); example i holds the tokens from offsets[i] to offsets[i + 1].
        num_truncated: Number of examples that were longer than the maximum length.
    """

    input_ids: npt.NDArray[np.int32]
    token_type_ids: npt.NDArray[np.int32] | None
    offsets: npt.NDArray[np.int64]
    num_truncated: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of tokens of each example, shape (n,)."""
        return np.diff(self.offsets)


def encode_examples(examples: Examples, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoding:
    """Tokenise all examples, cutting those of more than `max_length` tokens, special tokens included.

    Tokens are cut one by one from the longer text of a pair (`longest_first`), as the reference scripts for GLUE do.

    Raises:
        UserError: if an example has no tokens at all.
    """
    wants_token_types = "token_type_ids" in tokenizer.model_input_names
    input_ids, token_types, lengths = [], [], []
    num_truncated = 0
    for start in range(0, len(examples), _TEXTS_PER_CALL):
        part = examples.take(np.arange(start, min(start + _TEXTS_PER_CALL, len(examples))))
        tokens = tokenizer(
            part.first,
            part.second,
            truncation="longest_first",
            max_length=max_length,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=wants_token_types,
            verbose=False,
        )
        part_lengths = np.array([len(ids) for ids in tokens["input_ids"]], dtype=np.int64)
        input_ids.append(_flat(tokens["input_ids"], part_lengths))
        if wants_token_types:
            token_types.append(_flat(tokens["token_type_ids"], part_lengths))
        lengths.append(part_lengths)
        num_truncated += _count_truncated(part, part_lengths, tokenizer, max_length)
    all_lengths = np.concatenate(lengths)
    if not all_lengths.all():
        position = int(examples.index[int(np.argmin(all_lengths))])
        raise UserError(f"example {position} of the split has no tokens: its text is empty")
    return Encoding(
        input_ids=np.concatenate(input_ids),
        token_type_ids=np.concatenate(token_types) if wants_token_types else None,
        offsets=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(all_lengths)]),
        num_truncated=num_truncated,
    )


def _flat(rows: list[list[int]], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    return np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(lengths.sum()))


def _count_truncated(
    examples: Examples, lengths: npt.NDArray[np.int64], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> int:
    """How many examples were longer than `max_length`: only those that fill it now can have been."""
    full = examples.take(np.flatnonzero(lengths == max_length))
    if len(full) == 0:
        return 0
    tokens = tokenizer(full.first, full.second, truncation=False, padding=False, verbose=False)
    return sum(len(ids) > max_length for ids in tokens["input_ids"])
