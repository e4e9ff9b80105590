"""Fastfood for blocks too wide for one program's registers (d' > 4096): a program a slab of columns of the transform.

H_WIDTH = H_LEFT (x) H_RIGHT. A program streams through its block, CHUNK x RIGHT numbers at a time, and keeps LEFT x
SLAB results: the block's numbers are made (or read) RIGHT / SLAB times, and no intermediate goes to memory.
"""

import triton
import triton.language as tl

from lit_idim.projections.gpu.kernels.hadamard import sign_matrix, signs_times_values, values_times_signs
from lit_idim.projections.gpu.kernels.pieces import load_pieces, scale_by_layer
from lit_idim.projections.gpu.kernels.randomness import gaussian, inverse_positions, positions
from lit_idim.projections.gpu.kernels.rows import add_and_store


@triton.jit
def add_chunk(
    total,
    values,
    first,
    slab,
    LEFT: tl.constexpr,
    RIGHT: tl.constexpr,
    SLAB: tl.constexpr,
    CHUNK: tl.constexpr,
    FIRST_PARTS: tl.constexpr,
    PARTS: tl.constexpr,
    OPERAND: tl.constexpr,
):
    """total (LEFT, SLAB) + H_LEFT[:, first : first + CHUNK] values (CHUNK, RIGHT) H_RIGHT[:, slab : slab + SLAB]."""
    right = sign_matrix(tl.arange(0, RIGHT), slab + tl.arange(0, SLAB), RIGHT, OPERAND)
    left = sign_matrix(tl.arange(0, LEFT), first + tl.arange(0, CHUNK), LEFT, OPERAND)
    return signs_times_values(left, values_times_signs(values, right, FIRST_PARTS, OPERAND), PARTS, OPERAND, total)


