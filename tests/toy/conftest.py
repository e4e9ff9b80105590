"""A reader of toy sentences, written from the grammar alone: from words back to meaning."""

from collections.abc import Callable
from typing import Any

import pytest

from lit_idim.toy.meaning import Participant, Statement
from lit_idim.toy.vocabulary import CATEGORIES, toy_vocabulary


def _positions(*levels: Any) -> dict[str, tuple[int, ...]]:
    """Where each word stands in nested tuples of words."""
    found: dict[str, tuple[int, ...]] = {}

    def walk(node: Any, path: tuple[int, ...]) -> None:
        if isinstance(node, str):
            found[node] = path
        else:
            for i, child in enumerate(node):
                walk(child, (*path, i))

    for level in levels:
        walk(level, ())
    return found


WORDS = toy_vocabulary()
NOUNS, PLACES, MODIFIERS = _positions(WORDS.nouns), _positions(WORDS.places), _positions(WORDS.modifiers)
PREDICATES = _positions(WORDS.events, WORDS.states)
OPINIONS = _positions(WORDS.opinion_adjectives, WORDS.opinion_verbs)


def _read_participant(words: list[str]) -> Participant:
    article, *modifiers, name = words
    assert article in ("a", "the")
    category, member = (CATEGORIES.index(name), None) if name in CATEGORIES else NOUNS[name][:2]
    return Participant(category, member, frozenset(MODIFIERS[modifier][0] for modifier in modifiers))


def _read_fact(sentence: str) -> Statement:
    words = [word for word in sentence.split() if word not in ("still", "now")]
    assert words.pop() == "."
    place = None
    if "in" in words:
        place = PLACES[words[-1]][0]
        words = words[: words.index("in")]
    verb = next(i for i, word in enumerate(words) if word in PREDICATES)
    auxiliary = words.index("is") if "is" in words else words.index("has")
    axis, end, _ = PREDICATES[words[verb]]
    if "not" in words:
        end = 1 - end
    first = _read_participant(words[:auxiliary])
    rest = words[verb + 1 :]
    if "is" in words:
        assert not rest
        return Statement(axis, end, first, None, place)
    if "by" in words:
        return Statement(axis, end, _read_participant(rest[1:]), first, place)
    return Statement(axis, end, first, _read_participant(rest), place)


def _read_score(sentence: str) -> int:
    score, negated = 0, False
    for word in sentence.split():
        if word == "not":
            negated = True
        elif word in OPINIONS:
            polarity = OPINIONS[word][0]
            score += 2 * ((1 - polarity) if negated else polarity) - 1
            negated = False
    return score


@pytest.fixture
def read_fact() -> Callable[[str], Statement]:
    return _read_fact


@pytest.fixture
def read_score() -> Callable[[str], int]:
    return _read_score
