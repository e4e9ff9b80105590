"""Random decisions of the toy language, read one after another from a counter-based stream."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TypeVar

from lit_idim.randomness import hash_counters, stream_key

Option = TypeVar("Option")

WORDS_PER_BLOCK = 4096
RANK_OFFSET = 3


class Draws:
    """A sequence of decisions that is a pure function of (seed, name, version).

    Only integers are compared, so the decisions are the same on every machine.

    Args:
        seed: seed of the stream.
        name: what the decisions are for; streams of different names are independent.
        version: version of the text drawn from the stream.

    Example:
        >>> Draws(0, "example").below(10) == Draws(0, "example").below(10)
        True
        >>> Draws(0, "example").choose(("only",))
        'only'
    """

    def __init__(self, seed: int, name: str, version: int = 1) -> None:
        self._key = stream_key(seed, name, version)
        self._next_counter = 0
        self._block: list[int] = []

    def below(self, bound: int) -> int:
        """A whole number in [0, bound), uniform up to bound / 2^32."""
        if not self._block:
            self._block = hash_counters(self._key, self._next_counter, WORDS_PER_BLOCK)[::-1].tolist()
            self._next_counter += WORDS_PER_BLOCK
        return (self._block.pop() * bound) >> 32

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 draws."""
        return self.below(100) < percent

    def choose(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely as the others."""
        return options[self.below(len(options))]

    def choose_by_rank(self, options: Sequence[Option]) -> Option:
        """One of the options, the first most often: the Zipf-Mandelbrot law, weights 1 / (rank + 3) from rank 1 on."""
        bounds = _rank_bounds(len(options))
        return options[bisect_right(bounds, self.below(bounds[-1]))]


@lru_cache(maxsize=16)
def _rank_bounds(count: int) -> tuple[int, ...]:
    return tuple(accumulate(2**20 // (rank + RANK_OFFSET) for rank in range(1, count + 1)))
