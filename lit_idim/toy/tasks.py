"""The GLUE-shaped tasks of the toy language; labels follow from the meaning.

    task         columns   classes                                  the label
    toy-sst2     sentence  0 negative, 1 positive                   sign of the sum of a review's three or five opinions
    toy-opinion  sentence  0 negative, 1 positive                   the one opinion told, never by a negation
    toy-cola     sentence  0 unacceptable, 1 acceptable             whether the words are in the language's order, or
                                                                    two neighbours were exchanged
    toy-topic    sentence  0 made, 1 grown                          category of what a state is told of: tool, vehicle,
                                                                    garment, building; or person, creature, food, plant
    toy-mrpc     pair      0 not equivalent, 1 equivalent           whether both sentences express one statement, or two
                                                                    that have nothing to do with each other
    toy-mnli     pair      0 entailment, 1 neutral, 2 contradiction `meaning.relation` of premise and hypothesis

Class numbers are those of GLUE. Classes are equally likely. A single word tells the label of toy-opinion and toy-topic;
so that no encoder scores 100% there, WRONG_LABEL_PERCENT of their labels are wrong, as where people label. Every
example fits in MAX_TOKENS tokens, special tokens included, so that a small encoder needs no more positions and nothing
is ever cut.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from lit_idim.data.examples import Examples
from lit_idim.errors import UserError
from lit_idim.toy.acceptability import disorder, draw_sentence
from lit_idim.toy.draws import Draws
from lit_idim.toy.edits import specialise
from lit_idim.toy.facts import express
from lit_idim.toy.meaning import Relation, Statement, relation
from lit_idim.toy.reviews import draw_opinion, draw_review
from lit_idim.toy.shares import first_of_share, share_of
from lit_idim.toy.statements import draw_statement
from lit_idim.toy.usage import TASK
from lit_idim.toy.vocabulary import CATEGORIES, LANGUAGE_VERSION

Sentences = tuple[str, ...]

MAX_TOKENS = 32
HYPOTHESIS_HYPERNYM_PERCENT = 40
SPLIT_SIZES = {"train": 4000, "dev": 1000, "test": 1000}
GROWN = ("person", "creature", "food", "plant")
WITHOUT_NEGATION = replace(TASK, negation_percent=0)
WRONG_LABEL_PERCENT = 3
WITH_WRONG_LABELS = ("toy-opinion", "toy-topic")
PAIR_TRAIN_SIZE = 12_000  # to compare two sentences takes more examples to learn


def toy_examples(task_name: str, split: str, seed: int = 0, *, num_examples: int | None = None) -> Examples:
    """Examples of a toy task; no example occurs twice, and no sentence in two splits or in the corpus.

    Args:
        task_name: "toy-sst2", "toy-opinion", "toy-cola", "toy-topic", "toy-mrpc" or "toy-mnli".
        split: "train", "dev" or "test".
        seed: seed of the examples; the language itself has none.
        num_examples: number of examples; by default 4000 for train (12000 of pairs), 1000 for dev and for test.
            Fewer examples of the same seed are the first of more.

    Raises:
        UserError: if the task or the split is not known, or `num_examples` is not positive.

    Example:
        >>> examples = toy_examples("toy-sst2", "dev", num_examples=3)
        >>> len(examples.first), examples.second is None, examples.labels.dtype
        (3, True, dtype('int64'))
    """
    if task_name not in _TASKS:
        raise UserError(f"task_name: expected one of {', '.join(_TASKS)}; got {task_name!r}")
    if split not in SPLIT_SIZES:
        raise UserError(f"split: expected one of {', '.join(SPLIT_SIZES)} for {task_name}; got {split!r}")
    count = split_size(task_name, split) if num_examples is None else num_examples
    if count < 1:
        raise UserError(f"num_examples: expected at least 1 example of {task_name}; got {count}")

    sentences, labels = _draw_examples(task_name, split, seed, count)
    return Examples(
        first=[told[0] for told in sentences],
        second=[told[1] for told in sentences] if len(sentences[0]) > 1 else None,
        labels=np.array(labels, dtype=np.int64),
        index=np.arange(count, dtype=np.int64),
    )


@lru_cache(maxsize=16)  # a training is set up again and again; drawing the examples takes seconds
def _draw_examples(task_name: str, split: str, seed: int, count: int) -> tuple[tuple[Sentences, ...], tuple[int, ...]]:
    draws = Draws(seed, f"{task_name}/{split}", LANGUAGE_VERSION)
    draw_sentences, num_classes = _TASKS[task_name]
    labels: dict[Sentences, int] = {}
    while len(labels) < count:
        label, sentences = draws.below(num_classes), None
        while sentences is None or sentences in labels or _num_tokens(sentences) > MAX_TOKENS:
            sentences = draw_sentences(draws, label, split)
        is_wrong = task_name in WITH_WRONG_LABELS and draws.chance(WRONG_LABEL_PERCENT)
        labels[sentences] = 1 - label if is_wrong else label
    return tuple(labels), tuple(labels.values())


def split_size(task_name: str, split: str) -> int:
    """Examples of a whole split."""
    return PAIR_TRAIN_SIZE if split == "train" and task_name in ("toy-mrpc", "toy-mnli") else SPLIT_SIZES[split]


def _num_tokens(sentences: Sentences) -> int:
    """Words and RoBERTa's special tokens: two for a sentence, four for a pair."""
    return sum(len(sentence.split()) + 2 for sentence in sentences)