@triton.jit(do_not_specialize=["g_offset", "g_step", "p_offset", "p_step", "layers"])
def add_rows_wide(
    y_ptr,
    peak_ptr,
    table_ptr,
    affine_ptr,
    stops_ptr,
    scales_ptr,
    base_ptr,
    out_ptr,
    start,
    stop,
    layers,
    g_offset,
    g_step,
    p_offset,
    p_step,
    WIDTH: tl.constexpr,
    SHIFT: tl.constexpr,
    RIGHT: tl.constexpr,
    SLAB: tl.constexpr,
    CHUNK: tl.constexpr,
    LAYERS: tl.constexpr,
    PARTS: tl.constexpr,
    OPERAND: tl.constexpr,
    ANY_AFFINE: tl.constexpr,
):
    """One program a (block, slab): arguments as `rows.add_rows`, SLAB and CHUNK as this module says."""
    LEFT: tl.constexpr = WIDTH // RIGHT
    p_key, p_factor = p_offset.to(tl.uint32, bitcast=True), p_step.to(tl.uint32, bitcast=True)
    g_key, g_factor = g_offset.to(tl.uint32, bitcast=True), g_step.to(tl.uint32, bitcast=True)
    block = tl.program_id(0).to(tl.int64) + start // WIDTH
    slab = tl.program_id(1) * SLAB
    row = block * WIDTH
    total = tl.zeros([LEFT, SLAB], tl.float32)
    for first in range(0, LEFT, CHUNK):
        inside = (first * RIGHT + tl.arange(0, CHUNK * RIGHT)).to(tl.uint32)
        position = positions(block.to(tl.uint32), inside, affine_ptr, p_key, p_factor, WIDTH, SHIFT, ANY_AFFINE)
        counters = ((row + first * RIGHT) // 4).to(tl.uint32) + tl.arange(0, CHUNK * RIGHT // 4).to(tl.uint32)
        values = gaussian(counters, table_ptr, g_key, g_factor, CHUNK * RIGHT) * tl.load(y_ptr + position)
        values = tl.reshape(values, [CHUNK, RIGHT])
        total = add_chunk(total, values, first, slab, LEFT, RIGHT, SLAB, CHUNK, PARTS, PARTS, OPERAND)

    offsets = tl.arange(0, LEFT)[:, None] * RIGHT + slab + tl.arange(0, SLAB)[None, :]
    low, high = tl.maximum(start - row, 0).to(tl.int32), tl.minimum(stop - row, WIDTH).to(tl.int32)
    shift = row - start
    rows = scale_by_layer(
        total, tl.load(peak_ptr), row + low, row + high - 1, offsets - low, stops_ptr, scales_ptr, layers, LAYERS
    )
    add_and_store(rows, offsets, base_ptr + shift, out_ptr + shift, low, high, WIDTH)


@triton.jit(do_not_specialize=["g_offset", "g_step", "first_block"])
def transform_blocks(
    pointers,
    starts,
    stops,
    weighted_ptr,
    table_ptr,
    first_block,
    g_offset,
    g_step,
    WIDTH: tl.constexpr,
    RIGHT: tl.constexpr,
    SLAB: tl.constexpr,
    CHUNK: tl.constexpr,
    PIECES: tl.constexpr,
    FIRST_PARTS: tl.constexpr,
    PARTS: tl.constexpr,
    OPERAND: tl.constexpr,
):
    """weighted (blocks, WIDTH) float32 = G_b H g_b for blocks from first_block on: one program a (block, slab).

    Args as `adjoint.add_up_tiles`.
    """
    LEFT: tl.constexpr = WIDTH // RIGHT
    WORDS: tl.constexpr = SLAB // 4
    g_key, g_factor = g_offset.to(tl.uint32, bitcast=True), g_step.to(tl.uint32, bitcast=True)
    row = (first_block + tl.program_id(0)).to(tl.int64) * WIDTH
    slab = tl.program_id(1) * SLAB
    total = tl.zeros([LEFT, SLAB], tl.float32)
    for first in range(0, LEFT, CHUNK):
        values = load_pieces(pointers, starts, stops, row + first * RIGHT, CHUNK * RIGHT, PIECES)
        values = tl.reshape(values, [CHUNK, RIGHT])
        total = add_chunk(total, values, first, slab, LEFT, RIGHT, SLAB, CHUNK, FIRST_PARTS, PARTS, OPERAND)
    words = tl.arange(0, LEFT * WORDS)
    counters = ((row + slab) // 4).to(tl.uint32) + (words // WORDS * (RIGHT // 4) + words % WORDS).to(tl.uint32)
    total *= tl.reshape(gaussian(counters, table_ptr, g_key, g_factor, LEFT * SLAB), [LEFT, SLAB])
    offsets = tl.arange(0, LEFT)[:, None] * RIGHT + slab + tl.arange(0, SLAB)[None, :]
    tl.store(weighted_ptr + tl.program_id(0).to(tl.int64) * WIDTH + offsets, total)


@triton.jit(do_not_specialize=["p_offset", "p_step", "first_block", "blocks", "blocks_per_program"])
def add_up_blocks(
    weighted_ptr,
    partial_ptr,
    affine_ptr,
    first_block,
    blocks,
    blocks_per_program,
    p_offset,
    p_step,
    WIDTH: tl.constexpr,
    SHIFT: tl.constexpr,
    COLUMNS: tl.constexpr,
    ANY_AFFINE: tl.constexpr,
):
    """partial (programs, WIDTH): sum of Pi_b^T weighted_b over neighbouring blocks, in order; COLUMNS a program."""
    p_key, p_factor = p_offset.to(tl.uint32, bitcast=True), p_step.to(tl.uint32, bitcast=True)
    columns = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    total = tl.zeros([COLUMNS], tl.float32)
    begin = tl.program_id(1) * blocks_per_program
    for block in range(begin, tl.minimum(begin + blocks_per_program, blocks)):
        number = (first_block + block).to(tl.uint32)
        source = inverse_positions(number, columns.to(tl.uint32), affine_ptr, p_key, p_factor, WIDTH, SHIFT, ANY_AFFINE)
        total += tl.load(weighted_ptr + block * WIDTH + source)
    tl.store(partial_ptr + tl.program_id(1) * WIDTH + columns, total)
