import numpy as np

from lit_idim.toy.draws import WORDS_PER_BLOCK, Draws


def test_a_stream_is_decided_by_seed_name_and_version() -> None:
    def first_words(*key: object) -> list[int]:
        draws = Draws(*key)  # type: ignore[arg-type]
        return [draws.below(2**32) for _ in range(4)]

    assert first_words(0, "a") == first_words(0, "a")
    streams = [first_words(*key) for key in ((0, "a"), (1, "a"), (0, "b"), (0, "a", 2))]
    assert len({tuple(stream) for stream in streams}) == len(streams)


def test_draws_do_not_repeat_from_block_to_block() -> None:
    draws = Draws(0, "blocks")
    words = [draws.below(2**32) for _ in range(3 * WORDS_PER_BLOCK)]
    assert len(set(words)) == len(words)


def test_below_is_uniform() -> None:
    draws = Draws(0, "uniform")
    counts = np.bincount([draws.below(7) for _ in range(14000)], minlength=7)
    assert counts.sum() == 14000 and len(counts) == 7
    assert ((counts - 2000) ** 2 / 2000).sum() < 22.5  # 99.9% quantile of chi-squared with 6 degrees of freedom


def test_chance_keeps_its_frequency() -> None:
    draws = Draws(0, "chance")
    assert sum(draws.chance(30) for _ in range(10000)) in range(2800, 3200)
    assert all(draws.chance(100) for _ in range(100)) and not any(draws.chance(0) for _ in range(100))


def test_choice_by_rank_follows_the_law() -> None:
    draws = Draws(0, "rank")
    counts = np.bincount([draws.choose_by_rank(range(5)) for _ in range(20000)], minlength=5)
    weights = 1 / np.arange(4, 9)
    np.testing.assert_allclose(counts / 20000, weights / weights.sum(), atol=0.015)
