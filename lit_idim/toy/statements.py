"""Drawing statements, and the habits of things that prose keeps to."""

from dataclasses import dataclass
from functools import cache

from lit_idim.toy.draws import Draws
from lit_idim.toy.meaning import Participant, Statement, fitting_axes, fitting_categories, fitting_modifiers
from lit_idim.toy.usage import Usage
from lit_idim.toy.vocabulary import CATEGORIES, LANGUAGE_VERSION, MEMBERS_PER_CATEGORY, NUM_PLACES

EVENT_PERCENT = 67
PLACE_PERCENT = 25
MODIFIER_PERCENT = 33


@dataclass(frozen=True)
class Habit:
    """What is mostly said of a thing: an axis and its end, a place, a modifier."""

    axis: int
    end: int
    place: int
    modifier: int


@cache
def habits() -> tuple[tuple[Habit, ...], ...]:
    """The habit of each member of each category, `habits()[category][member]`: part of the language, of no seed."""
    draws = Draws(0, "toy/habits", LANGUAGE_VERSION)
    return tuple(
        tuple(_draw_habit(draws, category) for _ in range(MEMBERS_PER_CATEGORY)) for category in range(len(CATEGORIES))
    )


def draw_statement(draws: Draws, usage: Usage, *, hypernym_percent: int = 10) -> Statement:
    """A statement: an event in two of three draws, otherwise a state; one in four has a place.

    Args:
        draws: the decisions.
        usage: how often habits decide: the subject's over predicate and place, each noun's over its modifier.
        hypernym_percent: how often a participant is named by its category alone.
    """
    category = draws.below(len(CATEGORIES))
    subject = draw_participant(draws, usage, category, hypernym_percent=hypernym_percent)
    habit = _habit_in_use(draws, usage, subject)
    target = None
    if draws.chance(EVENT_PERCENT):
        target_category = draws.choose(fitting_categories(habit.axis))
        target = draw_participant(draws, usage, target_category, hypernym_percent=hypernym_percent)
    place = habit.place if draws.chance(PLACE_PERCENT) else None
    return Statement(habit.axis, habit.end, subject, target, place)


def draw_participant(draws: Draws, usage: Usage, category: int, *, hypernym_percent: int = 0) -> Participant:
    """A participant of the category; one in three has a modifier."""
    thing = Participant(category, None if draws.chance(hypernym_percent) else draws.below(MEMBERS_PER_CATEGORY))
    if not draws.chance(MODIFIER_PERCENT):
        return thing
    return Participant(category, thing.member, frozenset({_habit_in_use(draws, usage, thing).modifier}))


def _habit_in_use(draws: Draws, usage: Usage, thing: Participant) -> Habit:
    if thing.member is not None and draws.chance(usage.habit_percent):
        return habits()[thing.category][thing.member]
    return _draw_habit(draws, thing.category)


def _draw_habit(draws: Draws, category: int) -> Habit:
    return Habit(
        axis=draws.choose(fitting_axes(category)),
        end=draws.below(2),
        place=draws.below(NUM_PLACES),
        modifier=draws.choose(fitting_modifiers(category)),
    )
