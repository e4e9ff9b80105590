from lit_idim.toy.draws import Draws
from lit_idim.toy.meaning import Participant, Statement, in_range
from lit_idim.toy.statements import draw_statement, habits
from lit_idim.toy.usage import PROSE, TASK


def _participants(statement: Statement) -> list[Participant]:
    return [thing for thing in (statement.subject, statement.object) if thing is not None]


def test_predicates_and_modifiers_go_with_the_categories() -> None:
    draws = Draws(0, "statements")
    for usage in (PROSE, TASK):
        for _ in range(300):
            statement = draw_statement(draws, usage)
            for thing in _participants(statement):
                assert in_range(statement.axis, thing.category)
                assert all(in_range(modifier, thing.category) for modifier in thing.modifiers)


def test_prose_keeps_to_habits_and_tasks_do_not() -> None:
    def share_of_habitual_predicates(usage: object) -> float:
        draws = Draws(0, "habits")
        drawn = [draw_statement(draws, usage, hypernym_percent=0) for _ in range(1000)]  # type: ignore[arg-type]
        kept = [
            (fact.axis, fact.end)
            == (
                habits()[fact.subject.category][fact.subject.member].axis,
                habits()[fact.subject.category][fact.subject.member].end,
            )
            for fact in drawn
            if fact.subject.member is not None
        ]
        return sum(kept) / len(kept)

    assert share_of_habitual_predicates(PROSE) > 0.7
    assert share_of_habitual_predicates(TASK) < 0.15
