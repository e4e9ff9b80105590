import math

import numpy as np
import pytest
from scipy.stats import laplace

from lit_idim.certificate.level_code import decode_levels, encode_levels, level_probabilities, likely_codebooks
from lit_idim.certificate.quantized_vector import QuantizedVector
from lit_idim.errors import UserError


def vector(levels: np.ndarray, codebook: int) -> QuantizedVector:
    largest = int(np.abs(levels).max(initial=0))
    return QuantizedVector(levels=tuple(levels.tolist()), step_exponent=0, codebook=codebook, largest_level=largest)


@pytest.mark.parametrize("codebook", [-12, -3, 0, 1, 7, 20])
def test_the_table_is_a_laplace_law_over_unit_bins(codebook: int) -> None:
    root = 2 ** (codebook / 2)
    scale = -0.5 / math.log(root / (root + 1))
    edges = np.arange(-10, 12) - 0.5
    expected = np.diff(laplace.cdf(edges, scale=scale))
    assert np.allclose(level_probabilities(codebook, 10), expected)


@pytest.mark.parametrize("spread", [0.1, 1.0, 8.0, 300.0])
@pytest.mark.parametrize("count", [1, 30, 500])
def test_levels_come_back_in_about_their_entropy(spread: float, count: int) -> None:
    draws = np.random.default_rng(0)
    levels = np.rint(draws.laplace(scale=spread, size=count)).astype(int)
    largest = int(np.abs(levels).max())
    first, second = vector(levels, likely_codebooks(levels.tolist(), largest)[0]), vector(np.array([1, -1, 0]), 0)
    data = encode_levels([first, second])
    forms = [(len(one.levels), one.codebook, one.largest_level) for one in (first, second)]
    assert decode_levels(data, forms) == [first.levels, second.levels]
    table = level_probabilities(first.codebook, largest)
    ideal = 4 + (-np.log2(table[levels + largest] / table.sum()).sum() if largest else 0)
    assert 8 * len(data) <= ideal + 10


def test_the_likely_codebooks_are_the_shortest() -> None:
    draws = np.random.default_rng(0)
    for spread in (0.05, 1, 20):
        levels = np.rint(draws.laplace(scale=spread, size=400)).astype(int)
        likely = likely_codebooks(levels.tolist(), int(np.abs(levels).max()))
        lengths = {codebook: len(encode_levels([vector(levels, codebook)])) for codebook in range(-12, 16)}
        assert min(lengths[codebook] for codebook in likely) <= min(lengths.values()) + 1
        assert lengths[likely[0]] <= lengths[likely[1]] + 1 and lengths[likely[1]] <= lengths[likely[2]] + 1


def test_levels_that_are_all_zero_take_no_byte() -> None:
    assert encode_levels([vector(np.zeros(5, dtype=int), 0)]) == b""
    assert decode_levels(b"", [(5, 0, 0), (0, 0, 0)]) == [(0,) * 5, ()]


def test_bytes_outside_of_the_coders_interval_are_refused() -> None:
    with pytest.raises(UserError, match="damaged"):
        decode_levels(b"\xff" * 16, [(40, 0, 3)])
