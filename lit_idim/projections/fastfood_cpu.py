"""Fastfood's two products on the CPU, in few calls of compiled kernels: a small model's step is short."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lit_idim.projections import compiled
from lit_idim.projections.pieces import Piece, join_neighbours
from lit_idim.randomness import StreamKey, normal_quantiles

ADJOINT_ROWS_PER_TASK = 2**20

Numbers = npt.NDArray[Any]


class FastfoodKernels:
    """Fastfood of one draw, bound to its compiled kernels.

    Args:
        d: columns.
        keys: of the streams G and Pi.
        signs: diagonal of B, float64, shape (d',).
        norm: s.
    """

    def __init__(self, d: int, keys: Sequence[StreamKey], signs: npt.NDArray[np.float64], norm: float) -> None:
        self.d = d
        self.width = len(signs)
        self._signs, self._norm = signs, norm
        words = np.array([word for offset, step in keys for word in (offset, step | 1)], dtype=np.uint32)
        # in the smallest type that holds a position: the smaller, the more of them an instruction computes
        identity = np.arange(self.width, dtype=np.uint16 if self.width <= 2**16 else np.uint32)
        self._arguments = identity, self.width.bit_length() - 1, words, normal_quantiles(8)

    def shared(self, theta_d: Tensor) -> Numbers:
        """y = s H B theta_d, shape (d',), in the precision of theta_d, shape (d,), summed in float64."""
        coordinates = theta_d.numpy()
        out = np.empty(self.width, coordinates.dtype)
        compiled.fastfood_shared(coordinates, self._signs, self._norm, out)
        return out

    def add_rows(self, shared: Numbers, start: int, base: Tensor, out: Tensor, scale: float) -> None:
        """out = base + scale * (H G_b Pi_b y), rows start ... start + len(out), for the y of `shared`."""
        first, last = self._blocks_of(start, start + len(out))
        parts = max(1, min(torch.get_num_threads(), len(out) // compiled.MIN_ROWS_PER_THREAD))
        arguments = (shared, start, base.numpy(), out.numpy(), shared.dtype.type(scale), *self._arguments)
        ranges = compiled.split(first, last, parts)
        compiled.run([partial(compiled.fastfood_add_rows, *arguments, *blocks) for blocks in ranges])

    def adjoint(self, pieces: Sequence[Piece], *, like: Tensor) -> Tensor:
        """P^T v for a v that is zero outside the pieces, shape (d,), summed in float64; dtype of `like`."""
        total = np.zeros(self.width)
        for partial_sum in self._partial_sums(pieces, like.dtype):
            total += partial_sum
        out = torch.empty(self.d, dtype=like.dtype)
        compiled.fastfood_finish(total, self._signs, self._norm, out.numpy())
        return out

    def _partial_sums(self, pieces: Sequence[Piece], dtype: torch.dtype) -> Iterator[npt.NDArray[np.float64]]:
        for start, values in join_neighbours(pieces):
            array = values.to(dtype).contiguous().numpy()
            first, last = self._blocks_of(start, start + len(array))
            # The number of partial sums depends on the length alone, never on the threads: so do the bits of the sum.
            parts = max(1, len(array) // max(ADJOINT_ROWS_PER_TASK, 32 * self.width))
            ranges = compiled.split(first, last, parts)
            sums = np.zeros((len(ranges), self.width))
            compiled.run(
                [
                    partial(compiled.fastfood_adjoint, array, start, sums[i], *self._arguments, *blocks)
                    for i, blocks in enumerate(ranges)
                ]
            )
            yield sums.sum(0) if len(sums) > 1 else sums[0]

    def _blocks_of(self, start: int, stop: int) -> tuple[int, int]:
        return start // self.width, -(-stop // self.width)
