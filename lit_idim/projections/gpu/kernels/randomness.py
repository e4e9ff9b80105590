"""B, G and Pi made again in registers: `lit_idim.randomness` and `lit_idim.projections.permutation` in Triton."""

import triton
import triton.language as tl


@triton.jit
def hash_word(offset, step, counter):
    """Words of the stream with key (offset, step), all uint32, at counters of any shape."""
    word = counter * step + offset
    word = word ^ (word >> 16)
    word = word * 0x7FEB352D
    word = word ^ (word >> 15)
    word = word * 0x846CA68B
    return word ^ (word >> 16)


@triton.jit
def gaussian_lane(words, table, LANE: tl.constexpr):
    """G of every fourth row, from LANE on: a byte of each word, (n,) uint32, looked up in the 256 quantiles."""
    return tl.gather(table, ((words >> (8 * LANE)) & 255).to(tl.int32), 0)


@triton.jit
def interleave(lane_0, lane_1, lane_2, lane_3):
    """Lanes of shape (..., n) to (..., n, 2, 2), which read in order are rows: numbers stay in their threads."""
    return tl.join(tl.join(lane_0, lane_2), tl.join(lane_1, lane_3))


@triton.jit
def gaussian(counters, table_ptr, offset, step, COUNT: tl.constexpr):
    """G of COUNT rows in order, float32, from words at the counters (COUNT // 4,) uint32."""
    words = hash_word(offset, step, counters)
    table = tl.load(table_ptr + tl.arange(0, 256))
    lanes = interleave(
        gaussian_lane(words, table, 0),
        gaussian_lane(words, table, 1),
        gaussian_lane(words, table, 2),
        gaussian_lane(words, table, 3),
    )
    return tl.reshape(lanes, [COUNT])


@triton.jit
def round_forward(x, word, WIDTH: tl.constexpr, SHIFT: tl.constexpr):
    """x -> m x + a, then x xor (x >> SHIFT), modulo WIDTH.

    Bits above WIDTH are left to be wrong: none of them reaches a lower bit, as the shifted term is masked.
    """
    x = x * (word | 1) + (word >> 16)
    return x ^ ((x >> SHIFT) & ((WIDTH - 1) >> SHIFT))


@triton.jit
def round_backward(x, word, WIDTH: tl.constexpr, SHIFT: tl.constexpr):
    """The inverse of `round_forward` modulo WIDTH <= 2^24.

    The xor-shift undoes itself, as 2 SHIFT >= log2(WIDTH); Newton's iteration doubles the right bits of 1 / m: 3, 6,
    12, 24.
    """
    odd = word | 1
    inverse = odd * (2 - odd * odd)
    inverse = inverse * (2 - odd * inverse)
    inverse = inverse * (2 - odd * inverse)
    x = x ^ ((x >> SHIFT) & ((WIDTH - 1) >> SHIFT))
    return (x - (word >> 16)) * inverse


@triton.jit
def positions(blocks, x, affine_ptr, offset, step, WIDTH: tl.constexpr, SHIFT: tl.constexpr, ANY_AFFINE: tl.constexpr):
    """Pi_b as positions, int32: blocks and x are uint32 and broadcast against each other."""
    if ANY_AFFINE:
        swapped = tl.load(affine_ptr + blocks).to(tl.uint32)
        x = x ^ tl.where(x < 2, swapped, 0)
    counters = blocks * 3
    x = round_forward(x, hash_word(offset, step, counters), WIDTH, SHIFT)
    x = round_forward(x, hash_word(offset, step, counters + 1), WIDTH, SHIFT)
    x = round_forward(x, hash_word(offset, step, counters + 2), WIDTH, SHIFT)
    return (x & (WIDTH - 1)).to(tl.int32)


@triton.jit
def inverse_positions(
    blocks, x, affine_ptr, offset, step, WIDTH: tl.constexpr, SHIFT: tl.constexpr, ANY_AFFINE: tl.constexpr
):
    """The j with position_j = x, int32: what lets the adjoint gather, where a scatter would need atomics."""
    counters = blocks * 3
    x = round_backward(x, hash_word(offset, step, counters + 2), WIDTH, SHIFT)
    x = round_backward(x, hash_word(offset, step, counters + 1), WIDTH, SHIFT)
    x = round_backward(x, hash_word(offset, step, counters), WIDTH, SHIFT) & (WIDTH - 1)
    if ANY_AFFINE:
        swapped = tl.load(affine_ptr + blocks).to(tl.uint32)
        x = x ^ tl.where(x < 2, swapped, 0)
    return x.to(tl.int32)
