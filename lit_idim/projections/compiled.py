"""CPU kernels of the projections, compiled by numba: the words of `lit_idim.randomness` made again in registers.

Each kernel reads and writes every parameter once and keeps one block in the cache. No kernel reorders a floating-point
sum by thread: results are the same bits for every number of threads.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch

from lit_idim.projections.permutation import FIRST_CHECKED

WORD = np.uint32
MIX_A, MIX_B = WORD(0x7FEB352D), WORD(0x846CA68B)
MIN_ROWS_PER_THREAD = 32_768
MIN_TWO_STEPS = 256  # below, one step at a time is faster


def _compile(function: Callable[..., Any]) -> Any:
    """Compiles without the interpreter lock, kept on disk where a folder for it is writable."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        return numba.njit(nogil=True)(function)


def _inline(function: Callable[..., Any]) -> Any:
    return numba.njit(nogil=True, inline="always")(function)


@_inline
def mix(word):  # type: ignore[no-untyped-def]
    """`lit_idim.randomness.mix` of one uint32; numba widens every result, so each is cut back to 32 bits."""
    word = WORD(word ^ (word >> WORD(16)))
    word = WORD(word * MIX_A)
    word = WORD(word ^ (word >> WORD(15)))
    word = WORD(word * MIX_B)
    return WORD(word ^ (word >> WORD(16)))


@_inline
def hash_word(offset, step, counter):  # type: ignore[no-untyped-def]
    """Word of the stream with key (offset, step) at a uint32 counter."""
    return mix(WORD(WORD(counter * step) + offset))


@_compile
def permutation_round(numbers, multiplier, addend, shift, mask, out):  # type: ignore[no-untyped-def]
    """out = x xor (x >> shift) of x = m numbers + a mod (mask + 1); all of one unsigned type, out apart from numbers.

    A function of its own, whose arguments have that type already, and a shift that can be seen to be less than its
    bits: so LLVM computes in that type, two to four times as fast as in the 64 bits that it would widen to.
    """
    number = out.dtype.type
    last_bit = number(np.iinfo(out.dtype).bits - 1)
    for j in range(len(out)):
        x = number(number(numbers[j] * multiplier) + addend) & mask
        out[j] = x ^ number(x >> (shift & last_bit))


@_inline
def log2(n):  # type: ignore[no-untyped-def]
    """Of a power of two."""
    steps = 0
    while (1 << steps) < n:
        steps += 1
    return steps


@_compile
def is_affine(position, n):  # type: ignore[no-untyped-def]
    """Whether the permutation of n positions is affine over GF(2)."""
    for j in range(n):
        expected = position[0]
        bit = 1
        while bit < n:
            if j & bit:
                expected ^= position[bit] ^ position[0]
            bit *= 2
        if position[j] != expected:
            return False
    return True


@_compile
def hadamard_step(values, out, half):  # type: ignore[no-untyped-def]
    """One constant-geometry step, a function of its own: of two arrays that it knows apart LLVM makes vector code."""
    for i in range(half):
        a = values[2 * i]
        b = values[2 * i + 1]
        out[i] = a + b
        out[i + half] = a - b


@_compile
def hadamard_two_steps(values, out, quarter):  # type: ignore[no-untyped-def]
    """Two constant-geometry steps with one pass over memory: the same sums, the same bits."""
    for i in range(quarter):
        a = values[4 * i]
        b = values[4 * i + 1]
        c = values[4 * i + 2]
        d = values[4 * i + 3]
        first_sum, first_difference = a + b, a - b
        second_sum, second_difference = c + d, c - d
        out[i] = first_sum + second_sum
        out[i + quarter] = first_difference + second_difference
        out[i + 2 * quarter] = first_sum - second_sum
        out[i + 3 * quarter] = first_difference - second_difference


