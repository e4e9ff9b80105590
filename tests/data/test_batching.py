import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_idim.data.batching import (
    EvaluationBatchSampler,
    TrainingBatchSampler,
    evaluation_batches,
    training_batches,
)
from lit_idim.errors import UserError

from .padding import padding_fraction


def skewed_lengths(num_examples: int) -> np.ndarray:
    """Many short examples and a long tail, as text has them."""
    quantiles = (np.arange(num_examples) * 7919 % num_examples + 0.5) / num_examples
    return np.minimum(128, 4 + 12 * (1 / (1 - quantiles) - 1)).astype(np.int64)


def every_rank(lengths, batch_size, world_size) -> list[list[list[int]]]:
    return [list(EvaluationBatchSampler(lengths, batch_size, world_size, rank)) for rank in range(world_size)]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 5))
def test_evaluation_shows_every_example_exactly_once(num_examples, batch_size, world_size) -> None:
    lengths = skewed_lengths(num_examples) if num_examples else np.zeros(0, dtype=np.int64)
    ranks = every_rank(lengths, batch_size, world_size)
    shown = [position for batches in ranks for batch in batches for position in batch]
    assert sorted(shown) == list(range(num_examples))
    counts = [len(batches) for batches in ranks]
    assert counts == [len(EvaluationBatchSampler(lengths, batch_size, world_size, rank)) for rank in range(world_size)]
    assert all(batch for batches in ranks for batch in batches)
    if num_examples >= world_size:  # as many steps on every device, and at least one
        assert min(counts) == max(counts) >= 1
    else:
        assert sum(counts) == num_examples
    assert max([len(batch) for batches in ranks for batch in batches], default=0) <= max(batch_size, 2)
    if batch_size > 1:
        assert max([len(batch) for batches in ranks for batch in batches], default=0) <= batch_size


def test_evaluation_batches_are_sorted_by_length() -> None:
    lengths = skewed_lengths(100)
    in_order = np.concatenate(evaluation_batches(lengths, 8))
    assert (np.diff(lengths[in_order]) <= 0).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(1, 16), st.integers(0, 3), st.integers(0, 3))
def test_a_training_epoch_uses_each_example_at_most_once_in_full_batches(num_examples, batch_size, seed, epoch) -> None:
    batches = training_batches(skewed_lengths(num_examples), batch_size, seed, epoch)
    shown = np.concatenate(batches)
    assert len(set(shown.tolist())) == len(shown)
    if num_examples >= batch_size:
        assert {len(batch) for batch in batches} == {batch_size}
        assert len(batches) == num_examples // batch_size
    else:
        assert sorted(shown.tolist()) == list(range(num_examples))


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("num_examples", [12, 100, 131])
def test_the_ranks_rows_together_are_the_batch_of_one_device(num_examples, world_size) -> None:
    lengths = skewed_lengths(num_examples)
    ranks = [TrainingBatchSampler(lengths, 12, 5, world_size, rank) for rank in range(world_size)]
    for sampler in ranks:
        sampler.set_epoch(3)
    alone = training_batches(lengths, 12, 5, 3)
    assert all(len(sampler) == len(alone) for sampler in ranks)
    for batch, *rows in zip(alone, *ranks, strict=True):
        assert {len(part) for part in rows} == {12 // world_size}
        assert sorted(position for part in rows for position in part) == sorted(batch.tolist())


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    lengths = skewed_lengths(200)

    def order(seed: int, epoch: int) -> tuple[int, ...]:
        return tuple(np.concatenate(training_batches(lengths, 8, seed, epoch)).tolist())

    before = np.random.get_state()[1].copy()  # noqa: NPY002
    orders = {order(seed, epoch) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert order(1, 2) == order(1, 2)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_the_order_is_the_same_in_every_release() -> None:
    batches = training_batches(np.array([5, 3, 9, 4, 8, 7, 2, 6]), batch_size=3, seed=0, epoch=0)
    assert [batch.tolist() for batch in batches] == [[0, 4, 2], [6, 1, 3]]


def test_every_example_sits_out_now_and_then_and_none_for_ever() -> None:
    lengths = skewed_lengths(103)
    shown = [set(np.concatenate(training_batches(lengths, 10, 0, epoch)).tolist()) for epoch in range(20)]
    assert set.union(*shown) == set(range(103))
    assert len({frozenset(range(103)) - epoch for epoch in shown}) > 15


def test_bucketing_cuts_padding_on_skewed_lengths() -> None:
    lengths = skewed_lengths(5000)
    unsorted = [np.arange(start, start + 32) for start in range(0, 4992, 32)]
    waste = padding_fraction(lengths, unsorted)
    assert waste > 0.5
    assert padding_fraction(lengths, training_batches(lengths, 32, 0, 0)) < 0.1
    assert padding_fraction(lengths, evaluation_batches(lengths, 128)) < 0.1


def test_batches_come_in_no_order_of_length() -> None:
    lengths = skewed_lengths(3200)
    means = [lengths[batch].mean() for batch in training_batches(lengths, 32, 0, 0)]
    rising = np.mean(np.diff(means) > 0)
    assert 0.3 < rising < 0.7


def test_a_batch_that_the_devices_cannot_share_is_refused() -> None:
    with pytest.raises(UserError, match=r"batch_size: .* 3 devices must divide it; got 8"):
        TrainingBatchSampler(skewed_lengths(100), 8, 0, world_size=3)
    with pytest.raises(UserError, match=r"batch_size: 5 training examples make one batch .* 2 devices cannot share"):
        TrainingBatchSampler(skewed_lengths(5), 8, 0, world_size=2)
    assert [len(batch) for batch in TrainingBatchSampler(skewed_lengths(6), 8, 0, world_size=2, rank=1)] == [3]
