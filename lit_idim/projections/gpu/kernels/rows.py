"""theta = theta_0 + lambda_i (P theta_d)_i for blocks that fit a tile: one read and one write of memory a parameter."""

import triton
import triton.language as tl

from lit_idim.projections.gpu.kernels.hadamard import transform_tile
from lit_idim.projections.gpu.kernels.pieces import layer_scales
from lit_idim.projections.gpu.kernels.randomness import gaussian, positions


@triton.jit
def add_and_store(rows, scales, offsets, base, out, low, high, COUNT: tl.constexpr):
    """out = base + scales * rows where low <= offsets < high, rounded once to out's type."""
    if (low <= 0) & (high >= COUNT):
        tl.store(out + offsets, (tl.load(base + offsets).to(tl.float32) + scales * rows).to(out.dtype.element_ty))
    else:
        inside = (offsets >= low) & (offsets < high)
        values = tl.load(base + offsets, mask=inside, other=0.0).to(tl.float32) + scales * rows
        tl.store(out + offsets, values.to(out.dtype.element_ty), mask=inside)


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
        stops_ptr, scales_ptr, layers, LAYERS: see `layer_scales`.
        base_ptr, out_ptr: theta_0 and theta of rows [start, stop).
        g_offset, g_step, p_offset, p_step: keys of the streams of G and Pi, bits of uint32 in int32.
        WIDTH: d', a power of two. SHIFT: of a permutation's rounds. RIGHT, PARTS, OPERAND: see `transform_tile`.
    """
    tile = (start // TILE).to(tl.int64) + tl.program_id(0)
    row = tile * TILE
    BLOCKS: tl.constexpr = TILE // WIDTH
    blocks = (row // WIDTH).to(tl.uint32) + tl.arange(0, BLOCKS).to(tl.uint32)
    inside = tl.arange(0, WIDTH).to(tl.uint32)
    p_key, p_factor = p_offset.to(tl.uint32, bitcast=True), p_step.to(tl.uint32, bitcast=True)
    position = positions(blocks[:, None], inside[None, :], affine_ptr, p_key, p_factor, WIDTH, SHIFT, ANY_AFFINE)
    position = tl.reshape(position, [TILE])
    if WIDTH < 32:
        shuffled = tl.load(y_ptr + position)
    else:
        shuffled = tl.gather(tl.load(y_ptr + tl.arange(0, WIDTH)), position, 0)
    counters = (row // 4).to(tl.uint32) + tl.arange(0, TILE // 4).to(tl.uint32)
    g_key, g_factor = g_offset.to(tl.uint32, bitcast=True), g_step.to(tl.uint32, bitcast=True)
    weighted = gaussian(counters, table_ptr, g_key, g_factor, TILE) * shuffled
    rows = transform_tile(weighted, WIDTH, RIGHT, TILE, PARTS, PARTS, OPERAND)

    offsets = tl.arange(0, TILE)
    low, high = tl.maximum(start - row, 0).to(tl.int32), tl.minimum(stop - row, TILE).to(tl.int32)
    scales = layer_scales(row + low, row + high - 1, offsets - low, stops_ptr, scales_ptr, layers, LAYERS)
    shift = row - start
    add_and_store(rows * tl.load(peak_ptr), scales, offsets, base_ptr + shift, out_ptr + shift, low, high, TILE)
