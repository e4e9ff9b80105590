"""Fastfood's two products on a GPU, each one launch (or a few) over everything it is given.

Shapes: y and u (d',), theta_0 and theta any range of rows, gradients as pieces of the vector of length D.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

from lit_idim.projections.gpu.affine import affine_blocks
from lit_idim.projections.gpu.kernels.adjoint import add_up_tiles, sum_partials
from lit_idim.projections.gpu.kernels.rows import add_rows
from lit_idim.projections.gpu.kernels.wide import add_rows_wide, add_up_blocks, transform_blocks
from lit_idim.projections.gpu.shared import SharedTransform
from lit_idim.projections.permutation import round_shift
from lit_idim.projections.pieces import Piece
from lit_idim.randomness import StreamKey, normal_table

if TYPE_CHECKING:
    from lit_idim.projections.fastfood import FastfoodProjection

TILE = 4096
"""Rows of a program's step, and the widest block that it holds whole."""
WIDE_RIGHT, SLAB, CHUNK, WIDE_WARPS = 256, 64, 16, 8
ADJOINT_PROGRAMS = 528
"""Partial sums of an adjoint: four programs for each of 132 multiprocessors. A constant of its own, so that the bits of
the sum do not depend on the GPU's size."""
WIDE_PROGRAMS = 512
SCRATCH_NUMBERS = 2**24
PIECES_AT_ONCE = 32
LARGEST_GAP = 2**20


