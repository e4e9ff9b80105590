import pytest

from lit_idim.toy.vocabulary import CATEGORIES, FUNCTION_WORDS, Vocabulary, toy_vocabulary


def test_no_word_stands_in_two_places() -> None:
    words = toy_vocabulary().words()
    assert len(set(words)) == len(words) == 615


@pytest.mark.parametrize(
    ("attribute", "ending"),
    [
        ("nouns", "o"),
        ("places", "ia"),
        ("modifiers", "y"),
        ("events", "ed"),
        ("states", "ish"),
        ("opinion_adjectives", "ous"),
        ("opinion_verbs", "ated"),
        ("degree_adverbs", "ly"),
    ],
)
def test_an_ending_tells_the_class_and_only_the_class(attribute: str, ending: str) -> None:
    def flatten(node: object) -> list[str]:
        return [node] if isinstance(node, str) else [word for child in node for word in flatten(child)]  # type: ignore[attr-defined]

    words = flatten(getattr(toy_vocabulary(), attribute))
    stems = {word.removesuffix(ending) for word in words}
    assert all(word.endswith(ending) for word in words)
    assert len(stems) == len(words), "a stem is used for one word only"


def test_words_lists_every_class() -> None:
    words = set(toy_vocabulary().words())
    assert words.issuperset(FUNCTION_WORDS) and words.issuperset(CATEGORIES)
    assert len(Vocabulary.__dataclass_fields__) == 8
