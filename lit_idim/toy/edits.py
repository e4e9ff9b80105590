"""Edits of a statement that make it say more, less, or something else."""

from collections.abc import Callable
from dataclasses import replace

from lit_idim.toy.draws import Draws
from lit_idim.toy.meaning import Participant, Statement, fitting_axes, fitting_modifiers
from lit_idim.toy.vocabulary import MEMBERS_PER_CATEGORY, NUM_PLACES

MAX_MODIFIERS = 2


def specialise(statement: Statement, draws: Draws) -> Statement:
    """The same statement told in more detail (or left as it is): members for categories, more modifiers, a place."""

    def told_more(participant: Participant) -> Participant:
        member, modifiers = participant.member, participant.modifiers
        if member is None and draws.chance(75):
            member = draws.below(MEMBERS_PER_CATEGORY)
        if len(modifiers) < MAX_MODIFIERS and draws.chance(40):
            modifiers = modifiers | {draws.choose(fitting_modifiers(participant.category))}
        return replace(participant, member=member, modifiers=modifiers)

    place = draws.below(NUM_PLACES) if statement.place is None and draws.chance(40) else statement.place
    return replace(_map_participants(statement, told_more), place=place)


def generalise(statement: Statement, draws: Draws) -> Statement:
    """The same statement told in less detail (or left as it is): categories for members, fewer modifiers, no place."""

    def told_less(participant: Participant) -> Participant:
        member = None if draws.chance(40) else participant.member
        kept = frozenset(modifier for modifier in sorted(participant.modifiers) if not draws.chance(60))
        return replace(participant, member=member, modifiers=kept)

    place = None if draws.chance(60) else statement.place
    return replace(_map_participants(statement, told_less), place=place)


def change(statement: Statement, draws: Draws) -> Statement:
    """One thing in the statement made another; a kind of change that does not apply leaves it as it is."""
    edit = draws.choose((_other_member, _other_modifier, _other_place, _other_axis, _opposite_end, _swapped_roles))
    return edit(statement, draws)


def _map_participants(statement: Statement, edit: Callable[[Participant], Participant]) -> Statement:
    subject = edit(statement.subject)
    return replace(statement, subject=subject, object=None if statement.object is None else edit(statement.object))


def _edit_one_participant(statement: Statement, draws: Draws, edit: Callable[[Participant], Participant]) -> Statement:
    if statement.object is not None and draws.chance(50):
        return replace(statement, object=edit(statement.object))
    return replace(statement, subject=edit(statement.subject))


def _other_member(statement: Statement, draws: Draws) -> Statement:
    def edit(participant: Participant) -> Participant:
        return replace(participant, member=draws.below(MEMBERS_PER_CATEGORY))

    return _edit_one_participant(statement, draws, edit)


def _other_modifier(statement: Statement, draws: Draws) -> Statement:
    def edit(participant: Participant) -> Participant:
        if not participant.modifiers:
            return participant
        dropped = draws.choose(sorted(participant.modifiers))
        return replace(
            participant,
            modifiers=participant.modifiers - {dropped} | {draws.choose(fitting_modifiers(participant.category))},
        )

    return _edit_one_participant(statement, draws, edit)


def _other_place(statement: Statement, draws: Draws) -> Statement:
    return statement if statement.place is None else replace(statement, place=draws.below(NUM_PLACES))


def _other_axis(statement: Statement, draws: Draws) -> Statement:
    categories = [thing.category for thing in statement.participants]
    return replace(statement, axis=draws.choose(fitting_axes(*categories)))


def _opposite_end(statement: Statement, draws: Draws) -> Statement:
    return replace(statement, end=1 - statement.end)


def _swapped_roles(statement: Statement, draws: Draws) -> Statement:
    if statement.object is None:
        return statement
    return replace(statement, subject=statement.object, object=statement.subject)
