import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lit_idim.errors import UserError
from lit_idim.pretraining.batches import PackedText, StepBatches
from lit_idim.pretraining.checkpoint_steps import checkpoint_steps
from lit_idim.pretraining.masking import Vocabulary, mask_tokens

VOCABULARY = Vocabulary(size=200, pad=1, mask=4, special=(0, 1, 2, 4))


def packed_text(num_sequences: int = 50, *, seed: int = 3) -> PackedText:
    ids = np.random.default_rng(0).integers(5, 200, size=(num_sequences, 16)).astype(np.uint16)
    ids[:, 0], ids[:, -1] = 0, 2
    ids[::4, -3:] = (2, 1, 1)
    return PackedText(ids, VOCABULARY, num_held_out=10, seed=seed)


def test_masks_15_percent_of_which_80_10_10() -> None:
    ids = np.random.default_rng(1).integers(5, 200, size=(4000, 32))
    ids[:, 0] = 0
    masked, positions = mask_tokens(ids, VOCABULARY, seed=0, step=5)
    eligible = ids[:, 1:].size
    before, after = ids.ravel()[positions], masked.ravel()[positions]
    count = len(positions)

    def deviation(found: int, share: float, of: int) -> float:
        return abs(found - share * of) / np.sqrt(share * (1 - share) * of)

    assert deviation(count, 0.15, eligible) < 4
    assert deviation(int((after == VOCABULARY.mask).sum()), 0.8, count) < 4
    # A random token is now and then the one that stood there.
    assert deviation(int((after == before).sum()), 0.1 + 0.1 / 196, count) < 4
    untouched = np.delete(masked.ravel(), positions)
    assert (untouched == np.delete(ids.ravel(), positions)).all()
    assert not np.isin(before, VOCABULARY.special).any()
    drawn = after[(after != before) & (after != VOCABULARY.mask)]
    assert set(drawn.tolist()) == set(range(200)) - set(VOCABULARY.special)


def test_masking_is_dynamic_and_keyed() -> None:
    ids = np.random.default_rng(1).integers(5, 200, size=(8, 32))
    first = mask_tokens(ids, VOCABULARY, seed=0, step=5)
    assert all((a == b).all() for a, b in zip(first, mask_tokens(ids, VOCABULARY, seed=0, step=5), strict=True))
    for other in ({"seed": 1, "step": 5}, {"seed": 0, "step": 6}):
        assert not np.array_equal(first[1], mask_tokens(ids, VOCABULARY, **other)[1])
    # dealt out over devices, a sequence is masked as in the whole batch
    second_half, _ = mask_tokens(ids[4:], VOCABULARY, seed=0, step=5, first_row=4)
    assert (second_half == first[0][4:]).all()


def restored(text: PackedText, step: int, **rows: int) -> torch.Tensor:
    batch = text.batch(step, batch_size=8, **rows)
    ids = batch.input_ids.clone()
    ids.view(-1)[batch.positions] = batch.targets
    return ids


def test_an_epoch_sees_every_sequence_once_and_no_held_out_one() -> None:
    text = packed_text()
    seen = torch.cat([restored(text, step) for step in range(5)])  # 40 trained sequences in batches of 8
    expected = torch.from_numpy(text.tokens[text.trained].astype(np.int64))
    assert sorted(seen.tolist()) == sorted(expected.tolist())
    following = torch.cat([restored(text, step) for step in range(5, 10)])
    assert sorted(following.tolist()) == sorted(expected.tolist())
    assert following.tolist() != seen.tolist()
    held_out = text.tokens[text.held_out].astype(np.int64).tolist()
    assert not any(row in held_out for row in seen.tolist())


def test_an_epoch_that_batches_do_not_divide_goes_on_in_the_next() -> None:
    text = packed_text(47)
    seen = torch.cat([restored(text, step) for step in range(37)])
    counts = {tuple(row): 0 for row in text.tokens[text.trained].astype(np.int64).tolist()}
    for row in seen.tolist():
        counts[tuple(row)] += 1
    assert set(counts.values()) == {8}


def test_padding_is_not_attended_to_nor_masked() -> None:
    batch = packed_text().batch(0, batch_size=40)
    assert batch.attention_mask is not None
    text = packed_text()
    num_tokens = int((text.tokens[text.trained] != VOCABULARY.pad).sum())
    assert num_tokens < 40 * 16
    assert (batch.attention_mask.sum().item(), batch.num_tokens) == (num_tokens, num_tokens)
    assert (batch.attention_mask.view(-1)[batch.positions] == 1).all()


def test_held_out_sequences_are_masked_once_and_for_all() -> None:
    text = packed_text()
    first, again = (list(text.held_out_batches(4)) for _ in range(2))
    assert [len(batch.input_ids) for batch in first] == [4, 4, 2]
    assert all(torch.equal(a.input_ids, b.input_ids) for a, b in zip(first, again, strict=True))
    whole = next(text.held_out_batches(10))
    assert torch.equal(torch.cat([batch.input_ids for batch in first]), whole.input_ids)


@pytest.mark.parametrize(("world_size", "micro_batches", "workers"), [(1, 1, 0), (1, 4, 0), (2, 2, 0), (2, 1, 2)])
def test_ranks_micro_batches_and_workers_deal_out_the_same_batches(
    world_size: int, micro_batches: int, workers: int
) -> None:
    text = packed_text()
    for step in range(3):
        expected = text.batch(7 + step, batch_size=8)
        dealt = []
        for rank in range(world_size):
            batches = StepBatches(
                text, first_step=7, batch_size=8, micro_batches=micro_batches, rank=rank, world_size=world_size
            )
            loader = iter(DataLoader(batches, batch_size=None, num_workers=workers))
            dealt += [next(loader) for _ in range(step + 1)][-1]
        assert torch.equal(torch.cat([batch.input_ids for batch in dealt]), expected.input_ids)
        assert sum(batch.num_tokens for batch in dealt) == expected.num_tokens


def test_text_must_be_left_to_train_on() -> None:
    with pytest.raises(UserError, match="lower num_held_out_sequences"):
        PackedText(np.zeros((10, 16), dtype=np.uint16), VOCABULARY, num_held_out=10, seed=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"log_spaced": 0}, "checkpoints_log_spaced: expected a positive number"),
        ({"every": -5}, "checkpoint_every"),
        ({"explicit": [101]}, "from 0 to num_steps = 100, got 101"),
    ],
)
def test_checkpoint_steps_must_be_steps(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        checkpoint_steps(100, **arguments)  # type: ignore[arg-type]
