import pytest

from lit_idim.toy.meaning import (
    Participant,
    Relation,
    Statement,
    fitting_axes,
    fitting_categories,
    fitting_modifiers,
    relation,
)
from lit_idim.toy.vocabulary import CATEGORIES, NUM_AXES, NUM_MODIFIERS

PREMISE = Statement(3, 1, Participant(4, 7, frozenset({2, 9})), Participant(5, 0), place=1)


@pytest.mark.parametrize(
    ("hypothesis", "expected"),
    [
        (PREMISE, Relation.ENTAILMENT),
        (Statement(3, 1, Participant(4, None), Participant(5, None)), Relation.ENTAILMENT),
        (Statement(3, 0, Participant(4, None), Participant(5, None)), Relation.CONTRADICTION),
        (Statement(3, 1, Participant(4, 6), Participant(5, 0)), Relation.NEUTRAL),
        (Statement(3, 1, Participant(4, 7, frozenset({3})), Participant(5, 0)), Relation.NEUTRAL),
        (Statement(3, 1, Participant(5, 0), Participant(4, 7)), Relation.NEUTRAL),
        (Statement(3, 1, Participant(4, 7)), Relation.NEUTRAL),
        (Statement(4, 1, Participant(4, 7), Participant(5, 0)), Relation.NEUTRAL),
        (Statement(3, 1, Participant(4, 7), Participant(5, 0), place=2), Relation.NEUTRAL),
    ],
)
def test_relation(hypothesis: Statement, expected: Relation) -> None:
    assert relation(PREMISE, hypothesis) is expected


def test_class_numbers_are_those_of_glue() -> None:
    assert [member.name.lower() for member in sorted(Relation, key=lambda member: member.value)] == [
        "entailment",
        "neutral",
        "contradiction",
    ]


def test_half_of_the_axes_and_modifiers_go_with_each_category() -> None:
    for category in range(len(CATEGORIES)):
        assert len(fitting_axes(category)) == NUM_AXES // 2
        assert len(fitting_modifiers(category)) == NUM_MODIFIERS // 2
    for axis in range(NUM_AXES):
        assert all(axis in fitting_axes(category) for category in fitting_categories(axis))
