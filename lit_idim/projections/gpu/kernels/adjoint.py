"""The adjoint for blocks that fit a tile: u = sum_b Pi_b^T G_b H g_b, one read of memory a parameter.

Each program adds up its own tiles in registers, in order, and writes one partial sum; `sum_partials` adds those in
float64, in order. No atomics: the sum is the same bits on every run.
"""

import triton
import triton.language as tl

from lit_idim.projections.gpu.kernels.hadamard import transform_tile
from lit_idim.projections.gpu.kernels.pieces import load_pieces
from lit_idim.projections.gpu.kernels.randomness import gaussian, inverse_positions


@triton.jit(do_not_specialize=["g_offset", "g_step", "p_offset", "p_step", "first_tile", "tiles", "tiles_per_program"])
def add_up_tiles(
    pointers,
    starts,
    stops,
    partial_ptr,
    table_ptr,
    affine_ptr,
    first_tile,
    tiles,
    tiles_per_program,
    g_offset,
    g_step,
    p_offset,
    p_step,
    WIDTH: tl.constexpr,
    SHIFT: tl.constexpr,
    RIGHT: tl.constexpr,
    TILE: tl.constexpr,
    PIECES: tl.constexpr,
    FIRST_PARTS: tl.constexpr,
    PARTS: tl.constexpr,
    OPERAND: tl.constexpr,
    ANY_AFFINE: tl.constexpr,
):
    """partial (programs, WIDTH): the sum over the program's tiles.

    Args:
        pointers, starts, stops: PIECES gradients of one dtype, their first rows and the rows after their last.
        partial_ptr: (programs, WIDTH) float32.
        first_tile: number of the first tile. tiles: how many. tiles_per_program: neighbours that a program adds up.
        FIRST_PARTS: parts of a gradient; 1 where bfloat16 holds it.
        table_ptr and all others: see `rows.add_rows`.
    """
    BLOCKS: tl.constexpr = TILE // WIDTH
    p_key, p_factor = p_offset.to(tl.uint32, bitcast=True), p_step.to(tl.uint32, bitcast=True)
    g_key, g_factor = g_offset.to(tl.uint32, bitcast=True), g_step.to(tl.uint32, bitcast=True)
    # As in `rows.add_rows`, the blocks lie in the middle, so that a thread undoes the permutation of one, or of few.
    LANES: tl.constexpr = WIDTH if WIDTH < 32 else 32
    ROUNDS: tl.constexpr = WIDTH // LANES
    inside = tl.arange(0, ROUNDS)[:, None, None] * LANES + tl.arange(0, LANES)[None, None, :]
    block = tl.arange(0, BLOCKS)[None, :, None]
    total = tl.zeros([ROUNDS, BLOCKS, LANES], tl.float32)
    begin = tl.program_id(0) * tiles_per_program
    for tile in range(begin, tl.minimum(begin + tiles_per_program, tiles)):
        row = (first_tile + tile).to(tl.int64) * TILE
        values = load_pieces(pointers, starts, stops, row, TILE, PIECES)
        values = transform_tile(values, WIDTH, RIGHT, TILE, FIRST_PARTS, PARTS, OPERAND)
        counters = (row // 4).to(tl.uint32) + tl.arange(0, TILE // 4).to(tl.uint32)
        values = values * gaussian(counters, table_ptr, g_key, g_factor, TILE)
        if WIDTH > 1:
            blocks = (row // WIDTH).to(tl.uint32) + block.to(tl.uint32)
            source = inverse_positions(
                blocks, inside.to(tl.uint32), affine_ptr, p_key, p_factor, WIDTH, SHIFT, ANY_AFFINE
            )
            # Along the flat axis: along a row the compiler would try every number of a warp.
            values = tl.gather(values, tl.reshape(source + block * WIDTH, [TILE]), 0)
            values = tl.reshape(values, [ROUNDS, BLOCKS, LANES])
        else:
            values = tl.reshape(values, [ROUNDS, BLOCKS, LANES])
        total += values
    places = tl.program_id(0) * WIDTH + tl.reshape(inside, [ROUNDS, LANES])
    tl.store(partial_ptr + places, tl.sum(total, 1))


@triton.jit(do_not_specialize=["partials"])
def sum_partials(partial_ptr, out_ptr, partials, WIDTH: tl.constexpr, COLUMNS: tl.constexpr, AT_ONCE: tl.constexpr):
    """out (WIDTH,) float64 = the sum of partial (partials, WIDTH) float32 over its rows, AT_ONCE rows at a time."""
    columns = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    total = tl.zeros([AT_ONCE, COLUMNS], tl.float64)
    for first in range(0, partials, AT_ONCE):
        rows = first + tl.arange(0, AT_ONCE)
        places = rows[:, None].to(tl.int64) * WIDTH + columns[None, :]
        total += tl.load(partial_ptr + places, mask=(rows < partials)[:, None], other=0.0).to(tl.float64)
    tl.store(out_ptr + columns, tl.sum(total, 0))
