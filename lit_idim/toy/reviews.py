"""Reviews: sentences of several opinions, whose majority is the sentiment."""

from collections.abc import Sequence
from dataclasses import dataclass

from lit_idim.toy.draws import Draws
from lit_idim.toy.facts import name_participant
from lit_idim.toy.statements import draw_participant
from lit_idim.toy.usage import Usage
from lit_idim.toy.vocabulary import CATEGORIES, PERSON, OppositePair, toy_vocabulary

DEGREE_PERCENT = 30
FEELING_PERCENT = 30
LINKS = (",", "and", "but", "because", "while")


@dataclass(frozen=True)
class Review:
    """A sentence and its score: the sum of its opinions, +1 or -1 each, negation included; never 0."""

    sentence: str
    score: int


def draw_review(draws: Draws, usage: Usage) -> Review:
    """A review of three or five opinions; the number is odd, so that no score is 0.

    Args:
        draws: the decisions.
        usage: how often an opinion agrees with the mood of the review, and how even the choice of its word is.

    Example:
        >>> from lit_idim.toy.usage import TASK
        >>> draw_review(Draws(0, "example"), TASK).score in (-5, -3, -1, 1, 3, 5)
        True
    """
    mood = draws.below(2)
    num_opinions = 3 + 2 * draws.below(2)
    opinions = [mood if draws.chance(usage.agreement_percent) else 1 - mood for _ in range(num_opinions)]
    words: list[str] = []
    untold = opinions
    while untold:
        link = [draws.choose(LINKS)] if words else []
        if draws.chance(FEELING_PERCENT):
            clause, num_told = _feeling_clause(untold[0], draws, usage), 1
        else:
            num_told = min(1 + draws.below(2), len(untold))
            clause = _judging_clause(untold[:num_told], draws, usage)
        words += [*link, *clause]
        untold = untold[num_told:]
    return Review(" ".join([*words, "."]), sum(2 * opinion - 1 for opinion in opinions))


def draw_opinion(polarity: int, draws: Draws, usage: Usage) -> str:
    """A sentence of one opinion.

    Args:
        polarity: 1 for praise, 0 for blame.
        draws: the decisions.
        usage: how often an opinion is told as the negation of its opposite, and which words are chosen.

    Example:
        >>> from lit_idim.toy.usage import TASK
        >>> draw_opinion(1, Draws(0, "example"), TASK).endswith(" .")
        True
    """
    return " ".join([*_opinion_clause(polarity, draws, usage), "."])


def _opinion_clause(opinion: int, draws: Draws, usage: Usage) -> list[str]:
    if draws.chance(FEELING_PERCENT):
        return _feeling_clause(opinion, draws, usage)
    return _judging_clause([opinion], draws, usage)


def _judging_clause(opinions: Sequence[int], draws: Draws, usage: Usage) -> list[str]:
    """Somebody or something was this, or was this and that."""
    words = [*_draw_topic(draws, usage), "was"]
    for i, opinion in enumerate(opinions):
        words += [*(["and"] if i else []), *_judgement(opinion, toy_vocabulary().opinion_adjectives, draws, usage)]
    return words


def _feeling_clause(opinion: int, draws: Draws, usage: Usage) -> list[str]:
    """A person has felt so about something."""
    person = draws.choose(draws.choose(toy_vocabulary().nouns[PERSON]))
    return [
        "the",
        person,
        "has",
        *_judgement(opinion, toy_vocabulary().opinion_verbs, draws, usage),
        *_draw_topic(draws, usage),
    ]


def _judgement(opinion: int, words_by_polarity: OppositePair, draws: Draws, usage: Usage) -> list[str]:
    """A word of the opinion's polarity, or "not" and one of the opposite polarity."""
    negated = draws.chance(usage.negation_percent)
    polarity = 1 - opinion if negated else opinion
    words = words_by_polarity[polarity]
    word = draws.choose_by_rank(words) if usage.ranked_opinions else draws.choose(words)
    degree = []
    if draws.chance(DEGREE_PERCENT):
        company = polarity if draws.chance(usage.prosody_percent) else 1 - polarity
        degree = [draws.choose(toy_vocabulary().degree_adverbs[company])]
    return [*(["not"] if negated else []), *degree, word]


def _draw_topic(draws: Draws, usage: Usage) -> list[str]:
    topic = draw_participant(draws, usage, draws.below(len(CATEGORIES)))
    return ["the", *name_participant(topic, draws, usage)]