class FusedFastfood:
    """The kernels of one projection on one device.

    Args:
        projection: P.
        device: a GPU, or the CPU where Triton interprets kernels (TRITON_INTERPRET=1).

    Attributes:
        shared: theta_d -> s H B theta_d.
        end: D as the one stop of a vector that is a single layer, int64, shape (1,).
    """

    def __init__(self, projection: "FastfoodProjection", device: torch.device) -> None:
        self.width, self.device = projection.width, device
        self.shared = SharedTransform(projection.signs, d=projection.d, norm=projection.norm, device=device)
        blocks = projection.num_blocks
        flags = affine_blocks(projection.key("Pi"), blocks=blocks, width=self.width, device=device)
        any_affine = bool(flags.any())
        # The last tile may reach beyond the last block.
        self.affine = torch.nn.functional.pad(flags if any_affine else flags[:0], (0, TILE))
        self.table = normal_table(8, device)
        self.end = torch.tensor([projection.D], device=device)
        self.g_key = _signed_words(projection.key("G"))
        self.p_key = _signed_words(projection.key("Pi"))
        self.is_wide = self.width > TILE
        self.transform = {"WIDTH": self.width, "RIGHT": _right_factor(self.width)}
        self.permutation = {"SHIFT": round_shift(self.width), "ANY_AFFINE": any_affine}

    def add_rows(
        self,
        y: Float[Tensor, " width"],
        start: int,
        *,
        base: Tensor,
        out: Tensor,
        scales: Float[Tensor, " m"],
        stops: Int[Tensor, " m"],
    ) -> None:
        """out = base + lambda_i (H G_b Pi_b y) for len(out) rows from start on, summed in float32, rounded once.

        Args:
            y: what `shared` gives.
            start: first row.
            base: what is added to, contiguous; bfloat16 is given what bfloat16 can hold, others all of float32.
            out: where to write, contiguous; may be `base`.
            scales: lambda of each layer, float32, on the device.
            stops: the row after each layer's last, int64, ascending, on the device.
        """
        peak = y.abs().amax().clamp_min(torch.finfo(torch.float32).tiny)
        unit = (y / peak).to(torch.float32)
        stop = start + len(out)
        parts, operand = (1, tl.float16) if base.dtype == torch.bfloat16 else (3, _bfloat16())
        tensors = (unit, peak.to(torch.float32), self.table, self.affine, stops, scales, base, out)
        numbers = (start, stop, len(stops), *self.g_key, *self.p_key)
        constants = self.transform | self.permutation
        constants |= {"LAYERS": triton.next_power_of_2(len(stops)), "PARTS": parts, "OPERAND": operand}
        with self._on_device():
            if self.is_wide:
                grid: tuple[int, ...] = (_tiles(start, stop, self.width), WIDE_RIGHT // SLAB)
                add_rows_wide[grid](*tensors, *numbers, **constants, SLAB=SLAB, CHUNK=CHUNK, num_warps=WIDE_WARPS)
            else:
                grid = (_tiles(start, stop, TILE),)
                add_rows[grid](*tensors, *numbers, **constants, TILE=TILE, num_warps=4)

    def adjoint(self, pieces: Sequence[Piece]) -> Float[Tensor, " width"]:
        """u = sum over b of Pi_b^T G_b H g_b in float64, shape (d',): y's gradient for that of theta's rows.

        Args:
            pieces: of g, each contiguous or copied so; zero elsewhere.
        """
        total = torch.zeros(self.width, dtype=torch.float64, device=self.device)
        with self._on_device():
            for run in _runs(pieces):
                total += self._adjoint_wide(run) if self.is_wide else self._adjoint_of_tiles(run)
        return total

    def _adjoint_of_tiles(self, run: Sequence[Piece]) -> Tensor:
        operands, constants = _operands(run)
        first = run[0][0] // TILE
        tiles = _tiles(run[0][0], _stop(run[-1]), TILE)
        each = -(-tiles // min(tiles, ADJOINT_PROGRAMS))
        programs = -(-tiles // each)
        partial_sums = torch.empty(programs, self.width, dtype=torch.float32, device=self.device)
        add_up_tiles[(programs,)](
            *operands, partial_sums, self.table, self.affine, first, tiles, each, *self.g_key, *self.p_key,
            **self.transform, **self.permutation, **constants, TILE=TILE, num_warps=4,
        )  # fmt: skip
        return self._sum(partial_sums)

    def _adjoint_wide(self, run: Sequence[Piece]) -> Tensor:
        operands, constants = _operands(run)
        first, blocks = run[0][0] // self.width, _tiles(run[0][0], _stop(run[-1]), self.width)
        at_once = min(blocks, max(1, SCRATCH_NUMBERS // self.width))
        weighted = torch.empty(at_once, self.width, dtype=torch.float32, device=self.device)
        columns = TILE // 4
        sums = max(1, WIDE_PROGRAMS * columns // self.width)
        partial_sums = torch.zeros(-(-blocks // at_once), sums, self.width, dtype=torch.float32, device=self.device)
        for part, low in enumerate(range(0, blocks, at_once)):
            here = min(at_once, blocks - low)
            transform_blocks[(here, WIDE_RIGHT // SLAB)](
                *operands, weighted, self.table, first + low, *self.g_key,
                **self.transform, **constants, SLAB=SLAB, CHUNK=CHUNK, num_warps=WIDE_WARPS,
            )  # fmt: skip
            add_up_blocks[(self.width // columns, sums)](
                weighted, partial_sums[part], self.affine, first + low, here, -(-here // sums), *self.p_key,
                WIDTH=self.width, COLUMNS=columns, **self.permutation, num_warps=4,
            )  # fmt: skip
        return self._sum(partial_sums.view(-1, self.width))

    def _sum(self, partial_sums: Float[Tensor, "n width"]) -> Float[Tensor, " width"]:
        out = torch.empty(self.width, dtype=torch.float64, device=self.device)
        columns = min(16, self.width)
        sum_partials[(self.width // columns,)](
            partial_sums, out, len(partial_sums), WIDTH=self.width, COLUMNS=columns, AT_ONCE=128, num_warps=4
        )
        return out

    def _on_device(self) -> AbstractContextManager[Any]:
        """Triton launches on the current device, whatever device its tensors are on."""
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()


def _right_factor(width: int) -> int:
    """Numbers of H_RIGHT in H_WIDTH = H_LEFT (x) H_RIGHT; at least 16, what a matrix product wants of a side."""
    if width > TILE:
        return WIDE_RIGHT
    return 1 << width.bit_length() // 2 if width >= 256 else max(16, width)


def _signed_words(key: StreamKey) -> tuple[int, int]:
    """A stream's offset and odd step, as the int32 of the same bits: Triton types an integer by its value."""
    return tuple(word - 2**32 if word >= 2**31 else word for word in (key[0], key[1] | 1))  # type: ignore[return-value]


def _bfloat16() -> Any:
    """The type of an operand of matrix products; Triton's interpreter multiplies no bfloat16."""
    return tl.float32 if os.environ.get("TRITON_INTERPRET") == "1" else tl.bfloat16


def _stop(piece: Piece) -> int:
    return piece[0] + piece[1].numel()


def _tiles(start: int, stop: int, size: int) -> int:
    """Tiles of `size` rows, the first at row 0, that rows [start, stop) lie in."""
    return -(-stop // size) - start // size


def _runs(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """What one launch reads: pieces of one dtype in the order of their rows, near each other, not too many."""
    runs: list[list[Piece]] = []
    order = sorted((piece for piece in pieces if piece[1].numel()), key=lambda piece: (str(piece[1].dtype), piece[0]))
    for _, same in groupby(order, key=lambda piece: piece[1].dtype):
        run: list[Piece] = []
        for piece in same:
            if not run or len(run) == PIECES_AT_ONCE or piece[0] - _stop(run[-1]) > LARGEST_GAP:
                runs.append(run := [])
            run.append(piece)
    return runs


def _operands(run: Sequence[Piece]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Tensors, first rows and last rows of a launch; filled up to a power of two, so that few kernels are compiled."""
    tensors = [piece.reshape(-1).contiguous() for _, piece in run]
    missing = triton.next_power_of_2(len(run)) - len(run)
    starts = [start for start, _ in run] + [0] * missing
    stops = [_stop(piece) for piece in run] + [0] * missing
    is_bfloat16 = tensors[0].dtype == torch.bfloat16
    constants = {"PIECES": len(starts), "OPERAND": _bfloat16()}
    constants |= {"FIRST_PARTS": 1, "PARTS": 2} if is_bfloat16 else {"FIRST_PARTS": 3, "PARTS": 3}
    return (tuple(tensors + [tensors[-1]] * missing), tuple(starts), tuple(stops)), constants
