"""Fastfood (Le, Sarlos, Smola 2013): Gaussian-like columns at the cost of one Hadamard transform a block."""

import math
import warnings
from collections.abc import Sequence
from functools import cached_property, partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.projections.base import Projection
from lit_idim.projections.gpu.choice import fused_fastfood
from lit_idim.projections.hadamard import hadamard
from lit_idim.projections.permutation import permutations
from lit_idim.projections.pieces import Piece, join_neighbours
from lit_idim.randomness import hash_counters, hash_words, normal_quantiles, normal_table

CHUNK_ROWS = 2**20
ADJOINT_ROWS_PER_TASK = 2**20


class FastfoodProjection(Projection):
    """P = s [H G_b Pi_b H B] for blocks b = 1 ... ceil(D / d'), d' = 2^k the power of two from d on, cut after D rows.

    theta_d is padded with zeros to d' numbers. B are signs, Pi_b permutations (`permutation.py`), G_b independent
    normals of variance 1 (a table of 256 quantiles, kurtosis 2.918), H the unnormalised Hadamard matrix, s = 1 / sqrt(D
    d'). H B is shared by all blocks, which leaves the second moments as they are: a row is s H_i G_b (Pi_b H B), and
    E[row^T row] = s^2 d' I = I / D, so that E[P^T P] = I_d for any D, the rows of the cut last block included.
    `FastfoodLiteralProjection` draws B for each block.

    Cost: O(D log d) time, one read and one write of a vector of length D, no stored bytes a parameter.

    Args:
        d: columns.
        D: rows.
        seed: names the draw.

    Example:
        >>> P = FastfoodProjection(d=3, D=10, seed=0)
        >>> theta_d = torch.tensor([1.0, 2.0, 3.0])
        >>> torch.allclose(P.matvec(theta_d), P.to_dense().float() @ theta_d, atol=1e-6)
        True
    """

    name = "fastfood"

    def __init__(self, *, d: int, D: int, seed: int = 0) -> None:
        super().__init__(d=d, D=D, seed=seed)
        self.width = 1 << (d - 1).bit_length()
        self.num_blocks = -(-D // self.width)
        self.norm = 1 / math.sqrt(D * self.width)

    def add_rows(
        self, theta_d: Float[Tensor, " d"], start: int, *, base: Tensor, out: Tensor, scale: float | Tensor = 1.0
    ) -> None:
        if (fused := fused_fastfood(self, out.device, (theta_d.dtype, base.dtype, out.dtype))) is not None:
            scales = torch.ones(1, device=out.device) * scale  # on the device: no copy that the host would wait for
            fused.add_rows(fused.shared(theta_d), start, base=base, out=out, scales=scales, stops=fused.end)
            return
        shared = self._shared_transform(theta_d)
        compiled = _compiled_kernels() if out.device.type == "cpu" else None
        if compiled is not None and out.dtype == theta_d.dtype:
            self._add_rows_compiled(compiled, shared, start, base, out, float(scale))
            return
        for low in range(0, len(out), CHUNK_ROWS):
            high = min(low + CHUNK_ROWS, len(out))
            if compiled is not None:
                rows = torch.zeros(high - low, dtype=theta_d.dtype)
                self._add_rows_compiled(compiled, shared, start + low, rows, rows, 1.0)
            else:
                rows = self._rows_eager(shared, start + low, start + high)
            out[low:high] = base[low:high].to(rows.dtype) + scale * rows

    def adjoint(self, pieces: Sequence[Piece], *, like: Tensor) -> Float[Tensor, " d"]:
        if (
            fused := fused_fastfood(self, like.device, (like.dtype, *(piece.dtype for _, piece in pieces)))
        ) is not None:
            return fused.shared.transpose(fused.adjoint(pieces)).to(like.dtype)
        compiled = _compiled_kernels() if like.device.type == "cpu" else None
        total = torch.zeros(self.width, dtype=torch.float64, device=like.device)
        for start, values in join_neighbours(pieces):
            if compiled is not None:
                self._adjoint_compiled(compiled, values.to(like.dtype).contiguous(), start, total)
            else:
                self._adjoint_eager(values, start, total, like.dtype)
        transformed = _hadamard_vector(total) * self.signs.to(like.device, torch.float64)
        return (transformed[: self.d] * self.norm).to(like.dtype)

    def sample_bits(self) -> npt.NDArray[np.int64]:
        sampled = sorted({0, 1 % self.num_blocks, self.num_blocks // 2, self.num_blocks - 1})
        parts = [(self.signs[: self.d] > 0).long()]
        for block in sampled:
            blocks = torch.tensor([block])
            parts += [self._gaussian_bytes(blocks).flatten(), self._positions(blocks).flatten()]
        return torch.cat(parts).numpy()

    @cached_property
    def signs(self) -> Float[Tensor, " width"]:
        """The diagonal of B, int8, shape (d',)."""
        words = hash_counters(self.key("B"), 0, self.width)
        return torch.from_numpy(1 - 2 * (words >> np.uint32(31)).astype(np.int8))

    def _shared_transform(self, theta_d: Float[Tensor, " d"]) -> Float[Tensor, " width"]:
        """y = s H B theta_d in float64, rounded to the precision of theta_d."""
        padded = torch.zeros(self.width, dtype=torch.float64, device=theta_d.device)
        padded[: self.d] = theta_d
        signs = self.signs.to(theta_d.device, torch.float64)
        return (_hadamard_vector(padded * signs) * self.norm).to(theta_d.dtype)

    def _gaussian_bytes(self, blocks: Tensor) -> Tensor:
        """Indices of G into the table of 256 quantiles, int64, shape (blocks, d')."""
        rows = blocks[:, None] * self.width + torch.arange(self.width, device=blocks.device)
        return (hash_words(self.key("G"), rows // 4) >> (8 * (rows % 4))) & 255

    def _positions(self, blocks: Tensor) -> Tensor:
        """Pi_b as positions: (Pi_b y)_j = y[position_j], int64, shape (blocks, d')."""
        return permutations(self.key("Pi"), blocks, self.width)

    def _blocks_of(self, start: int, stop: int) -> tuple[int, int]:
        return start // self.width, -(-stop // self.width)

    def _rows_eager(self, shared: Tensor, start: int, stop: int) -> Tensor:
        first, last = self._blocks_of(start, stop)
        blocks = torch.arange(first, last, device=shared.device)
        gaussian = normal_table(8, shared.device).to(shared.dtype)[self._gaussian_bytes(blocks)]
        rows = hadamard(gaussian * shared[self._positions(blocks)])
        return rows.reshape(-1)[start - first * self.width : stop - first * self.width]

    def _adjoint_eager(self, values: Tensor, start: int, total: Tensor, dtype: torch.dtype) -> None:
        for low in range(0, len(values), CHUNK_ROWS):
            chunk = values[low : low + CHUNK_ROWS].to(dtype)
            first, last = self._blocks_of(start + low, start + low + len(chunk))
            blocks = torch.arange(first, last, device=values.device)
            padded = torch.zeros((last - first) * self.width, dtype=dtype, device=values.device)
            offset = start + low - first * self.width
            padded[offset : offset + len(chunk)] = chunk
            gaussian = normal_table(8, values.device).to(dtype)[self._gaussian_bytes(blocks)]
            weighted = gaussian * hadamard(padded.view(-1, self.width))
            # A sort by position instead of an atomic scatter: the sum is the same bits on every run, on a GPU too.
            order = torch.argsort(self._positions(blocks), dim=1)
            total += torch.gather(weighted, 1, order).sum(0, dtype=torch.float64)

    @cached_property
    def _kernel_arguments(self) -> tuple[Any, ...]:
        words = [self.key("G")[0], self.key("G")[1] | 1, self.key("Pi")[0], self.key("Pi")[1] | 1]
        return self.width, self.width.bit_length() - 1, np.array(words, dtype=np.uint32), normal_quantiles(8)

    def _add_rows_compiled(
        self, compiled: ModuleType, shared: Tensor, start: int, base: Tensor, out: Tensor, scale: float
    ) -> None:
        first, last = self._blocks_of(start, start + len(out))
        parts = max(1, min(torch.get_num_threads(), len(out) // compiled.MIN_ROWS_PER_THREAD))
        scale_number = shared.numpy().dtype.type(scale)
        arguments = (shared.numpy(), start, base.numpy(), out.numpy(), scale_number, *self._kernel_arguments)
        compiled.run(
            [partial(compiled.fastfood_add_rows, *arguments, *blocks) for blocks in compiled.split(first, last, parts)]
        )

    def _adjoint_compiled(self, compiled: ModuleType, values: Tensor, start: int, total: Tensor) -> None:
        first, last = self._blocks_of(start, start + len(values))
        # The number of partial sums depends on the length alone, never on the threads: so do the bits of the result.
        parts = max(1, len(values) // max(ADJOINT_ROWS_PER_TASK, 32 * self.width))
        ranges = compiled.split(first, last, parts)
        partial_sums = np.zeros((len(ranges), self.width))
        array = values.numpy()
        compiled.run(
            [
                partial(compiled.fastfood_adjoint, array, start, partial_sums[i], *self._kernel_arguments, *blocks)
                for i, blocks in enumerate(ranges)
            ]
        )
        total += torch.from_numpy(partial_sums.sum(0))


def _hadamard_vector(values: Tensor) -> Tensor:
    """H v of one vector in float64, the same bits on every device."""
    compiled = _compiled_kernels() if values.device.type == "cpu" else None
    return hadamard(values) if compiled is None else torch.from_numpy(compiled.hadamard_vector(values.numpy()))


def _compiled_kernels() -> ModuleType | None:
    """The numba kernels, or None, with one warning, where numba is missing."""
    try:
        return import_module("lit_idim.projections.compiled")
    except ImportError:
        warnings.warn("numba is not installed: the projection runs several times slower on the CPU", stacklevel=1)
        return None
