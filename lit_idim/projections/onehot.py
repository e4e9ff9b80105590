"""One signed entry a row: random grouping of the parameters, as in Uni-LoRA."""

from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.projections.chunked import ChunkedProjection
from lit_idim.randomness import hash_words


class OneHotProjection(ChunkedProjection):
    """Row i holds +-sqrt(d/D) at one uniformly drawn column (Li et al. 2025, "Uni-LoRA"; count sketch, transposed).

    A column collects D/d rows on average, each of squared size d/D, and two columns share no row: E[P^T P] = I_d.
    Cost: O(D) time, nothing stored.

    Args:
        d: columns.
        D: rows.
        seed: names the draw.

    Example:
        >>> P = OneHotProjection(d=3, D=12, seed=0)
        >>> (P.to_dense() != 0).sum(1).tolist() == [1] * 12
        True
    """

    name = "onehot"

    def chunk_matvec(self, theta_d: Float[Tensor, " d"], start: int, stop: int) -> Tensor:
        columns, signs = self._entries(start, stop, theta_d.device)
        return theta_d[columns] * signs * sqrt(self.d / self.D)

    def chunk_rmatvec(self, values: Tensor, start: int) -> Float[Tensor, " d"]:
        columns, signs = self._entries(start, start + len(values), values.device)
        total = torch.zeros(self.d, dtype=torch.float64, device=values.device)
        total.index_add_(0, columns, (values * signs).double())
        return (total * sqrt(self.d / self.D)).to(values.dtype)

    def chunk_bits(self, start: int, stop: int) -> Tensor:
        columns, signs = self._entries(start, stop, torch.device("cpu"))
        return torch.cat([columns, signs])

    def _entries(self, start: int, stop: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Column (31 bits of the row's word, scaled to d) and sign (the last bit) of each row, int64."""
        words = hash_words(self.key("row"), torch.arange(start, stop, device=device))
        return ((words >> 1) * self.d) >> 31, 1 - 2 * (words & 1)
