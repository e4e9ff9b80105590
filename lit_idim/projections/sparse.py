"""The sparse sign projection of Li et al. 2018."""

from collections.abc import Iterator
from functools import cached_property
from math import isqrt, sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.projections.chunked import ChunkedProjection
from lit_idim.randomness import WORD_MASK, hash_words, mix


class SparseProjection(ChunkedProjection):
    """P_ij in {0, +-D^(-1/4)} with density 1/sqrt(D) (LFLY18, after Li, Hastie, Church 2006).

    Column j holds n_j nonzeros, n_j = floor(sqrt D) or one more, drawn so that its mean is sqrt D. The column is cut
    into n_j equal strata of rows and each holds one nonzero at a uniform place: positions are computed, never searched
    for, and those within a range of rows are found at once. Signs are independent, so E[P^T P] = I_d exactly; rows
    carry equal weight up to a relative D^(-1/2), as strata differ by a row in length.

    For d < sqrt(D) most rows are empty: at most d sqrt(D) of the D parameters move at all (`rows_touched`).

    Cost: O(d sqrt D) time and one write of a vector of length D, nothing stored.

    Args:
        d: columns.
        D: rows.
        seed: names the draw.

    Example:
        >>> P = SparseProjection(d=2, D=10_000, seed=0)
        >>> P.rows_touched <= 2 * 101
        True
    """

    name = "sparse"

    @property
    def numbers_per_row(self) -> int:
        return -(-self.d // isqrt(self.D))

    @cached_property
    def rows_touched(self) -> int:
        """How many of the D rows hold a nonzero."""
        touched = 0
        for low, high in self._chunks(0, self.D):
            rows = [rows for rows, _, _ in self._nonzeros(low, min(high, self.D), torch.device("cpu"))]
            touched += len(torch.unique(torch.cat(rows)))
        return touched

    def chunk_matvec(self, theta_d: Float[Tensor, " d"], start: int, stop: int) -> Tensor:
        # float64, so that the order in which a device adds the few nonzeros of a row does not show after rounding
        chunk = torch.zeros(stop - start, dtype=torch.float64, device=theta_d.device)
        for rows, columns, signs in self._nonzeros(start, stop, theta_d.device):
            chunk.index_add_(0, rows - start, signs * theta_d[columns])
        return (chunk / sqrt(sqrt(self.D))).to(theta_d.dtype)

    def chunk_rmatvec(self, values: Tensor, start: int) -> Float[Tensor, " d"]:
        total = torch.zeros(self.d, dtype=torch.float64, device=values.device)
        for rows, columns, signs in self._nonzeros(start, start + len(values), values.device):
            total.index_add_(0, columns, signs * values[rows - start])
        return (total / sqrt(sqrt(self.D))).to(values.dtype)

    def chunk_bits(self, start: int, stop: int) -> Tensor:
        return torch.cat(
            [torch.cat([rows, columns, signs.long()]) for rows, columns, signs in self._nonzeros(start, stop)]
        )

    def _nonzeros(
        self, start: int, stop: int, device: torch.device | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Nonzeros in rows [start, stop): rows, columns (int64) and signs (float64), by columns with n_j equal."""
        all_columns = torch.arange(self.d, device=device)
        fewest = isqrt(self.D)
        has_one_more = hash_words(self.key("count"), all_columns) < (sqrt(self.D) - fewest) * 2.0**32
        for count, columns in ((fewest, all_columns[~has_one_more]), (fewest + 1, all_columns[has_one_more])):
            first, last = max(0, start * count // self.D - 1), min(count, stop * count // self.D + 1)
            strata = torch.arange(first, last, device=device)
            low, high = strata * self.D // count, (strata + 1) * self.D // count
            rows = low + ((self._words(columns, 2 * strata) * (high - low)) >> 32)
            signs = 1.0 - 2.0 * (self._words(columns, 2 * strata + 1) >> 31)
            inside = (rows >= start) & (rows < stop)
            yield rows[inside], columns[:, None].expand_as(rows)[inside], signs.double()[inside]

    def _words(self, columns: Tensor, counters: Tensor) -> Tensor:
        """Words (columns, counters); each column is a stream with a 64-bit key of its own."""
        offset, step = hash_words(self.key("offset"), columns), hash_words(self.key("step"), columns) | 1
        return mix((counters * step[:, None] + offset[:, None]) & WORD_MASK)
