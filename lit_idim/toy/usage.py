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
    """

    habit_percent: int
    usual_word_percent: int
    ranked_opinions: bool
    agreement_percent: int


# Prose has what words are learnt from: company that tells synonyms, categories and polarity, and frequent words that
# rare ones can be understood by. In the tasks nothing of it is left, so that no habit and no frequent word tells a
# label.
PROSE = Usage(habit_percent=75, usual_word_percent=70, ranked_opinions=True, agreement_percent=90)
TASK = Usage(habit_percent=0, usual_word_percent=50, ranked_opinions=False, agreement_percent=75)
