"""The examples of one split, before tokenisation."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lit_idim.errors import UserError

Labels = npt.NDArray[np.int64] | npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Examples:
    """Texts and labels of n examples.

    Attributes:
        first: The n first (or only) texts.
        second: The n second texts of a pair task, else None.
        labels: Class numbers, int64 (n,), or scores, float32 (n,); None where the labels are not published.
        index: Position of each example in the whole split, int64 (n,).

    Raises:
        ValueError: if the parts are not equally long.

    Example:
        >>> examples = Examples(["a", "b"], None, np.array([1, 0]), np.arange(2))
        >>> len(examples), examples.take(np.array([1])).first
        (2, ['b'])
    """

    first: list[str]
    second: list[str] | None
    labels: Labels | None
    index: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.first, self.second, self.labels, self.index) if part is not None}
        if len(lengths) > 1:
            raise ValueError(f"first, second, labels and index must be equally long; got lengths {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.first)

    def take(self, positions: npt.NDArray[np.int64]) -> "Examples":
        """The examples at the given positions of this collection, shape (k,), in that order."""
        return Examples(
            first=[self.first[position] for position in positions],
            second=None if self.second is None else [self.second[position] for position in positions],
            labels=None if self.labels is None else self.labels[positions],
            index=self.index[positions],
        )

    def checksum(self) -> str:
        """SHA-256 over texts, labels and indices, in hexadecimal: equal only for equal examples in equal order."""
        digest = hashlib.sha256()
        for texts in (self.first, self.second):
            digest.update(b"none" if texts is None else b"texts")
            if texts is not None:
                # The lengths keep ["ab", "c"] and ["a", "bc"] apart; lone surrogates may come out of JSON.
                digest.update(np.array([len(text) for text in texts], dtype="<i8").tobytes())
                digest.update("".join(texts).encode("utf-8", errors="surrogatepass"))
        if self.labels is not None:
            kind = "<f4" if self.labels.dtype.kind == "f" else "<i8"
            digest.update(kind.encode() + self.labels.astype(kind).tobytes())
        digest.update(self.index.astype("<i8").tobytes())
        return digest.hexdigest()


def concatenate(parts: Sequence[Examples], where: str) -> Examples:
    """All examples of the parts in order, indexed anew from 0; `where` names them in an error.

    Raises:
        UserError: if some parts are labelled and others are not.
    """
    if len(parts) == 1:
        return parts[0]
    labels: list[npt.NDArray[Any]] = [part.labels for part in parts if part.labels is not None]
    if labels and len(labels) < len(parts):
        raise UserError(f"{where}: some of these hold labels and some do not; expected labels in all or in none")
    second = [text for part in parts for text in part.second or ()]
    return Examples(
        first=[text for part in parts for text in part.first],
        second=second if any(part.second is not None for part in parts) else None,
        labels=np.concatenate(labels) if labels else None,
        index=np.arange(sum(len(part) for part in parts)),
    )
