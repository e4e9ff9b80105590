import pytest
import torch

from lit_idim.projections.permutation import is_affine, permutations

KEY = (12345, 67890)


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16, 32, 64, 1024, 65536])
def test_each_block_has_a_permutation(width: int) -> None:
    positions = permutations(KEY, torch.arange(20), width)
    assert torch.equal(positions.sort(1).values, torch.arange(width).expand(20, -1))


@pytest.mark.parametrize("width", [8, 16, 32, 64, 128, 256])
def test_none_is_affine(width: int) -> None:
    assert not is_affine(permutations(KEY, torch.arange(5000), width)).any()


def test_affine_ones_are_told() -> None:
    numbers = torch.arange(8)
    for positions in (numbers, numbers ^ 5, ((numbers << 1) & 7) | (numbers >> 2), 7 - numbers):
        assert is_affine(positions[None]).item()
    swapped = numbers.clone()
    swapped[:2] = numbers[:2].flip(0)
    assert not is_affine(swapped[None]).item()
    assert not is_affine((3 * numbers % 8)[None]).item()


def test_blocks_differ_and_every_position_is_as_likely() -> None:
    blocks = 4000
    positions = permutations(KEY, torch.arange(blocks), 16)
    assert len(torch.unique(positions, dim=0)) > 0.98 * blocks
    counts = torch.zeros(16, 16).index_put_(
        (torch.arange(16).expand(blocks, -1), positions), torch.ones(blocks, 16), accumulate=True
    )
    chi_square = ((counts - blocks / 16).square() / (blocks / 16)).sum().item()
    assert chi_square < 225 + 5 * (2 * 225) ** 0.5
