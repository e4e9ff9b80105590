"""Which blocks of Fastfood have a permutation whose first two positions are swapped: known before a kernel runs."""

import torch
from jaxtyping import UInt8
from torch import Tensor

from lit_idim.projections.permutation import FIRST_CHECKED, apply_rounds, is_affine
from lit_idim.randomness import StreamKey

BLOCKS_AT_ONCE = 2**18
NUMBERS_AT_ONCE = 2**22


def affine_blocks(
    key: StreamKey, *, blocks: int, width: int, device: torch.device | str = "cpu"
) -> UInt8[Tensor, " b"]:
    """1 for each block whose rounds alone give a permutation that is affine over GF(2), uint8, shape (blocks,).

    An affine f has f(0) ^ f(1) ^ f(2) ^ f(3) = 0: four positions of each block are computed, and all of them only
    where these do not rule it out, about one block in `width`.

    Args:
        key: of the stream of the permutations.
        blocks: number of blocks.
        width: positions of a block, a power of two.
        device: where to compute, and where the result stands.

    Example:
        >>> int(affine_blocks((12345, 67890), blocks=1000, width=8).sum()) > 100
        True
    """
    flags = torch.zeros(blocks, dtype=torch.uint8, device=device)
    if width < FIRST_CHECKED:
        return flags
    few, every = torch.arange(4, device=device), torch.arange(width, device=device)
    for low in range(0, blocks, BLOCKS_AT_ONCE):
        numbers = torch.arange(low, min(low + BLOCKS_AT_ONCE, blocks), device=device)
        start = apply_rounds(key, numbers, few, width)
        candidates = numbers[(start[:, 0] ^ start[:, 1] ^ start[:, 2] ^ start[:, 3]) == 0]
        for chunk in candidates.split(max(1, NUMBERS_AT_ONCE // width)):
            flags[chunk] = is_affine(apply_rounds(key, chunk, every, width)).to(torch.uint8)
    return flags
