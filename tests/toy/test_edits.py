from dataclasses import fields

from lit_idim.toy.draws import Draws
from lit_idim.toy.edits import change, generalise, specialise
from lit_idim.toy.meaning import Relation, relation
from lit_idim.toy.statements import draw_statement
from lit_idim.toy.usage import TASK


def test_more_detail_entails_less_detail() -> None:
    draws = Draws(0, "edits")
    for _ in range(300):
        statement = draw_statement(draws, TASK)
        assert relation(specialise(statement, draws), statement) is Relation.ENTAILMENT
        assert relation(statement, generalise(statement, draws)) is Relation.ENTAILMENT


def test_change_touches_one_thing_and_every_kind_of_change_occurs() -> None:
    draws = Draws(0, "change")
    touched = set()
    for _ in range(600):
        statement = draw_statement(draws, TASK)
        changed = change(statement, draws)
        names = [
            field.name for field in fields(statement) if getattr(statement, field.name) != getattr(changed, field.name)
        ]
        is_swap = (statement.subject, statement.object) == (changed.object, changed.subject)
        assert len(names) <= 1 or is_swap
        touched.add(tuple(names))
    assert touched >= {(), ("axis",), ("end",), ("subject",), ("object",), ("place",), ("subject", "object")}
