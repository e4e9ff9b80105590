"""Counter-based randomness: every random number of lit_idim is a pure function of (seed, name, version, counter).

A stream is named by a seed, a name and a version; its key is two 32-bit words of a SHA-256. The word at counter c is

    word(c) = mix(c * m + a mod 2^32),    a = key[0],  m = key[1] | 1

with `mix` the 32-bit finaliser "lowbias32" (C. Wellons, 2018, hash-prospector, public domain). Integers only: the words
are the same on every device, thread count, process and library version, and nothing needs to be stored to make them
again.
"""

import hashlib
from functools import lru_cache
from statistics import NormalDist
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Words = TypeVar("Words", npt.NDArray[np.int64], Tensor)
StreamKey = tuple[int, int]

WORD_MASK = 0xFFFFFFFF
MIX_MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
MAX_COUNTER = 2**32

_QUANTILE_GRID = 2.0**20
_QUANTILE_CHECKSUMS = {8: "a569cc01f3224a15", 16: "e8cfff23047b7e58"}


def stream_key(seed: int, name: str, version: int = 1) -> StreamKey:
    """Key of the stream `name`: the first two 32-bit words of a SHA-256 of (seed, name, version).

    Example:
        >>> stream_key(0, "fastfood.G") == stream_key(0, "fastfood.G")
        True
        >>> stream_key(0, "fastfood.G") == stream_key(1, "fastfood.G")
        False
    """
    digest = hashlib.sha256(f"lit_idim/{version}/{int(seed)}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


def mix(words: Words) -> Words:
    """Bijection of 32-bit words, held in int64 (any shape), that scatters neighbouring inputs ("lowbias32")."""
    words = words ^ (words >> 16)
    words = (words * MIX_MULTIPLIERS[0]) & WORD_MASK
    words = words ^ (words >> 15)
    words = (words * MIX_MULTIPLIERS[1]) & WORD_MASK
    return words ^ (words >> 16)


def hash_words(key: StreamKey, counters: Words) -> Words:
    """Words of a stream at the given counters, as int64 values in [0, 2^32), same shape, device and library."""
    return mix((counters * (key[1] | 1) + key[0]) & WORD_MASK)


def hash_counters(key: StreamKey, start: int, count: int) -> npt.NDArray[np.uint32]:
    """Words `start` ... `start + count - 1` of a stream, shape (count,).

    Raises:
        ValueError: if the range leaves [0, 2^32).

    Example:
        >>> key = stream_key(0, "example")
        >>> bool((hash_counters(key, 0, 8)[5:] == hash_counters(key, 5, 3)).all())
        True
    """
    if start < 0 or count < 0 or start + count > MAX_COUNTER:
        raise ValueError(f"counters must lie in [0, 2^32); got start={start}, count={count}")
    return hash_words(key, np.arange(start, start + count, dtype=np.int64)).astype(np.uint32)


def keyed_permutation(seed: int, name: str, n: int) -> npt.NDArray[np.int64]:
    """A permutation of range(n), n <= 2^32: the order of n words of a stream, all distinct (`mix` is bijective).

    Example:
        >>> sorted(keyed_permutation(3, "example", 5).tolist())
        [0, 1, 2, 3, 4]
    """
    return np.argsort(hash_counters(stream_key(seed, name), 0, n)).astype(np.int64)


@lru_cache(maxsize=4)
def normal_quantiles(bits: int) -> npt.NDArray[np.float32]:
    """Table of the 2^bits mid-point quantiles of N(0, 1), ascending, scaled to variance 1, shape (2^bits,).

    A uniform `bits`-bit word indexes it, so that normal numbers need no transcendental function on the device. Entries
    lie on a grid of 2^-20, so that the last digit of a platform's logarithm cannot show; a checksum guards the tables
    in use. Mean 0, variance 1 to 3e-8; kurtosis 2.918 and largest entry 2.893 for 8 bits, 2.9992 and 4.325 for 16 bits.

    Raises:
        RuntimeError: if this platform's arithmetic gives another table.
    """
    half = 2 ** (bits - 1)
    inverse = NormalDist().inv_cdf
    upper = np.array([inverse((half + i + 0.5) / (2 * half)) for i in range(half)])
    upper = np.round(upper / np.sqrt(np.mean(upper**2)) * _QUANTILE_GRID) / _QUANTILE_GRID
    table = np.concatenate([-upper[::-1], upper]).astype("<f4")
    checksum = hashlib.sha256(table.tobytes()).hexdigest()[:16]
    if _QUANTILE_CHECKSUMS.get(bits, checksum) != checksum:
        raise RuntimeError(
            f"the table of {2**bits} normal quantiles has checksum {checksum} on this platform, expected "
            f"{_QUANTILE_CHECKSUMS[bits]}: projections made here would differ from those made elsewhere"
        )
    table.setflags(write=False)
    return table


@lru_cache(maxsize=8)
def normal_table(bits: int, device: torch.device) -> Tensor:
    """`normal_quantiles(bits)` as a float32 tensor on a device; not to be written to."""
    return torch.tensor(normal_quantiles(bits), device=device)


def normal_words(words: Tensor, *, lane: int) -> Tensor:
    """Standard normal numbers, float32, from 16-bit lane 0 or 1 of 32-bit words (int64, any shape)."""
    return normal_table(16, words.device)[(words >> (16 * lane)) & 0xFFFF]
