"""The words of record: every projection, head and subset is made of them."""

import math

import numpy as np
import pytest
import torch

from lit_idim.randomness import (
    MAX_COUNTER,
    hash_counters,
    hash_words,
    keyed_permutation,
    mix,
    normal_quantiles,
    normal_words,
    stream_key,
)


def lowbias32(x: int) -> int:
    """C. Wellons's hash, on Python's integers."""
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ (x >> 16)


@pytest.mark.parametrize("seed", [0, 1, -3, 2**40])
def test_words_are_the_hash_of_key_and_counter(seed: int) -> None:
    offset, step = stream_key(seed, "a part", 2)
    counters = np.array([0, 1, 2, 1000, 2**31, MAX_COUNTER - 1])
    expected = [lowbias32((int(c) * (step | 1) + offset) % 2**32) for c in counters]
    assert hash_words((offset, step), counters).tolist() == expected
    assert hash_words((offset, step), torch.from_numpy(counters)).tolist() == expected
    assert hash_counters((offset, step), 998, 5)[2] == expected[3]


def test_mix_is_a_bijection_of_words() -> None:
    words = mix(np.arange(2**16) * 2**16)
    assert len(np.unique(words)) == 2**16 and words.min() >= 0 and words.max() < 2**32


def test_keys_tell_seed_name_and_version() -> None:
    key = stream_key(0, "fastfood.G", 1)
    assert stream_key(0, "fastfood.G") == key
    assert len({key, stream_key(1, "fastfood.G"), stream_key(0, "fastfood.B"), stream_key(0, "fastfood.G", 2)}) == 4
    assert all(0 <= word < 2**32 for word in key)


@pytest.mark.parametrize(("start", "count"), [(-1, 2), (0, -1), (MAX_COUNTER, 1), (MAX_COUNTER - 3, 4)])
def test_counters_outside_of_their_range_are_refused(start: int, count: int) -> None:
    with pytest.raises(ValueError, match="counters must lie"):
        hash_counters((1, 2), start, count)


@pytest.mark.parametrize(("start", "count"), [(0, 0), (0, 1), (MAX_COUNTER, 0), (MAX_COUNTER - 3, 3)])
def test_counters_at_the_ends_of_their_range(start: int, count: int) -> None:
    assert len(hash_counters((1, 2), start, count)) == count


def test_a_permutation_is_the_order_of_the_words() -> None:
    order = keyed_permutation(3, "example", 100)
    words = hash_counters(stream_key(3, "example"), 0, 100)
    assert sorted(order.tolist()) == list(range(100)) and (np.diff(words[order].astype(np.int64)) > 0).all()


@pytest.mark.parametrize(("bits", "kurtosis", "largest"), [(8, 2.918, 2.893), (16, 2.9992, 4.325)])
def test_quantiles_are_normal(bits: int, kurtosis: float, largest: float) -> None:
    table = normal_quantiles(bits).astype(np.float64)
    assert len(table) == 2**bits and (np.diff(table) > 0).all() and (table == -table[::-1]).all()
    assert (table**2).mean() == pytest.approx(1, abs=3e-8)
    assert (table**4).mean() == pytest.approx(kurtosis, abs=1e-3)
    assert table.max() == pytest.approx(largest, abs=1e-3)
    assert (table * 2**20 == np.round(table * 2**20)).all()
    with pytest.raises(ValueError, match="read-only"):
        normal_quantiles(bits)[0] = 0


def test_another_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    normal_quantiles.cache_clear()
    monkeypatch.setattr("lit_idim.randomness._QUANTILE_CHECKSUMS", {8: "0" * 16})
    with pytest.raises(RuntimeError, match="256 normal quantiles.*expected 0000"):
        normal_quantiles(8)


def test_a_word_holds_two_normal_numbers() -> None:
    words = torch.tensor([0x0000_FFFF, 0x8000_0001])
    table = normal_quantiles(16)
    assert normal_words(words, lane=0).tolist() == [table[0xFFFF], table[1]]
    assert normal_words(words, lane=1).tolist() == [table[0], table[0x8000]]
    assert math.copysign(1, table[0x8000]) == 1
