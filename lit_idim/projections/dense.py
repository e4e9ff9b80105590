"""The dense Gaussian projection of Li et al. 2018."""

from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.projections.chunked import ChunkedProjection
from lit_idim.randomness import WORD_MASK, hash_words, mix, normal_words


class DenseProjection(ChunkedProjection):
    """P_ij i.i.d. N(0, 1/D) (LFLY18, "dense"), drawn from 65,536 quantiles (kurtosis 2.9992), never stored.

    E[P^T P] = I_d. Cost: O(D d) time for each product, 12 MB of working memory: for small models and as the reference.

    Args:
        d: columns.
        D: rows.
        seed: names the draw.

    Example:
        >>> P = DenseProjection(d=2, D=5, seed=0)
        >>> P.to_dense().shape
        torch.Size([5, 2])
    """

    name = "dense"

    @property
    def numbers_per_row(self) -> int:
        return self.d

    def chunk_matvec(self, theta_d: Float[Tensor, " d"], start: int, stop: int) -> Tensor:
        return (self._entries(start, stop, theta_d).double() @ theta_d.double()).to(theta_d.dtype)

    def chunk_rmatvec(self, values: Tensor, start: int) -> Float[Tensor, " d"]:
        total = values.double() @ self._entries(start, start + len(values), values).double()
        return total.to(values.dtype)

    def chunk_bits(self, start: int, stop: int) -> Tensor:
        return self._words(start, stop, torch.device("cpu")).flatten()

    def to_dense(self, *, dtype: torch.dtype = torch.float64) -> Float[Tensor, "D d"]:
        return self._entries(0, self.D, torch.empty(0, dtype=dtype))

    def _words(self, start: int, stop: int, device: torch.device) -> Tensor:
        """One word for two neighbouring columns, shape (rows, ceil(d/2)); a row is a stream with its own 64-bit key.

        A single 32-bit counter would repeat: P has more than 2^32 entries for any model of interest.
        """
        rows = torch.arange(start, stop, device=device)[:, None]
        columns = torch.arange(-(-self.d // 2), device=device)
        offset, step = hash_words(self.key("offset"), rows), hash_words(self.key("step"), rows) | 1
        return mix((columns * step + offset) & WORD_MASK)

    def _entries(self, start: int, stop: int, like: Tensor) -> Tensor:
        words = self._words(start, stop, like.device)
        entries = torch.stack([normal_words(words, lane=0), normal_words(words, lane=1)], dim=-1)
        return entries.view(stop - start, -1)[:, : self.d].to(like.dtype) / sqrt(self.D)