@_compile
def hadamard_steps_wide(values, spare, n, steps):  # type: ignore[no-untyped-def]
    """`hadamard_steps` two at a time."""
    for _ in range(steps // 2):
        hadamard_two_steps(values, spare, n // 4)
        values, spare = spare, values
    if steps % 2:
        hadamard_step(values, spare, n // 2)
        values, spare = spare, values
    return values, spare


@_compile
def hadamard_steps(values, spare, n, steps):  # type: ignore[no-untyped-def]
    """The first `steps` of the log2(n) steps of the unnormalised Walsh-Hadamard transform; returns what holds them."""
    for _ in range(steps):
        hadamard_step(values, spare, n // 2)
        values, spare = spare, values
    return values, spare


@_inline
def transform(values, spare, n, steps):  # type: ignore[no-untyped-def]
    """`hadamard_steps` in the way that is the faster one for n."""
    if n >= MIN_TWO_STEPS:
        transformed, _ = hadamard_steps_wide(values, spare, n, steps)
    else:
        transformed, _ = hadamard_steps(values, spare, n, steps)
    return transformed


@_compile
def fastfood_shared(theta_d, signs, norm, out):  # type: ignore[no-untyped-def]
    """out = norm * (H B theta_d), summed in float64, rounded once; theta_d (d,) is padded with zeros to out's (n,)."""
    n = len(signs)
    values = np.empty(n)
    for j in range(len(theta_d)):
        values[j] = theta_d[j] * signs[j]
    for j in range(len(theta_d), n):
        values[j] = 0.0 * signs[j]
    transformed, _ = hadamard_steps(values, np.empty(n), n, log2(n))
    for j in range(n):
        out[j] = transformed[j] * norm


@_compile
def fastfood_finish(total, signs, norm, out):  # type: ignore[no-untyped-def]
    """out = norm * (B H total), the first d of n numbers, rounded once; total, float64 (n,), is overwritten."""
    n = len(total)
    transformed, _ = hadamard_steps(total, np.empty(n), n, log2(n))
    for j in range(len(out)):
        out[j] = transformed[j] * signs[j] * norm


@_compile
def fastfood_block(block, identity, steps, keys, quantile, position, spare):  # type: ignore[no-untyped-def]
    """Writes one Fastfood block of n = 2^steps rows: G as numbers of quantiles (n,), Pi as position (n,).

    Args:
        block: its number.
        identity: 0 ... n - 1 in the type of position and spare, both (n,).
        steps: log2(n).
        keys: offset and step of the streams G and Pi.
        quantile: uint8; a word that is stored in it keeps its last 8 bits.
        position: uint16 where n - 1 fits, else uint32.
        spare: to be overwritten.
    """
    n, number = len(identity), identity.dtype.type
    g_offset, g_step, p_offset, p_step = keys[0], keys[1], keys[2], keys[3]
    if n >= 4:
        first = WORD(block * (n // 4))
        for j in range(n // 4):
            word = hash_word(g_offset, g_step, WORD(first + WORD(j)))
            quantile[4 * j] = word
            quantile[4 * j + 1] = word >> WORD(8)
            quantile[4 * j + 2] = word >> WORD(16)
            quantile[4 * j + 3] = word >> WORD(24)
    else:
        for j in range(n):
            row = block * n + j
            word = hash_word(g_offset, g_step, WORD(row // 4))
            quantile[j] = word >> WORD(8 * (row % 4))
    shift, mask = number(max(1, (steps + 1) // 2)), number(n - 1)
    word = hash_word(p_offset, p_step, WORD(3 * block))
    permutation_round(identity, number(word | WORD(1)), number(word >> WORD(16)), shift, mask, position)
    word = hash_word(p_offset, p_step, WORD(3 * block + 1))
    permutation_round(position, number(word | WORD(1)), number(word >> WORD(16)), shift, mask, spare)
    word = hash_word(p_offset, p_step, WORD(3 * block + 2))
    permutation_round(spare, number(word | WORD(1)), number(word >> WORD(16)), shift, mask, position)
    if n >= FIRST_CHECKED and is_affine(position, n):
        position[0], position[1] = position[1], position[0]


@_compile
def add_last_step(values, base, out, scale, half):  # type: ignore[no-untyped-def]
    """out = base + scale * (the last step of the transform of values), without a pass over memory in between."""
    for i in range(half):
        a = values[2 * i]
        b = values[2 * i + 1]
        out[i] = base[i] + scale * (a + b)
        out[i + half] = base[i + half] + scale * (a - b)


@_compile
def fastfood_add_rows(y, start, base, out, scale, identity, steps, keys, table, block_start, block_stop):  # type: ignore[no-untyped-def]
    """out = base + scale * (H G_b Pi_b y for the blocks b), rows start ... start + len(out)."""
    n = len(identity)
    values, spare = np.empty(n, y.dtype), np.empty(n, y.dtype)
    quantile, position, between = np.empty(n, np.uint8), np.empty_like(identity), np.empty_like(identity)
    stop = start + out.shape[0]
    for block in range(block_start, block_stop):
        fastfood_block(block, identity, steps, keys, quantile, position, between)
        for j in range(n):
            values[j] = table[quantile[j]] * y[position[j]]
        low, high = max(start, block * n), min(stop, block * n + n)
        target, source = out[low - start : high - start], base[low - start : high - start]
        if high - low == n and n > 1:
            before_last = transform(values, spare, n, steps - 1)
            add_last_step(before_last, source, target, scale, n // 2)
        else:
            transformed = transform(values, spare, n, steps)
            shown = transformed[low - block * n : high - block * n]
            for j in range(high - low):
                target[j] = source[j] + scale * shown[j]


@_compile
def fastfood_adjoint(piece, start, total, identity, steps, keys, table, block_start, block_stop):  # type: ignore[no-untyped-def]
    """total += sum over the blocks b of Pi_b^T G_b H piece_b, in float64; rows start ... start + len(piece)."""
    n = len(identity)
    values, spare = np.empty(n, piece.dtype), np.empty(n, piece.dtype)
    quantile, position, between = np.empty(n, np.uint8), np.empty_like(identity), np.empty_like(identity)
    stop = start + piece.shape[0]
    for block in range(block_start, block_stop):
        fastfood_block(block, identity, steps, keys, quantile, position, between)
        low, high = max(start, block * n), min(stop, block * n + n)
        source = piece[low - start : high - start]
        if high - low == n and n > 1:
            hadamard_step(source, values, n // 2)
            transformed = transform(values, spare, n, steps - 1)
        else:
            values[:] = 0
            target = values[low - block * n : high - block * n]
            for j in range(high - low):
                target[j] = source[j]
            transformed = transform(values, spare, n, steps)
        for j in range(n):
            total[position[j]] += table[quantile[j]] * transformed[j]


@lru_cache(maxsize=4)
def _executor(process: int, threads: int) -> ThreadPoolExecutor:
    del process  # a forked child must not wait for its parent's threads
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix="projection")


def run(tasks: Sequence[Callable[[], None]]) -> None:
    """Runs the tasks on as many threads as torch uses; each task writes to its own place."""
    if len(tasks) == 1 or torch.get_num_threads() == 1:
        for task in tasks:
            task()
        return
    list(_executor(os.getpid(), torch.get_num_threads()).map(lambda task: task(), tasks))


def split(start: int, stop: int, parts: int) -> list[tuple[int, int]]:
    """At most `parts` neighbouring, non-empty ranges that cover range(start, stop).

    Example:
        >>> split(0, 10, 3)
        [(0, 3), (3, 6), (6, 10)]
    """
    cuts = [start + (stop - start) * i // parts for i in range(parts + 1)]
    return [(low, high) for low, high in pairwise(cuts) if high > low]
