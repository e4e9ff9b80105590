"""Factual sentences: the words for a statement."""

from lit_idim.toy.draws import Draws
from lit_idim.toy.meaning import Participant, Statement
from lit_idim.toy.usage import Usage
from lit_idim.toy.vocabulary import CATEGORIES, SynonymSet, toy_vocabulary


def express(statement: Statement, draws: Draws, usage: Usage) -> str:
    """A sentence that says the statement; synonyms, voice and negation of the opposite are up to draws and usage.

    Example:
        >>> from lit_idim.toy.usage import TASK
        >>> express(Statement(axis=3, end=1, subject=Participant(4, None)), Draws(0, "example"), TASK).split()[:3]
        ['the', 'plant', 'is']
    """
    vocabulary = toy_vocabulary()
    negated = draws.chance(usage.negation_percent)
    end = 1 - statement.end if negated else statement.end
    negation = ["not"] if negated else []
    subject = express_participant(statement.subject, draws, usage)
    if statement.object is None:
        words = [*subject, "is", *negation, _word(vocabulary.states[statement.axis][end], draws, usage)]
    else:
        verb = _word(vocabulary.events[statement.axis][end], draws, usage)
        target = express_participant(statement.object, draws, usage)
        if draws.chance(usage.passive_percent):
            words = [*target, "has", *negation, "been", verb, "by", *subject]
        else:
            words = [*subject, "has", *negation, verb, *target]
    if statement.place is not None:
        words += ["in", "the", _word(vocabulary.places[statement.place], draws, usage)]
    return " ".join([*words, "."])


def express_participant(participant: Participant, draws: Draws, usage: Usage) -> list[str]:
    """Words that name a participant: article, modifiers in either order, noun or category."""
    vocabulary = toy_vocabulary()
    modifiers = sorted(participant.modifiers, reverse=draws.chance(50))
    if participant.member is None:
        name = CATEGORIES[participant.category]
    else:
        name = _word(vocabulary.nouns[participant.category][participant.member], draws, usage)
    return ["the", *(_word(vocabulary.modifiers[modifier], draws, usage) for modifier in modifiers), name]


def _word(synonyms: SynonymSet, draws: Draws, usage: Usage) -> str:
    return synonyms[0] if draws.chance(usage.usual_word_percent) else draws.choose(synonyms[1:])
