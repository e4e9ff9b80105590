"""theta = theta_0 + lambda_i (P theta_d)_i for blocks that fit a tile: one read and one write of memory a parameter."""

import triton
import triton.language as tl

from lit_idim.projections.gpu.kernels.hadamard import transform_tile
from lit_idim.projections.gpu.kernels.pieces import scale_by_layer
from lit_idim.projections.gpu.kernels.randomness import gaussian_lane, hash_word, interleave, positions


@triton.jit
def add_and_store(rows, offsets, base, out, low, high, COUNT: tl.constexpr):
    """out = base + rows where low <= offsets < high, rounded once to out's type."""
    if (low <= 0) & (high >= COUNT):
        tl.store(out + offsets, (tl.load(base + offsets).to(tl.float32) + rows).to(out.dtype.element_ty))
    else:
        inside = (offsets >= low) & (offsets < high)
        values = tl.load(base + offsets, mask=inside, other=0.0).to(tl.float32) + rows
        tl.store(out + offsets, values.to(out.dtype.element_ty), mask=inside)


@triton.jit
def weighted_lane(
    y_ptr,
    table,
    words,
    blocks,
    inside,
    affine_ptr,
    p_key,
    p_factor,
    LANE: tl.constexpr,
    WIDTH: tl.constexpr,
    SHIFT: tl.constexpr,
    ANY_AFFINE: tl.constexpr,
):
    """G Pi y of every fourth row, from LANE on, shape of words; blocks and inside tell the row of lane 0."""
    numbers = inside + LANE % WIDTH
    position = positions(blocks + LANE // WIDTH, numbers, affine_ptr, p_key, p_factor, WIDTH, SHIFT, ANY_AFFINE)
    position = tl.reshape(tl.broadcast_to(position, words.shape), [words.numel])
    if WIDTH < 32:
        shuffled = tl.load(y_ptr + position)
    else:
        shuffled = tl.gather(tl.load(y_ptr + tl.arange(0, WIDTH)), position, 0)
    return tl.reshape(shuffled * gaussian_lane(tl.reshape(words, [words.numel]), table, LANE), words.shape)


@triton.jit(do_not_specialize=["g_offset", "g_step", "p_offset", "p_step", "layers"])
def add_rows(
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
    TILE: tl.constexpr,
    LAYERS: tl.constexpr,
    PARTS: tl.constexpr,
    OPERAND: tl.constexpr,
    ANY_AFFINE: tl.constexpr,
):
    """One program a tile of TILE rows, T = TILE // WIDTH blocks.

    Args:
        y_ptr: s H B theta_d / peak, (WIDTH,) float32, at most 1 in magnitude. peak_ptr: (1,) float32.
        table_ptr: 256 quantiles, float32. affine_ptr: (blocks,) uint8, 1 where the first two positions are swapped.
        stops_ptr, scales_ptr, layers, LAYERS: see `scale_by_layer`.
        base_ptr, out_ptr: theta_0 and theta of rows [start, stop).
        g_offset, g_step, p_offset, p_step: keys of the streams of G and Pi, bits of uint32 in int32.
        WIDTH: d', a power of two. SHIFT: of a permutation's rounds. RIGHT, PARTS, OPERAND: see `transform_tile`.
    """
    tile = tl.program_id(0).to(tl.int64) + start // TILE
    row = tile * TILE
    p_key, p_factor = p_offset.to(tl.uint32, bitcast=True), p_step.to(tl.uint32, bitcast=True)
    g_key, g_factor = g_offset.to(tl.uint32, bitcast=True), g_step.to(tl.uint32, bitcast=True)
    # Words of G as (ROUNDS, GROUPS, LANES) with the groups, blocks of the tile, in the middle: that is where the
    # compiler puts warps, so that a thread needs the permutation of one block, or of few.
    GROUP: tl.constexpr = WIDTH if WIDTH > 4 else 4
    GROUPS: tl.constexpr = TILE // GROUP
    LANES: tl.constexpr = GROUP // 4 if GROUP < 128 else 32
    ROUNDS: tl.constexpr = GROUP // 4 // LANES
    word = (tl.arange(0, ROUNDS)[:, None, None] * LANES + tl.arange(0, LANES)[None, None, :]).to(tl.uint32)
    group = tl.arange(0, GROUPS)[None, :, None].to(tl.uint32)
    words = hash_word(g_key, g_factor, (row // 4).to(tl.uint32) + group * (GROUP // 4) + word)
    blocks = (row // WIDTH).to(tl.uint32) + group * (GROUP // WIDTH)
    inside = word * 4 % WIDTH
    table = tl.load(table_ptr + tl.arange(0, 256))
    weighted = interleave(
        weighted_lane(y_ptr, table, words, blocks, inside, affine_ptr, p_key, p_factor, 0, WIDTH, SHIFT, ANY_AFFINE),
        weighted_lane(y_ptr, table, words, blocks, inside, affine_ptr, p_key, p_factor, 1, WIDTH, SHIFT, ANY_AFFINE),
        weighted_lane(y_ptr, table, words, blocks, inside, affine_ptr, p_key, p_factor, 2, WIDTH, SHIFT, ANY_AFFINE),
        weighted_lane(y_ptr, table, words, blocks, inside, affine_ptr, p_key, p_factor, 3, WIDTH, SHIFT, ANY_AFFINE),
    )
    weighted = tl.reshape(tl.permute(weighted, (1, 0, 2, 3, 4)), [TILE])
    rows = transform_tile(weighted, WIDTH, RIGHT, TILE, PARTS, PARTS, OPERAND)

    offsets = tl.arange(0, TILE)
    low, high = tl.maximum(start - row, 0).to(tl.int32), tl.minimum(stop - row, TILE).to(tl.int32)
    shift = row - start
    rows = scale_by_layer(
        rows, tl.load(peak_ptr), row + low, row + high - 1, offsets - low, stops_ptr, scales_ptr, layers, LAYERS
    )
    add_and_store(rows, offsets, base_ptr + shift, out_ptr + shift, low, high, TILE)
