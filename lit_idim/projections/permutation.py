"""The permutations Pi_b of Fastfood: keyed, computed element by element, never affine over GF(2)."""

import torch
from torch import Tensor

from lit_idim.randomness import StreamKey, hash_words

ROUNDS = 3
FIRST_CHECKED = 8
"""Least width at which an affine permutation is looked for: up to 4 every permutation is affine. Of 20,000 drawn at
width 8 and 16 the rounds alone leave 19% and 1%."""


def round_shift(width: int) -> int:
    """The shift of a round: half the bits of a position, rounded up, at least 1."""
    return max(1, width.bit_length() // 2)


def permutations(key: StreamKey, blocks: Tensor, width: int) -> Tensor:
    """Pi_b as positions: (Pi_b y)_j = y[position_j].

    Three rounds of x -> m x + a mod width (m odd) and x -> x xor (x >> shift), with m and a from word 3 b + round of
    the stream. A permutation that is affine over GF(2) would commute with the Hadamard transform up to a relabelling,
    and H G Pi H would collapse; where the rounds give one, its first two positions are swapped, which undoes it for
    certain.

    Args:
        key: of the stream.
        blocks: block numbers, int64, shape (blocks,).
        width: a power of two.

    Returns:
        int64, shape (blocks, width).
    """
    positions = apply_rounds(key, blocks, torch.arange(width, device=blocks.device), width)
    if width >= FIRST_CHECKED:
        affine = is_affine(positions)
        positions[affine, :2] = positions[affine, :2].flip(1)
    return positions


def apply_rounds(key: StreamKey, blocks: Tensor, numbers: Tensor, width: int) -> Tensor:
    """The rounds alone, of some numbers in range(width) in each block: int64, shape (blocks, numbers)."""
    for step in range(ROUNDS):
        word = hash_words(key, ROUNDS * blocks + step)[:, None]
        numbers = (numbers * ((word | 1) % width) + (word >> 16)) % width
        numbers = numbers ^ (numbers >> round_shift(width))
    return numbers


def is_affine(positions: Tensor) -> Tensor:
    """Which permutations are affine over GF(2), f(x) = A x xor c: shape (blocks, width) to bool (blocks,)."""
    width = positions.shape[1]
    origin = positions[:, :1]
    expected = origin.expand(-1, width).clone()
    numbers = torch.arange(width, device=positions.device)
    for bit in range(width.bit_length() - 1):
        column = positions[:, 1 << bit : (1 << bit) + 1] ^ origin
        expected ^= column * ((numbers >> bit) & 1)
    return (expected == positions).all(1)
