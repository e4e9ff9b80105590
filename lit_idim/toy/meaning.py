"""What a factual sentence of the toy language means, apart from its words.

A statement is a predicate on an axis with two opposite ends, one or two participants, and perhaps a place. Participants
are read existentially: "the tromzy velzo has grulzed the food" says that some tromzy velzo did so to some food.
"""

from dataclasses import dataclass
from enum import Enum

from lit_idim.toy.vocabulary import CATEGORIES, NUM_AXES, NUM_MODIFIERS

CATEGORIES_IN_RANGE = 4


@dataclass(frozen=True)
class Participant:
    """A thing: its category, which member of it (None: any), and its modifiers."""

    category: int
    member: int | None
    modifiers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Statement:
    """A fact: end `end` (0 or 1) of axis `axis` holds of `subject` (a state), or between it and `object` (an event)."""

    axis: int
    end: int
    subject: Participant
    object: Participant | None = None
    place: int | None = None

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Subject and, of an event, object."""
        return (self.subject,) if self.object is None else (self.subject, self.object)


class Relation(Enum):
    """How a premise bears on a hypothesis; the values are the class numbers of GLUE's MNLI."""

    ENTAILMENT = 0
    NEUTRAL = 1
    CONTRADICTION = 2


def in_range(index: int, category: int) -> bool:
    """Whether a modifier or an axis goes with a category: each goes with four neighbours on the ring of eight.

    Both roles of an event share the range of its axis, so that participants can change places.
    """
    return (category - index) % len(CATEGORIES) < CATEGORIES_IN_RANGE


def fitting_axes(*categories: int) -> list[int]:
    """The axes that go with all of the categories."""
    return [axis for axis in range(NUM_AXES) if all(in_range(axis, category) for category in categories)]


def fitting_modifiers(category: int) -> list[int]:
    """The modifiers that go with the category."""
    return [modifier for modifier in range(NUM_MODIFIERS) if in_range(modifier, category)]


def fitting_categories(axis: int) -> list[int]:
    """The categories that an axis goes with."""
    return [category for category in range(len(CATEGORIES)) if in_range(axis, category)]


def relation(premise: Statement, hypothesis: Statement) -> Relation:
    """How a premise bears on a hypothesis.

    Entailment if the premise says all that the hypothesis says, contradiction if it does so but for the opposite end of
    the axis, else neutral.

    Example:
        >>> premise = Statement(axis=3, end=1, subject=Participant(4, 7, frozenset({2})), place=5)
        >>> relation(premise, Statement(axis=3, end=1, subject=Participant(4, None))).name
        'ENTAILMENT'
        >>> relation(premise, Statement(axis=3, end=0, subject=Participant(4, 7))).name
        'CONTRADICTION'
        >>> relation(premise, Statement(axis=3, end=1, subject=Participant(4, 7), place=6)).name
        'NEUTRAL'
    """
    told = (
        premise.axis == hypothesis.axis
        and covers(hypothesis.subject, premise.subject)
        and covers(hypothesis.object, premise.object)
        and hypothesis.place in (None, premise.place)
    )
    if not told:
        return Relation.NEUTRAL
    return Relation.ENTAILMENT if premise.end == hypothesis.end else Relation.CONTRADICTION


def covers(general: Participant | None, specific: Participant | None) -> bool:
    """Whether all that is said of `general` holds of `specific`; no participant covers only no participant."""
    if general is None or specific is None:
        return general is specific
    return (
        general.category == specific.category
        and general.member in (None, specific.member)
        and general.modifiers <= specific.modifiers
    )
