"""Fastfood (Le, Sarlos, Smola 2013): Gaussian-like columns at the cost of one Hadamard transform a block."""

import math
import warnings
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.projections.base import Projection
from lit_idim.projections.gpu.choice import fused_fastfood
from lit_idim.projections.hadamard import hadamard
from lit_idim.projections.permutation import permutations
from lit_idim.projections.pieces import Piece, Slice, join_neighbours
from lit_idim.randomness import hash_counters, hash_words, normal_table

if TYPE_CHECKING:
    from lit_idim.projections.fastfood_cpu import FastfoodKernels

CHUNK_ROWS = 2**20


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
        self.add_slices(theta_d, [(start, base, out, scale)])

    def add_slices(self, theta_d: Float[Tensor, " d"], slices: Sequence[Slice]) -> None:
        dtypes = {theta_d.dtype, *(tensor.dtype for _, base, out, _ in slices for tensor in (base, out))}
        if (fused := fused_fastfood(self, theta_d.device, dtypes)) is not None:
            y = fused.shared(theta_d)
            for start, base, out, scale in slices:
                scales = torch.ones(1, device=out.device) * scale  # on the device: no copy that the host would wait for
                fused.add_rows(y, start, base=base, out=out, scales=scales, stops=fused.end)
            return
        kernels = self._kernels(theta_d.device)
        if kernels is None:
            y = self._shared_transform(theta_d)
            for start, base, out, scale in slices:
                for low in range(0, len(out), CHUNK_ROWS):
                    high = min(low + CHUNK_ROWS, len(out))
                    rows = self._rows_eager(y, start + low, start + high)
                    out[low:high] = base[low:high].to(rows.dtype) + scale * rows
            return
        shared = kernels.shared(theta_d.detach())
        for start, base, out, scale in slices:
            if out.dtype == theta_d.dtype:
                kernels.add_rows(shared, start, base, out, float(scale))
                continue
            for low in range(0, len(out), CHUNK_ROWS):
                high = min(low + CHUNK_ROWS, len(out))
                rows = torch.zeros(high - low, dtype=theta_d.dtype)
                kernels.add_rows(shared, start + low, rows, rows, 1.0)
                out[low:high] = base[low:high].to(rows.dtype) + scale * rows

    def adjoint(self, pieces: Sequence[Piece], *, like: Tensor) -> Float[Tensor, " d"]:
        dtypes = {like.dtype, *(piece.dtype for _, piece in pieces)}
        if (fused := fused_fastfood(self, like.device, dtypes)) is not None:
            return fused.shared.transpose(fused.adjoint(pieces)).to(like.dtype)
        if (kernels := self._kernels(like.device)) is not None:
            return kernels.adjoint(pieces, like=like)
        total = torch.zeros(self.width, dtype=torch.float64, device=like.device)
        for start, values in join_neighbours(pieces):
            self._adjoint_eager(values, start, total, like.dtype)
        transformed = hadamard(total) * self.signs.to(like.device, torch.float64)
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
        return (hadamard(padded * signs) * self.norm).to(theta_d.dtype)

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

    def _kernels(self, device: torch.device) -> "FastfoodKernels | None":
        return self._bound_kernels if device.type == "cpu" and _has_compiled_kernels() else None

    @cached_property
    def _bound_kernels(self) -> "FastfoodKernels":
        from lit_idim.projections.fastfood_cpu import FastfoodKernels

        signs = self.signs.numpy().astype(np.float64)
        return FastfoodKernels(self.d, (self.key("G"), self.key("Pi")), signs=signs, norm=self.norm)


def _has_compiled_kernels() -> bool:
    """Whether the numba kernels can be imported; where they cannot, one warning says why."""
    try:
        import_module("lit_idim.projections.compiled")
    except ImportError as error:
        is_missing = isinstance(error, ModuleNotFoundError) and error.name == "numba"
        reason = "numba is not installed" if is_missing else f"its compiled kernels cannot be imported ({error})"
        warnings.warn(f"{reason}: the projection runs several times slower on the CPU", stacklevel=1)
        return False
    return True
