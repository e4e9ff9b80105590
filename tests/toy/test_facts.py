from collections.abc import Callable

from lit_idim.toy.draws import Draws
from lit_idim.toy.facts import express
from lit_idim.toy.meaning import Statement
from lit_idim.toy.statements import draw_statement
from lit_idim.toy.usage import PROSE, TASK


def test_a_sentence_reads_back_as_its_statement(read_fact: Callable[[str], Statement]) -> None:
    draws = Draws(0, "facts")
    for usage in (PROSE, TASK):
        for _ in range(300):
            statement = draw_statement(draws, usage)
            assert read_fact(express(statement, draws, usage)) == statement


def test_a_statement_has_many_wordings() -> None:
    draws = Draws(1, "facts")
    statement = next(drawn for _ in range(100) if (drawn := draw_statement(draws, TASK)).object is not None)
    sentences = {express(statement, draws, TASK) for _ in range(200)}
    assert len(sentences) > 10
    assert any(" by " in sentence for sentence in sentences) and any(" not " in sentence for sentence in sentences)
