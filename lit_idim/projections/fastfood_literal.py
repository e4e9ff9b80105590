"""Fastfood as published, every block with signs of its own: the slow reference for `FastfoodProjection`."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.projections.chunked import ChunkedProjection
from lit_idim.projections.hadamard import hadamard
from lit_idim.projections.permutation import permutations
from lit_idim.randomness import hash_words, normal_table


class FastfoodLiteralProjection(ChunkedProjection):
    """P = s [H G_b Pi_b H B_b], blocks b = 1 ... ceil(D / d'), cut after D rows, s = 1/sqrt(D d') (Le et al. 2013).

    The same G and Pi generators as `FastfoodProjection` under streams of its own, a B_b for each block, and two
    Hadamard transforms a block instead of one. E[P^T P] = I_d. Cost: O(D log d) time, twice that of the shared form, no
    storage.

    Args:
        d: columns.
        D: rows.
        seed: names the draw.
    """

    name = "fastfood_literal"

    def __init__(self, *, d: int, D: int, seed: int = 0) -> None:
        super().__init__(d=d, D=D, seed=seed)
        self.width = 1 << (d - 1).bit_length()
        self.norm = 1 / math.sqrt(D * self.width)

    @property
    def chunk_multiple(self) -> int:
        return self.width

    def chunk_matvec(self, theta_d: Float[Tensor, " d"], start: int, stop: int) -> Tensor:
        rows = torch.arange(start, stop, device=theta_d.device).view(-1, self.width)
        padded = torch.zeros(self.width, dtype=theta_d.dtype, device=theta_d.device)
        padded[: self.d] = theta_d
        mixed = torch.gather(hadamard(padded * self._signs(rows, theta_d)), 1, self._positions(rows))
        return hadamard(mixed * self._gaussian(rows, theta_d)).reshape(-1) * self.norm

    def chunk_rmatvec(self, values: Tensor, start: int) -> Float[Tensor, " d"]:
        rows = torch.arange(start, start + len(values), device=values.device).view(-1, self.width)
        weighted = hadamard(values.view(-1, self.width)) * self._gaussian(rows, values)
        mixed = torch.gather(weighted, 1, torch.argsort(self._positions(rows), dim=1))
        return (hadamard(mixed) * self._signs(rows, values)).sum(0)[: self.d] * self.norm

    def chunk_bits(self, start: int, stop: int) -> Tensor:
        rows = torch.arange(start, stop).view(-1, self.width)
        signs = hash_words(self.key("B"), rows) >> 31
        return torch.cat([signs.flatten(), self._gaussian_bytes(rows).flatten(), self._positions(rows).flatten()])

    def _signs(self, rows: Tensor, like: Tensor) -> Tensor:
        return (1 - 2 * (hash_words(self.key("B"), rows) >> 31)).to(like.dtype)

    def _gaussian_bytes(self, rows: Tensor) -> Tensor:
        return (hash_words(self.key("G"), rows // 4) >> (8 * (rows % 4))) & 255

    def _gaussian(self, rows: Tensor, like: Tensor) -> Tensor:
        return normal_table(8, like.device).to(like.dtype)[self._gaussian_bytes(rows)]

    def _positions(self, rows: Tensor) -> Tensor:
        return permutations(self.key("Pi"), rows[:, 0] // self.width, self.width)
