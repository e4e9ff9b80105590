"""Sentences and non-sentences: the same words, with two neighbours exchanged against the grammar."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from lit_idim.toy.draws import Draws
from lit_idim.toy.facts import express
from lit_idim.toy.reviews import draw_review
from lit_idim.toy.shares import share_of
from lit_idim.toy.statements import draw_statement
from lit_idim.toy.usage import TASK
from lit_idim.toy.vocabulary import CATEGORIES, FUNCTION_WORDS, LANGUAGE_VERSION, toy_vocabulary

REVIEW_PERCENT = 40
NUM_SENTENCES_OF_GRAMMAR = 4000

# Before the first and after the last word.
_EDGE = "edge"


def draw_sentence(draws: Draws) -> str:
    """A review or a statement.

    Example:
        >>> draw_sentence(Draws(0, "example")).endswith(" .")
        True
    """
    if draws.chance(REVIEW_PERCENT):
        return draw_review(draws, TASK).sentence
    return express(draw_statement(draws, TASK), draws, TASK)


def disorder(sentence: str, draws: Draws, *, share: str) -> str | None:
    """The sentence with two neighbouring words exchanged, so that word classes meet that never do in the language.

    Args:
        sentence: of the language.
        draws: the decisions.
        share: that the outcome must belong to (`share_of`).

    Returns:
        The non-sentence; None if no exchange makes one of the share.

    Example:
        >>> disorder("the plant is klazmish .", Draws(0, "example"), share="train")
        'plant the is klazmish .'
    """
    words = sentence.split()
    exchanged = [[*words[:i], words[i + 1], words[i], *words[i + 2 :]] for i in range(len(words) - 2)]
    broken = [" ".join(candidate) for candidate in exchanged if not is_sentence(candidate)]
    ours = [candidate for candidate in broken if share_of(candidate) == share]
    return draws.choose(ours) if ours else None


def is_sentence(words: Sequence[str]) -> bool:
    """Whether every two neighbours are of word classes that may follow each other."""
    return _neighbours(words) <= _grammar()


def _neighbours(words: Sequence[str]) -> frozenset[tuple[str, str]]:
    classes = [_EDGE, *(_word_classes()[word] for word in words), _EDGE]
    return frozenset(pairwise(classes))


@cache
def _grammar() -> frozenset[tuple[str, str]]:
    """Pairs of word classes that follow each other in the language, read off many sentences; of no seed."""
    draws = Draws(0, "toy/grammar", LANGUAGE_VERSION)
    pairs: set[tuple[str, str]] = set()
    for _ in range(NUM_SENTENCES_OF_GRAMMAR):
        pairs |= _neighbours(draw_sentence(draws).split())
    return frozenset(pairs)


@cache
def _word_classes() -> dict[str, str]:
    """The class of each word; every function word is one of its own."""
    vocabulary = toy_vocabulary()
    classes = {word: word for word in FUNCTION_WORDS} | dict.fromkeys(CATEGORIES, "noun")
    sets = {
        "noun": [synonyms for category in vocabulary.nouns for synonyms in category],
        "place": vocabulary.places,
        "modifier": vocabulary.modifiers,
        "event": [synonyms for pair in vocabulary.events for synonyms in pair],
        "state": [synonyms for pair in vocabulary.states for synonyms in pair],
        "opinion adjective": vocabulary.opinion_adjectives,
        "opinion verb": vocabulary.opinion_verbs,
        "degree adverb": vocabulary.degree_adverbs,
    }
    for name, synonym_sets in sets.items():
        classes |= {word: name for synonyms in synonym_sets for word in synonyms}
    return classes
