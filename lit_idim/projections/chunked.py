"""A projection whose rows are made chunk by chunk with torch, and thrown away."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.projections.base import Projection
from lit_idim.projections.pieces import Piece


class ChunkedProjection(Projection):
    """Base of the projections that need no compiled kernel: a subclass gives the products over one chunk of rows.

    Chunks start at multiples of `chunk_rows`, whatever the range asked for, so that the parts of a sum do not depend on
    how a vector is cut into pieces or on the number of threads.
    """

    chunk_elements = 2**20

    @property
    def chunk_multiple(self) -> int:
        """Chunks hold a multiple of this many rows."""
        return 1

    @property
    def numbers_per_row(self) -> int:
        """Random numbers behind a row: what bounds the rows of a chunk."""
        return 1

    @abstractmethod
    def chunk_matvec(self, theta_d: Float[Tensor, " d"], start: int, stop: int) -> Tensor:
        """(P theta_d)[start:stop], shape (stop - start,)."""

    @abstractmethod
    def chunk_rmatvec(self, values: Tensor, start: int) -> Float[Tensor, " d"]:
        """P[start : start + len(values)]^T values, shape (d,)."""

    @abstractmethod
    def chunk_bits(self, start: int, stop: int) -> Tensor:
        """The integers behind rows [start, stop), int64."""

    @property
    def chunk_rows(self) -> int:
        multiple = self.chunk_multiple
        return max(1, self.chunk_elements // (self.numbers_per_row * multiple)) * multiple

    def add_rows(
        self, theta_d: Float[Tensor, " d"], start: int, *, base: Tensor, out: Tensor, scale: float | Tensor = 1.0
    ) -> None:
        for low, high in self._chunks(start, start + len(out)):
            first, last = max(low, start), min(high, start + len(out))
            rows = self.chunk_matvec(theta_d, low, high)[first - low : last - low]
            place = slice(first - start, last - start)
            out[place] = base[place].to(rows.dtype) + scale * rows

    def adjoint(self, pieces: Sequence[Piece], *, like: Tensor) -> Float[Tensor, " d"]:
        total = torch.zeros(self.d, dtype=torch.float64, device=like.device)
        pending = [(start, piece.reshape(-1)) for start, piece in sorted(pieces, key=lambda piece: piece[0])]
        for low, high in self._touched_chunks(pending):
            chunk = torch.zeros(high - low, dtype=like.dtype, device=like.device)
            for start, values in pending:
                first, last = max(low, start), min(high, start + len(values))
                if first < last:
                    chunk[first - low : last - low] = values[first - start : last - start]
            total += self.chunk_rmatvec(chunk, low)
        return total.to(like.dtype)

    def sample_bits(self) -> npt.NDArray[np.int64]:
        size = 64 * self.chunk_multiple if self.chunk_multiple < 64 else self.chunk_multiple
        last = -(-self.D // self.chunk_multiple) * self.chunk_multiple
        return torch.cat([self.chunk_bits(0, min(size, last)), self.chunk_bits(max(0, last - size), last)]).numpy()

    def _touched_chunks(self, pieces: Sequence[Piece]) -> list[tuple[int, int]]:
        touched = {chunk for start, values in pieces for chunk in self._chunks(start, start + len(values))}
        return sorted(touched)

    def _chunks(self, start: int, stop: int) -> list[tuple[int, int]]:
        size, end = self.chunk_rows, -(-self.D // self.chunk_multiple) * self.chunk_multiple
        return [(low, min(low + size, end)) for low in range(start // size * size, stop, size)]