def _draw_review(draws: Draws, label: int, split: str) -> Sentences | None:
    review = draw_review(draws, TASK)
    return (review.sentence,) if (review.score > 0) == label and share_of(review.sentence) == split else None


def _draw_opinion(draws: Draws, label: int, split: str) -> Sentences | None:
    sentence = draw_opinion(label, draws, WITHOUT_NEGATION)
    return (sentence,) if share_of(sentence) == split else None


def _draw_acceptability(draws: Draws, label: int, split: str) -> Sentences | None:
    """A sentence, or one whose sentence in order belongs to the same split."""
    sentence = draw_sentence(draws)
    if share_of(sentence) != split:
        return None
    told = sentence if label else disorder(sentence, draws, share=split)
    return None if told is None else (told,)


def _draw_topic(draws: Draws, label: int, split: str) -> Sentences | None:
    """The state of something that is called by its own name.

    Which categories a state goes with tells a little of its bearer's.
    """
    statement = replace(draw_statement(draws, TASK, hypernym_percent=0), object=None)
    if (CATEGORIES[statement.subject.category] in GROWN) != label:
        return None
    sentence = express(statement, draws, TASK)
    return (sentence,) if share_of(sentence) == split else None


def _draw_paraphrase(draws: Draws, label: int, split: str) -> Sentences | None:
    """The words of one sentence say nothing about the label, its length a little, as in `_draw_inference`."""
    statement = draw_statement(draws, TASK)
    other = statement if label else _unrelated(statement, draws)
    if (other == statement) != label:
        return None
    return _pair(lambda: express(statement, draws, TASK), lambda: express(other, draws, TASK), split)


def _draw_inference(draws: Draws, label: int, split: str) -> Sentences | None:
    """The premise tells more of the hypothesis, of its opposite, or of something else.

    Hypotheses are drawn alike for all labels, and so are premises: the words of one sentence say nothing about the
    label. Their lengths say a little: meanings of few wordings are rejected more often where both sentences tell one.
    """
    hypothesis = draw_statement(draws, TASK, hypernym_percent=HYPOTHESIS_HYPERNYM_PERCENT)
    told = hypothesis
    if label == Relation.CONTRADICTION.value:
        told = replace(hypothesis, end=1 - hypothesis.end)
    elif label == Relation.NEUTRAL.value:
        told = _unrelated(hypothesis, draws, hypernym_percent=HYPOTHESIS_HYPERNYM_PERCENT)
    premise = specialise(told, draws)
    if relation(premise, hypothesis).value != label:
        return None
    return _pair(lambda: express(premise, draws, TASK), lambda: express(hypothesis, draws, TASK), split)


def _unrelated(statement: Statement, draws: Draws, *, hypernym_percent: int = 10) -> Statement:
    """Another statement of the same form (event or state, with or without a place): the form tells no label."""
    while True:
        other = draw_statement(draws, TASK, hypernym_percent=hypernym_percent)
        if _form(other) == _form(statement):
            return other


def _form(statement: Statement) -> tuple[int, bool]:
    return len(statement.participants), statement.place is None


def _pair(draw_first: Callable[[], str], draw_second: Callable[[], str], split: str) -> Sentences | None:
    first, second = first_of_share(draw_first, split), first_of_share(draw_second, split)
    return None if first is None or second is None or first == second else (first, second)


_TASKS = {
    "toy-sst2": (_draw_review, 2),
    "toy-opinion": (_draw_opinion, 2),
    "toy-cola": (_draw_acceptability, 2),
    "toy-topic": (_draw_topic, 2),
    "toy-mrpc": (_draw_paraphrase, 2),
    "toy-mnli": (_draw_inference, len(Relation)),
}
