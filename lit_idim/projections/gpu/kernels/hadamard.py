"""The Hadamard transform of a tile in registers, as matrix products on tensor cores.

H has entries +-1, which every floating type holds. A float32 operand is cut into parts that bfloat16 holds, so that
each product is exact and the sum is taken in float32: three parts are all of it, two keep 2^-16 of it. One part in
float16 keeps 2^-11, for operands known to be of order 1 whose result is rounded to bfloat16.

Shapes: a tile holds TILE = T WIDTH numbers, T blocks of WIDTH = LEFT RIGHT numbers; H_WIDTH = H_LEFT (x) H_RIGHT.
"""

import triton
import triton.language as tl


@triton.jit
def sign_matrix(rows, columns, WIDTH: tl.constexpr, OPERAND: tl.constexpr):
    """Entries (rows, columns) < 256 of I (x) H_WIDTH, shape (len(rows), len(columns)), in the operand's type."""
    parity = rows[:, None] & columns[None, :] & (WIDTH - 1)
    parity = parity ^ (parity >> 4)
    parity = parity ^ (parity >> 2)
    parity = parity ^ (parity >> 1)
    same_block = (rows[:, None] // WIDTH) == (columns[None, :] // WIDTH)
    return tl.where(same_block, 1.0 - 2.0 * (parity & 1).to(tl.float32), 0.0).to(OPERAND)


@triton.jit
def leading_part(values):
    """The first 8 significant bits of float32 numbers, by truncation: bfloat16 holds them, and the rest is exact."""
    return (values.to(tl.int32, bitcast=True) & -65536).to(tl.float32, bitcast=True)


@triton.jit
def last_part(values, OPERAND: tl.constexpr):
    """What is left, rounded to the operand's type; a float32 operand stands in for bfloat16 (Triton's interpreter)."""
    return leading_part(values) if tl.float32 == OPERAND else values.to(OPERAND)


@triton.jit
def values_times_signs(values, matrix, PARTS: tl.constexpr, OPERAND: tl.constexpr):
    """values @ matrix in float32, the values cut into PARTS."""
    if PARTS == 1:
        product = tl.dot(values.to(OPERAND), matrix)
    else:
        high = leading_part(values)
        rest = values - high
        if PARTS == 2:
            product = tl.dot(last_part(rest, OPERAND), matrix)
        else:
            middle = leading_part(rest)
            product = tl.dot(last_part(rest - middle, OPERAND), matrix)
            product = tl.dot(middle.to(OPERAND), matrix, product)
        product = tl.dot(high.to(OPERAND), matrix, product)
    return product


@triton.jit
def signs_times_values(matrix, values, PARTS: tl.constexpr, OPERAND: tl.constexpr, total):
    """total + matrix @ values in float32, the values cut into PARTS."""
    if PARTS == 1:
        total = tl.dot(matrix, values.to(OPERAND), total)
    else:
        high = leading_part(values)
        rest = values - high
        if PARTS == 2:
            total = tl.dot(matrix, last_part(rest, OPERAND), total)
        else:
            middle = leading_part(rest)
            total = tl.dot(matrix, last_part(rest - middle, OPERAND), total)
            total = tl.dot(matrix, middle.to(OPERAND), total)
        total = tl.dot(matrix, high.to(OPERAND), total)
    return total


@triton.jit
def transform_tile(
    values,
    WIDTH: tl.constexpr,
    RIGHT: tl.constexpr,
    TILE: tl.constexpr,
    FIRST_PARTS: tl.constexpr,
    PARTS: tl.constexpr,
    OPERAND: tl.constexpr,
):
    """H of each of the tile's blocks, (TILE,) to (TILE,) float32.

    One product with I (x) H_WIDTH where RIGHT >= WIDTH (matrix products want 16 numbers a side), else one for each
    factor.
    """
    right = tl.arange(0, RIGHT)
    if RIGHT >= WIDTH:
        matrix = sign_matrix(right, right, WIDTH, OPERAND)
        values = tl.reshape(values, [TILE // RIGHT, RIGHT])
        values = values_times_signs(values, matrix, FIRST_PARTS, OPERAND)
    else:
        LEFT: tl.constexpr = WIDTH // RIGHT
        BLOCKS: tl.constexpr = TILE // WIDTH
        left = tl.arange(0, LEFT)
        values = tl.reshape(values, [TILE // RIGHT, RIGHT])
        values = values_times_signs(values, sign_matrix(right, right, RIGHT, OPERAND), FIRST_PARTS, OPERAND)
        values = tl.permute(tl.reshape(values, [BLOCKS, LEFT, RIGHT]), (0, 2, 1))
        values = tl.reshape(values, [TILE // LEFT, LEFT])
        values = values_times_signs(values, sign_matrix(left, left, LEFT, OPERAND), PARTS, OPERAND)
        values = tl.permute(tl.reshape(values, [BLOCKS, RIGHT, LEFT]), (0, 2, 1))
    return tl.reshape(values, [TILE])
