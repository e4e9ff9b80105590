"""How the language is used: fluently in the corpus, evenly in the tasks."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Frequencies that leave the meaning of every sentence alone and change how often it is said.

    Attributes:
        habit_percent: how often a noun comes with its habitual modifier, predicate and place instead of any.
        usual_word_percent: how often the first word of a synonym set stands for the set; the others share the rest.
        ranked_opinions: whether opinion words are drawn by rank (few are frequent, most are rare) or evenly.
        agreement_percent: how often an opinion agrees with the mood of its review.
        prosody_percent: how often a degree adverb stands before a word of the polarity that it goes with.
        negation_percent: how often a predicate or an opinion is said as "not" and its opposite.
        passive_percent: how often an event is told in the passive.
    """

    habit_percent: int
    usual_word_percent: int
    ranked_opinions: bool
    agreement_percent: int
    prosody_percent: int
    negation_percent: int
    passive_percent: int


# Prose has what words are learnt from: company that tells synonyms, categories and polarity, and frequent words by
# which rare ones can be understood. In the tasks nothing of it is left, so that no habit and no frequent word tells a
# label.
PROSE = Usage(
    habit_percent=75,
    usual_word_percent=80,
    ranked_opinions=True,
    agreement_percent=95,
    prosody_percent=95,
    negation_percent=8,
    passive_percent=10,
)
TASK = Usage(
    habit_percent=0,
    usual_word_percent=70,
    ranked_opinions=False,
    agreement_percent=75,
    prosody_percent=50,
    negation_percent=10,
    passive_percent=10,
)
