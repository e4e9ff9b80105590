"""Seeded subsets of a split."""

import numpy as np
import numpy.typing as npt

from lit_idim.randomness import keyed_permutation


def sample_positions(num_examples: int, max_examples: int | None, seed: int, name: str) -> npt.NDArray[np.int64]:
    """Positions of a random subset in ascending order, shape (min(num_examples, max_examples),).

    The subsets of one seed are nested: a larger one contains the smaller. A maximum at or above the number of examples
    takes them all, as a cap does.

    Example:
        >>> small, large = (set(sample_positions(100, k, 0, "sst2/train").tolist()) for k in (5, 20))
        >>> len(small), small < large
        (5, True)
    """
    if max_examples is None or max_examples >= num_examples:
        return np.arange(num_examples)
    return np.sort(keyed_permutation(seed, f"data.subset/{name}", num_examples)[:max_examples])
