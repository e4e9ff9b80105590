"""Padded batches of tensors from tokenised examples."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from lit_idim.data.encoding import Encoding
from lit_idim.data.examples import Examples


class EncodedDataset(Dataset[dict[str, Tensor]]):
    """Maps a list of b positions to a batch, padded to the longest of its examples (w tokens) and no further.

    A batch holds `input_ids`, `attention_mask` and, where the tokenizer gives them, `token_type_ids`, each int64 (b,
    w); `labels`, int64 or float32 (b,), where they are known; and `index`, int64 (b,), the positions in the whole
    split. Padding is on the side that the tokenizer names, with its padding token and padding token type.
    """

    def __init__(self, examples: Examples, encoding: Encoding, tokenizer: PreTrainedTokenizerBase) -> None:
        self._encoding = encoding
        self._labels = None if examples.labels is None else torch.from_numpy(examples.labels)
        self._index = torch.from_numpy(examples.index)
        self._pad_token_id = int(tokenizer.pad_token_id)
        self._pad_token_type_id = int(tokenizer.pad_token_type_id)
        self._pads_left = tokenizer.padding_side == "left"

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of tokens of each example, shape (n,)."""
        return self._encoding.lengths

    @property
    def is_labelled(self) -> bool:
        """Whether batches hold labels."""
        return self._labels is not None

    @property
    def labels(self) -> Tensor | None:
        """Class numbers, int64 (n,), or scores, float32 (n,); None where they are not published."""
        return self._labels

    @property
    def num_truncated(self) -> int:
        """Number of examples that were cut to the maximum length."""
        return self._encoding.num_truncated

    def __len__(self) -> int:
        return len(self._encoding)

    def __getitem__(self, positions: Sequence[int]) -> dict[str, Tensor]:
        rows = np.asarray(positions, dtype=np.int64)
        starts = self._encoding.offsets[rows]
        lengths = self._encoding.offsets[rows + 1] - starts
        width = int(lengths.max())
        columns = np.arange(width) - (width - lengths[:, None] if self._pads_left else 0)
        mask = (columns >= 0) & (columns < lengths[:, None])  # (b, w)
        tokens = (starts[:, None] + columns)[mask]

        def padded(flat: npt.NDArray[np.int32], padding: int) -> Tensor:
            filled = np.full(mask.shape, padding, dtype=np.int64)
            filled[mask] = flat[tokens]
            return torch.from_numpy(filled)

        batch = {
            "input_ids": padded(self._encoding.input_ids, self._pad_token_id),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)),
            "index": self._index[rows],
        }
        if self._encoding.token_type_ids is not None:
            batch["token_type_ids"] = padded(self._encoding.token_type_ids, self._pad_token_type_id)
        if self._labels is not None:
            batch["labels"] = self._labels[rows]
        return batch
