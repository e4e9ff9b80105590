"""Factual sentences: the words for a statement."""

from lit_idim.toy.draws import Draws
from lit_idim.toy.meaning import Participant, Statement, covers
from lit_idim.toy.usage import Usage
from lit_idim.toy.vocabulary import CATEGORIES, SynonymSet, toy_vocabulary

Told = tuple[Statement, ...]

ADVERB_PERCENT = 60


def express(statement: Statement, draws: Draws, usage: Usage, told: Told | None = None) -> str:
    """A sentence that says the statement; synonyms, voice and negation of the opposite are up to draws and usage.

    Args:
        statement: what to say.
        draws: the decisions.
        usage: how often which wording is chosen.
        told: the statements told before in the same text, which decide between "a" and "the", "still" and "now"; None
            for a sentence by itself, which has neither "a" nor adverbs.

    Example:
        >>> from lit_idim.toy.usage import TASK
        >>> statement = Statement(axis=3, end=1, subject=Participant(4, None))
        >>> express(statement, Draws(0, "example"), TASK).split()[:3]
        ['the', 'plant', 'is']
        >>> express(statement, Draws(0, "example"), TASK, told=()).split()[:3]
        ['a', 'plant', 'is']
    """
    vocabulary = toy_vocabulary()
    negated = draws.chance(usage.negation_percent)
    end = 1 - statement.end if negated else statement.end
    manner = [*_adverb(statement, draws, told), *(["not"] if negated else [])]
    subject = _introduced(statement.subject, draws, usage, told)
    if statement.object is None:
        words = [*subject, "is", *manner, _word(vocabulary.states[statement.axis][end], draws, usage)]
    else:
        verb = _word(vocabulary.events[statement.axis][end], draws, usage)
        target = _introduced(statement.object, draws, usage, told)
        if draws.chance(usage.passive_percent):
            words = [*target, "has", *manner, "been", verb, "by", *subject]
        else:
            words = [*subject, "has", *manner, verb, *target]
    if statement.place is not None:
        is_known = told is None or any(statement.place == other.place for other in told)
        words += ["in", "the" if is_known else "a", _word(vocabulary.places[statement.place], draws, usage)]
    return " ".join([*words, "."])


def name_participant(participant: Participant, draws: Draws, usage: Usage) -> list[str]:
    """Words that name a participant: modifiers in either order, noun or category."""
    vocabulary = toy_vocabulary()
    modifiers = sorted(participant.modifiers, reverse=draws.chance(50))
    if participant.member is None:
        name = CATEGORIES[participant.category]
    else:
        name = _word(vocabulary.nouns[participant.category][participant.member], draws, usage)
    return [*(_word(vocabulary.modifiers[modifier], draws, usage) for modifier in modifiers), name]


def _introduced(participant: Participant, draws: Draws, usage: Usage, told: Told | None) -> list[str]:
    """The participant with its article: "the" for one that the text has told of, "a" for a new one."""
    is_known = told is None or any(covers(participant, known) for other in told for known in other.participants)
    return ["the" if is_known else "a", *name_participant(participant, draws, usage)]


def _adverb(statement: Statement, draws: Draws, told: Told | None) -> list[str]:
    """Nothing, or "still" for an end of an axis that the text has told of and "now" for a new one."""
    if not told or not draws.chance(ADVERB_PERCENT):
        return []
    return ["still" if any((statement.axis, statement.end) == (other.axis, other.end) for other in told) else "now"]


def _word(synonyms: SynonymSet, draws: Draws, usage: Usage) -> str:
    return synonyms[0] if draws.chance(usage.usual_word_percent) else draws.choose(synonyms[1:])
