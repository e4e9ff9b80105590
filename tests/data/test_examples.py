from itertools import pairwise

import numpy as np
import pytest

from lit_idim.data.examples import Examples, concatenate
from lit_idim.data.sampling import sample_positions
from lit_idim.errors import UserError


def make(first, second=None, labels=None) -> Examples:
    labels = None if labels is None else np.array(labels)
    return Examples(list(first), None if second is None else list(second), labels, np.arange(len(first)))


def test_parts_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        make(["a", "b"], labels=[1])


def test_checksums_tell_examples_apart_and_repeat() -> None:
    variants = [
        make(["ab", "c"]),
        make(["a", "bc"]),
        make(["ab", "c"], ["", ""]),
        make(["ab"], ["c"]),
        make(["ab", "c"], labels=[0, 1]),
        make(["ab", "c"], labels=[1, 0]),
        make(["ab", "c"], labels=np.array([0, 1], dtype=np.float32)),
        make(["c", "ab"]),
        make(["ab", "c"]).take(np.array([0])),
        Examples(["ab", "c"], None, None, np.array([4, 7])),
    ]
    assert len({examples.checksum() for examples in variants}) == len(variants)
    assert make(["é", "\ud800"]).checksum() == make(["é", "\ud800"]).checksum()


def test_concatenation_counts_on_and_refuses_half_labelled_parts() -> None:
    joined = concatenate([make(["a"], ["b"], [1]), make(["c", "d"], ["e", "f"], [0, 2])], "here")
    assert (joined.first, joined.second) == (["a", "c", "d"], ["b", "e", "f"])
    assert joined.labels is not None
    assert (joined.labels.tolist(), joined.index.tolist()) == ([1, 0, 2], [0, 1, 2])
    with pytest.raises(UserError, match="here: some of these hold labels"):
        concatenate([make(["a"], labels=[1]), make(["b"])], "here")


def test_samples_are_nested_seeded_and_uniform() -> None:
    sizes = (1, 7, 50, 99, 100)
    for seed in range(3):
        samples = [set(sample_positions(100, size, seed, "x").tolist()) for size in sizes]
        assert [len(sample) for sample in samples] == list(sizes)
        assert all(small <= large for small, large in pairwise(samples))
    seeds = [tuple(sample_positions(100, 10, seed, "x").tolist()) for seed in range(200)]
    assert len(set(seeds)) == 200
    counts = np.bincount(np.concatenate(seeds), minlength=100)
    assert counts.min() > 3  # expectation 20, standard deviation 4.2
    assert counts.max() < 40
    assert tuple(sample_positions(100, 10, 0, "y").tolist()) != seeds[0]


@pytest.mark.parametrize("size", [None, 100, 101, 10**9])
def test_a_cap_above_the_number_of_examples_takes_all_in_order(size) -> None:
    assert sample_positions(100, size, 0, "x").tolist() == list(range(100))
