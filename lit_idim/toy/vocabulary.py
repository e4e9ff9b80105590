"""The words of the toy language: word classes, synonym sets, opposites, categories and polarity.

Function words and the names of the categories are English, so that sentences can be read; every other word is an
invented stem with the ending of its word class. An ending tells the class and nothing else (neither meaning, category
nor polarity), so that no tokenizer can read an answer off the spelling.

    class              ending   words  structure
    noun               -o         192  8 categories x 12 members x 2 synonyms
    category               -        8  English: the hypernym of the 12 members of a category
    place              -ia         24  12 places x 2 synonyms
    modifier           -y          48  24 modifiers x 2 synonyms
    event verb         -ed         64  16 axes x 2 opposites x 2 synonyms
    state adjective    -ish        64  16 axes x 2 opposites x 2 synonyms
    opinion adjective  -ous       144  2 polarities x 72
    opinion verb       -ated       48  2 polarities x 24
    degree adverb      -ly          6  2 polarities x 3: what they mostly go with; they mean no more than "very"
    function word          -       17  English
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lit_idim.randomness import keyed_permutation

LANGUAGE_VERSION = 1

SynonymSet = tuple[str, ...]
OppositePair = tuple[SynonymSet, SynonymSet]

FUNCTION_WORDS = (
    *("the", "a", "is", "was", "has", "been", "not"),
    *("by", "in", "still", "now", "and", "but", "because", "while", ",", "."),
)
CATEGORIES = ("person", "creature", "tool", "food", "plant", "vehicle", "garment", "building")
PERSON = CATEGORIES.index("person")
MEMBERS_PER_CATEGORY = 12
SYNONYMS_PER_SET = 2
NUM_PLACES = 12
NUM_MODIFIERS = 24
NUM_AXES = 16
OPINION_ADJECTIVES_PER_POLARITY = 72
OPINION_VERBS_PER_POLARITY = 24
DEGREE_ADVERBS_PER_POLARITY = 3

ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "dr", "gr", "kl", "pl", "tr")
VOWELS = ("a", "e", "i", "o", "u")
CODAS = ("lz", "nz", "mz", "rz", "zm", "zd", "nv", "gm", "dv", "zb", "vl", "gn")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The words of the toy language by class.

    Attributes:
        nouns: the synonym set of each member of each category, `nouns[category][member]`.
        places: the synonym set of each place.
        modifiers: the synonym set of each attributive adjective.
        events: two opposite synonym sets of transitive participles an axis.
        states: two opposite synonym sets of predicative adjectives an axis.
        opinion_adjectives: negative words, positive words.
        opinion_verbs: negative participles, positive participles.
        degree_adverbs: adverbs that go with negative words, with positive words.
    """

    nouns: tuple[tuple[SynonymSet, ...], ...]
    places: tuple[SynonymSet, ...]
    modifiers: tuple[SynonymSet, ...]
    events: tuple[OppositePair, ...]
    states: tuple[OppositePair, ...]
    opinion_adjectives: OppositePair
    opinion_verbs: OppositePair
    degree_adverbs: OppositePair

    def words(self) -> tuple[str, ...]:
        """Every word once, in a fixed order: function words, categories, then the invented classes."""
        invented = [word for category in self.nouns for synonyms in category for word in synonyms]
        invented += [word for synonyms in self.places + self.modifiers for word in synonyms]
        invented += [word for pair in self.events + self.states for synonyms in pair for word in synonyms]
        polar = (self.opinion_adjectives, self.opinion_verbs, self.degree_adverbs)
        invented += [word for pair in polar for words in pair for word in words]
        return (*FUNCTION_WORDS, *CATEGORIES, *invented)


@cache
def toy_vocabulary() -> Vocabulary:
    """The one vocabulary of the toy language: it depends on no seed, so every corpus, task and tokenizer shares it.

    Example:
        >>> len(toy_vocabulary().words())
        615
        >>> all(word.endswith("ish") for pair in toy_vocabulary().states for side in pair for word in side)
        True
    """
    stems = _stems()

    def take(count: int, ending: str) -> SynonymSet:
        return tuple(next(stems) + ending for _ in range(count))

    def synonym_sets(count: int, ending: str) -> tuple[SynonymSet, ...]:
        return tuple(take(SYNONYMS_PER_SET, ending) for _ in range(count))

    def opposite_pairs(count: int, ending: str) -> tuple[OppositePair, ...]:
        return tuple((take(SYNONYMS_PER_SET, ending), take(SYNONYMS_PER_SET, ending)) for _ in range(count))

    def polar_words(count: int, ending: str) -> tuple[SynonymSet, SynonymSet]:
        return take(count, ending), take(count, ending)

    return Vocabulary(
        nouns=tuple(synonym_sets(MEMBERS_PER_CATEGORY, "o") for _ in CATEGORIES),
        places=synonym_sets(NUM_PLACES, "ia"),
        modifiers=synonym_sets(NUM_MODIFIERS, "y"),
        events=opposite_pairs(NUM_AXES, "ed"),
        states=opposite_pairs(NUM_AXES, "ish"),
        opinion_adjectives=polar_words(OPINION_ADJECTIVES_PER_POLARITY, "ous"),
        opinion_verbs=polar_words(OPINION_VERBS_PER_POLARITY, "ated"),
        degree_adverbs=polar_words(DEGREE_ADVERBS_PER_POLARITY, "ly"),
    )


def _stems() -> Iterator[str]:
    """Distinct pronounceable stems, onset + vowel + coda, in a keyed order."""
    stems = [onset + vowel + coda for onset in ONSETS for vowel in VOWELS for coda in CODAS]
    order = keyed_permutation(0, f"toy/stems/{LANGUAGE_VERSION}", len(stems))
    return (stems[i] for i in order.tolist())
