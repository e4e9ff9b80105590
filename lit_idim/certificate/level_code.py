"""Levels of quantised vectors as bytes, by a range coder from `constriction`.

The distribution of a level k is a Laplace law over bins of size 1, written without exponentials:

    P(0) = 1 - s,    P(k) = P(-k) = (1 - s^2) s^(2k - 1) / 2,    s = w / (w + 1),    w = 2^(codebook / 2),

so that the levels' scale is about w. Determinism: the table comes from multiplications, divisions and a square root in
float64 alone, which IEEE 754 fixes to the bit; constriction turns it into 24-bit fixed-point numbers with sums and
products, also IEEE, never below 2^-24, and codes with integers. No exponential of a platform's own library decides a
bit, as it would in constriction's QuantizedLaplace. What is relied on is that constriction keeps this conversion (its
`perfect=False`) and its stream format; a test holds the bytes of one message fixed.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lit_idim.certificate.integer_code import delta_length, zigzag
from lit_idim.certificate.quantized_vector import QuantizedVector
from lit_idim.errors import UserError

LARGEST_CODEBOOK = 40  # w = 2^20, beyond the largest level
_LOWEST_TRIED = -12  # w = 1/64: 0.02 bits for a level 0
_NUM_LIKELY = 3


def level_probabilities(codebook: int, largest_level: int) -> npt.NDArray[np.float64]:
    """P(k) of the levels -L ... L in order, shape (2L + 1,), not normalised for what lies beyond.

    Example:
        >>> level_probabilities(0, 1).tolist()
        [0.1875, 0.5, 0.1875]
    """
    root = math.ldexp(math.sqrt(2.0) if codebook % 2 else 1.0, codebook // 2)
    share = root / (root + 1)
    factors = np.full(largest_level, share * share)
    factors[:1] = share * (1 - share * share) / 2
    side = np.cumprod(factors)
    return np.concatenate([side[::-1], [1 - share], side])


def likely_codebooks(levels: Sequence[int], largest_level: int) -> list[int]:
    """The three codebooks with the shortest ideal code of the levels, the codebook's own number included, best first.

    The length of the stream differs from the ideal by a few bits, so that the shortest message may have any of them.
    """
    counts = np.bincount(np.array(levels, dtype=np.int64) + largest_level, minlength=2 * largest_level + 1)

    def length(codebook: int) -> float:
        table = level_probabilities(codebook, largest_level)
        seen = np.maximum(table[counts > 0] / table.sum(), 2.0**-24)
        return float(-(counts[counts > 0] * np.log2(seen)).sum()) + delta_length(zigzag(codebook) + 1)

    highest = 2 * largest_level.bit_length() + 2
    return sorted(range(_LOWEST_TRIED, highest + 1), key=length)[:_NUM_LIKELY]


def encode_levels(vectors: Sequence[QuantizedVector]) -> bytes:
    """All levels of the vectors in one stream, as few bytes as name it.

    Of the numbers that the range coder could end in, the one with the fewest bytes is kept: the decoder reads zeros
    after them.

    Args:
        vectors: in order; one whose largest level is 0 takes no place.
    """
    import constriction

    coded = [vector for vector in vectors if vector.levels and vector.largest_level]
    encoder = constriction.stream.queue.RangeEncoder()
    for vector in coded:
        symbols = np.array(vector.levels, dtype=np.int32) + np.int32(vector.largest_level)
        encoder.encode(symbols, _model(vector.codebook, vector.largest_level))
    whole: bytes = encoder.get_compressed().astype(">u4").tobytes().rstrip(b"\0")
    forms = [(len(vector.levels), vector.codebook, vector.largest_level) for vector in coded]
    levels = [vector.levels for vector in coded]
    while whole:
        kept = int.from_bytes(whole[:-1], "big")
        # rounded down or up, it may still lie in the coder's interval
        for number in (kept, kept + 1):
            if number < 1 << 8 * (len(whole) - 1):
                shorter = number.to_bytes(len(whole) - 1, "big")
                if _decode(shorter, forms) == levels:
                    whole = shorter
                    break
        else:
            break
    return whole


def decode_levels(data: bytes, forms: Sequence[tuple[int, int, int]]) -> list[tuple[int, ...]]:
    """The levels of each vector.

    Args:
        data: what `encode_levels` gave.
        forms: number of levels, codebook and largest level of each vector.

    Raises:
        UserError: if the bytes are no such stream.
    """
    coded = iter(_decode(data, [form for form in forms if form[0] and form[2]]) or ())
    levels = [next(coded, None) if count and largest else (0,) * count for count, _, largest in forms]
    if any(part is None for part in levels):
        raise UserError("data: the levels are no stream of the range coder; the message is damaged")
    return [part for part in levels if part is not None]


def _decode(data: bytes, forms: Sequence[tuple[int, int, int]]) -> list[tuple[int, ...]] | None:
    """None where the bytes are nothing that the coder writes."""
    import constriction

    # the coder reads whole words, and up to two ahead
    padded = data + bytes(-len(data) % 4 + 8)
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(padded, dtype=">u4").astype(np.uint32))
    try:
        return [
            tuple((decoder.decode(_model(codebook, largest), count) - largest).tolist())
            for count, codebook, largest in forms
        ]
    except AssertionError:  # constriction's word for a number outside of the coder's interval
        return None


@lru_cache(maxsize=8)
def _model(codebook: int, largest_level: int) -> Any:
    import constriction

    return constriction.stream.model.Categorical(level_probabilities(codebook, largest_level), perfect=False)
