"""Text of the toy language to pretrain on."""

from collections.abc import Iterator

from lit_idim.toy.draws import Draws
from lit_idim.toy.edits import change, generalise
from lit_idim.toy.facts import express
from lit_idim.toy.meaning import Statement
from lit_idim.toy.reviews import draw_review
from lit_idim.toy.shares import share_of
from lit_idim.toy.statements import draw_statement
from lit_idim.toy.usage import PROSE
from lit_idim.toy.vocabulary import CATEGORIES, LANGUAGE_VERSION, toy_vocabulary

MAX_WORDS_PER_LINE = 30


def toy_corpus(num_sentences: int, seed: int = 0) -> Iterator[str]:
    """Lines of text, one or two sentences each; no labels, and no sentence that a task can draw.

    Kinds of line, by frequency: a review of opinions that mostly agree (35%); a fact, then the same in other words,
    less of the same, or a similar fact (50%); a definition (15%). A line has at most 30 words: with <s> and </s> it
    fits in 32 tokens. A smaller corpus of the same seed is the beginning of a larger one.

    Args:
        num_sentences: number of sentences over all lines; the last line is cut to make it exact.
        seed: seed of the text; the language itself has none.

    Yields:
        lines without a line end; tokens are separated by spaces and every sentence ends in " .".

    Example:
        >>> sum(line.count(" .") for line in toy_corpus(10))
        10
    """
    draws = Draws(seed, "toy/corpus", LANGUAGE_VERSION)
    remaining = num_sentences
    while remaining > 0:
        sentences = _draw_line(draws)[:remaining]
        remaining -= len(sentences)
        yield " ".join(sentences)


def _draw_line(draws: Draws) -> list[str]:
    kind = draws.below(100)
    if kind < 15:
        return [_draw_definition(draws)]
    while True:
        sentences = [draw_review(draws, PROSE).sentence] if kind < 50 else _draw_two_facts(draws)
        is_short = sum(len(sentence.split()) for sentence in sentences) <= MAX_WORDS_PER_LINE
        if is_short and all(share_of(sentence) == "corpus" for sentence in sentences):
            return sentences


def _draw_two_facts(draws: Draws) -> list[str]:
    """A fact, then the same in other words, some of it, or a similar one."""
    fact = draw_statement(draws, PROSE)
    second = draws.choose((_same, generalise, change))(fact, draws)
    return [express(fact, draws, PROSE, told=()), express(second, draws, PROSE, told=(fact,))]


def _same(fact: Statement, draws: Draws) -> Statement:
    return fact


def _draw_definition(draws: Draws) -> str:
    """The category of a noun, a synonym, or "not" and the opposite; no task has such sentences."""
    vocabulary = toy_vocabulary()
    if draws.chance(20):
        category = draws.below(len(CATEGORIES))
        noun = draws.choose(draws.choose(vocabulary.nouns[category]))
        return f"the {noun} is a {CATEGORIES[category]} ."
    if draws.chance(30):
        pair = draws.choose(vocabulary.events + vocabulary.states)
        end = draws.below(2)
        return f"{draws.choose(pair[end])} is not {draws.choose(pair[1 - end])} ."
    ends = [synonyms for pair in vocabulary.events + vocabulary.states for synonyms in pair]
    nouns = [synonyms for category in vocabulary.nouns for synonyms in category]
    first, second = draws.choose([*nouns, *vocabulary.places, *vocabulary.modifiers, *ends])
    return f"{first} is {second} ." if draws.chance(50) else f"{second} is {first} ."
