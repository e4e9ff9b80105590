from collections.abc import Callable

from lit_idim.toy.draws import Draws
from lit_idim.toy.facts import express
from lit_idim.toy.meaning import Participant, Statement
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


def test_articles_and_adverbs_follow_what_was_told() -> None:
    draws = Draws(2, "facts")
    fact = Statement(3, 1, Participant(4, 7, frozenset({2})), place=5)
    hypernym = Statement(3, 1, Participant(4, None))
    other = Statement(3, 0, Participant(4, 6), place=5)
    for _ in range(100):
        assert express(fact, draws, TASK).split()[0] == "the"
        assert express(fact, draws, TASK, told=()).split()[0] == "a"
        again, news = express(hypernym, draws, TASK, told=(fact,)), express(other, draws, TASK, told=(fact,))
        assert again.startswith("the plant is") and " now " not in again
        assert news.startswith("a ") and " still " not in news and " in the " in news
