import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_idim.data import Examples
from lit_idim.data.holdout import Holdout, maximal_phrases, split_holdout
from lit_idim.errors import UserError


def examples(texts: list[str], second: list[str] | None = None) -> Examples:
    return Examples(texts, second, np.zeros(len(texts), dtype=np.int64), np.arange(len(texts)))


def is_span(short: str, long: str) -> bool:
    return f" {' '.join(short.split())} " in f" {' '.join(long.split())} "


def check(texts: list[str], parts: Holdout) -> None:
    """Against the definition, by brute force."""
    assert sorted([*parts.sample, *parts.held_out]) == list(range(len(texts)))
    phrases = {" ".join(text.split()) for text in texts}
    maximal = {phrase for phrase in phrases if not any(phrase != other and is_span(phrase, other) for other in phrases)}
    wholes = [" ".join(texts[place].split()) for place in (*parts.sample_wholes, *parts.held_out_wholes)]
    assert sorted(wholes) == sorted(maximal)  # each once
    assert set(parts.sample_wholes) <= set(parts.sample) and set(parts.held_out_wholes) <= set(parts.held_out)
    held = {" ".join(texts[position].split()) for position in parts.held_out}
    sample = {" ".join(texts[position].split()) for position in parts.sample}
    assert not any(is_span(out, within) for out in held for within in sample)
    # a maximal phrase is held out only if it was drawn, and then it always is
    drawn = maximal & held
    assert len(drawn) == len(parts.held_out_wholes)
    assert held == {
        phrase for phrase in phrases if {whole for whole in maximal if is_span(phrase, whole)} <= drawn
    }  # fmt: skip


words = st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map(" ".join)


@given(st.lists(words, min_size=4, max_size=40), st.integers(0, 5), st.sampled_from([0.2, 0.5]))
def test_groups_against_brute_force(texts: list[str], seed: int, fraction: float) -> None:
    texts = [*texts, "left only", "right only", "x", "y"]  # so that at least 4 groups leave both parts something
    check(texts, split_holdout(examples(texts), fraction=fraction, seed=seed, grouped=True))


def test_phrases_of_sentences_against_brute_force() -> None:
    draws = np.random.default_rng(0)
    vocabulary = [f"w{number}" for number in range(200)]
    texts = []
    for _ in range(60):
        sentence = draws.choice(vocabulary, size=draws.integers(4, 15)).tolist()
        texts.append(" ".join(sentence) + " ")  # SST-2's phrases end in a blank
        for _ in range(6):
            start, end = sorted(draws.choice(len(sentence) + 1, size=2, replace=False))
            texts.append(" ".join(sentence[start:end]))
    parts = split_holdout(examples(texts), fraction=0.2, seed=1, grouped=True)
    check(texts, parts)
    assert len(parts.held_out_wholes) == 12 and 12 < len(parts.held_out) < 84


def test_maximal_phrases() -> None:
    found = maximal_phrases(["a b c", "b c", "c", "b  c", "c d", "a c"])
    assert found == {"a b c": {"a b c", "b c", "c"}, "a c": {"a c", "c"}, "c d": {"c d", "c"}}


def test_a_split_of_the_size_of_sst2() -> None:
    draws = np.random.default_rng(0)
    texts = []
    for _ in range(6900):
        sentence = draws.zipf(1.3, size=draws.integers(5, 35)).astype(str).tolist()
        texts.append(" ".join(sentence))
        for _ in range(9):
            start, end = sorted(draws.choice(len(sentence) + 1, size=2, replace=False))
            texts.append(" ".join(sentence[start:end]))
    parts = split_holdout(examples(texts), fraction=0.1, seed=0, grouped=True)
    assert 0.03 < len(parts.held_out) / len(texts) < 0.1


def test_without_groups_the_draw_is_uniform() -> None:
    texts = [str(number) for number in range(10)]
    counts = np.zeros(10)
    for seed in range(2000):
        parts = split_holdout(examples(texts), fraction=0.3, seed=seed, grouped=False)
        assert (len(parts.sample), len(parts.held_out)) == (7, 3)
        assert np.array_equal(parts.sample_wholes, parts.sample)
        assert np.array_equal(parts.held_out_wholes, parts.held_out)
        assert sorted([*parts.sample, *parts.held_out]) == list(range(10))
        counts[parts.held_out] += 1
    assert np.all(np.abs(counts - 600) < 5 * np.sqrt(2000 * 0.3 * 0.7))


@pytest.mark.parametrize("grouped", [True, False])
def test_a_seed_names_the_draw(grouped: bool) -> None:
    texts = [f"x{number} y{number}" for number in range(50)]
    first, again, other = (
        split_holdout(examples(texts), fraction=0.2, seed=seed, grouped=grouped).held_out.tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_groups_do_not_depend_on_the_order_of_the_examples() -> None:
    texts = [f"x{number % 30} y z{number % 7}" for number in range(60)]
    turned = texts[::-1]
    first = split_holdout(examples(texts), fraction=0.3, seed=0, grouped=True)
    second = split_holdout(examples(turned), fraction=0.3, seed=0, grouped=True)
    assert {texts[place] for place in first.held_out} == {turned[place] for place in second.held_out}


@pytest.mark.parametrize(
    ("texts", "fraction", "grouped", "named"),
    [
        (["a", "b"], 0.0, False, "fraction: expected"),
        (["a", "b"], 1.0, False, "fraction: expected"),
        (["a", "b"], 0.1, False, "leaves 2 examples to train on and 0 held out"),
        (["a", "b"], 0.9, False, "leaves 0 examples to train on and 2 held out"),
        (["a b", "a", "b"], 0.4, True, "of 1 groups leaves 3 examples to train on and 0 held out"),
    ],
)
def test_what_cannot_be_split_is_named(texts: list[str], fraction: float, grouped: bool, named: str) -> None:
    with pytest.raises(UserError, match=named):
        split_holdout(examples(texts), fraction=fraction, seed=0, grouped=grouped)


def test_pairs_are_not_grouped() -> None:
    with pytest.raises(UserError, match="got pairs"):
        split_holdout(examples(["a", "b"], ["c", "d"]), fraction=0.5, seed=0, grouped=True)
