import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from lit_idim.data.examples import Examples
from lit_idim.errors import UserError
from lit_idim.tasks import TASKS
from lit_idim.toy.acceptability import is_sentence
from lit_idim.toy.meaning import Relation, Statement, relation
from lit_idim.toy.tasks import GROWN, MAX_TOKENS, SPLIT_SIZES, WRONG_LABEL_PERCENT, split_size, toy_examples
from lit_idim.toy.tokenizer import build_toy_tokenizer
from lit_idim.toy.vocabulary import CATEGORIES

NAMES = ("toy-sst2", "toy-opinion", "toy-cola", "toy-topic", "toy-mrpc", "toy-mnli")
CHECKSUMS = {
    "toy-sst2": "272f3d48d8778687",
    "toy-opinion": "9e248ac7e827d582",
    "toy-cola": "4f30bdf77b4de330",
    "toy-topic": "fa27890de9d09001",
    "toy-mrpc": "f50eded4ce406983",
    "toy-mnli": "204e843aa7426f26",
}


@pytest.fixture(scope="module")
def splits() -> dict[tuple[str, str], Examples]:
    return {(name, split): toy_examples(name, split) for name in NAMES for split in SPLIT_SIZES}


def _texts(examples: Examples) -> list[tuple[str, ...]]:
    columns = [examples.first] if examples.second is None else [examples.first, examples.second]
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_are_the_same_everywhere(name: str, splits: dict[tuple[str, str], Examples]) -> None:
    digest = hashlib.sha256()
    for split in SPLIT_SIZES:
        examples = splits[name, split]
        assert examples.labels is not None
        lines = [
            "\t".join((*texts, str(label))) for texts, label in zip(_texts(examples), examples.labels, strict=True)
        ]
        digest.update("\n".join(lines).encode())
    assert digest.hexdigest()[:16] == CHECKSUMS[name]


@pytest.mark.parametrize("name", NAMES)
def test_sizes_classes_and_columns(name: str, splits: dict[tuple[str, str], Examples]) -> None:
    for split in SPLIT_SIZES:
        examples, size = splits[name, split], split_size(name, split)
        assert len(examples) == size and examples.labels is not None
        assert examples.index.tolist() == list(range(size))
        shares = np.bincount(examples.labels) / size
        assert len(shares) == TASKS[name].num_labels
        assert shares.max() < 1 / len(shares) + 0.05
        assert (examples.second is not None) == (len(TASKS[name].text_columns) == 2)


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_is_in_two_splits_and_no_example_twice(name: str, splits: dict[tuple[str, str], Examples]) -> None:
    sentences = {}
    for split in SPLIT_SIZES:
        texts = _texts(splits[name, split])
        assert len(set(texts)) == len(texts)
        sentences[split] = {sentence for pair in texts for sentence in pair}
    assert sentences["train"].isdisjoint(sentences["dev"] | sentences["test"])
    assert sentences["dev"].isdisjoint(sentences["test"])


@pytest.mark.parametrize("name", NAMES)
def test_dev_words_occur_in_train_and_each_content_word_is_rare(
    name: str, splits: dict[tuple[str, str], Examples]
) -> None:
    train, dev = (
        [word for texts in _texts(splits[name, split]) for sentence in texts for word in sentence.split()]
        for split in ("train", "dev")
    )
    assert set(dev) <= set(train)
    words, counts = np.unique(train, return_counts=True)
    assert len(words) > 300
    assert np.median(counts) < 0.01 * len(train)


def test_sentiment_is_the_majority_of_the_opinions(
    splits: dict[tuple[str, str], Examples], read_score: Callable[[str], int]
) -> None:
    examples = splits["toy-sst2", "train"]
    assert examples.labels is not None
    assert [int(read_score(sentence) > 0) for sentence in examples.first] == examples.labels.tolist()


def test_unacceptable_sentences_are_the_words_of_a_sentence_in_another_order(
    splits: dict[tuple[str, str], Examples],
) -> None:
    examples = splits["toy-cola", "train"]
    assert examples.labels is not None
    assert [int(is_sentence(sentence.split())) for sentence in examples.first] == examples.labels.tolist()
    for sentence, label in zip(examples.first, examples.labels, strict=True):
        words = sentence.split()
        exchanges = ([*words[:i], words[i + 1], words[i], *words[i + 2 :]] for i in range(len(words) - 1))
        assert label or any(is_sentence(exchange) for exchange in exchanges)


def _assert_right_but_for_few(labels: list[int], truths: list[int]) -> None:
    num_wrong = sum(label != truth for label, truth in zip(labels, truths, strict=True))
    expected = len(labels) * WRONG_LABEL_PERCENT / 100
    assert expected - 4 * expected**0.5 < num_wrong < expected + 4 * expected**0.5


def test_the_opinion_is_the_only_one_of_the_sentence(
    splits: dict[tuple[str, str], Examples], read_score: Callable[[str], int]
) -> None:
    examples = splits["toy-opinion", "train"]
    assert examples.labels is not None
    scores = [read_score(sentence) for sentence in examples.first]
    assert set(scores) == {-1, 1} and not any("not" in sentence.split() for sentence in examples.first)
    _assert_right_but_for_few(examples.labels.tolist(), [int(score > 0) for score in scores])


def test_the_topic_is_the_category_of_what_has_the_state(
    splits: dict[tuple[str, str], Examples], read_fact: Callable[[str], Statement]
) -> None:
    examples = splits["toy-topic", "train"]
    assert examples.labels is not None
    facts = [read_fact(sentence) for sentence in examples.first]
    assert all(fact.object is None and fact.subject.member is not None for fact in facts)
    _assert_right_but_for_few(examples.labels.tolist(), [int(CATEGORIES[f.subject.category] in GROWN) for f in facts])


def test_paraphrases_are_the_pairs_of_one_meaning(
    splits: dict[tuple[str, str], Examples], read_fact: Callable[[str], Statement]
) -> None:
    examples = splits["toy-mrpc", "train"]
    assert examples.labels is not None
    equal = [int(read_fact(first) == read_fact(second)) for first, second in _texts(examples)]
    assert equal == examples.labels.tolist()


def test_inference_follows_from_the_meanings(
    splits: dict[tuple[str, str], Examples], read_fact: Callable[[str], Statement]
) -> None:
    examples = splits["toy-mnli", "train"]
    assert examples.labels is not None
    found = [relation(read_fact(first), read_fact(second)) for first, second in _texts(examples)]
    assert found == [Relation(label) for label in examples.labels.tolist()]


@pytest.mark.parametrize("name", NAMES)
def test_no_single_word_tells_the_label(name: str, splits: dict[tuple[str, str], Examples]) -> None:
    """The best rule of the kind "this word is there" is within 10 points of the majority class."""
    examples = splits[name, "train"]
    assert examples.labels is not None
    bags = [set(" ".join(texts).split()) for texts in _texts(examples)]
    majority = np.bincount(examples.labels).max()
    for word in sorted(set().union(*bags)):
        present = np.array([word in bag for bag in bags])
        hits = sum(np.bincount(examples.labels[rows]).max() for rows in (present, ~present) if rows.any())
        assert hits < majority + 0.1 * len(examples), word


@pytest.mark.parametrize("column", ["first", "second"])
@pytest.mark.parametrize("name", ["toy-mrpc", "toy-mnli"])
def test_one_sentence_of_a_pair_does_not_tell_the_label(
    name: str, column: str, splits: dict[tuple[str, str], Examples]
) -> None:
    """Naive Bayes over the words of one sentence is within six points of the majority class on dev."""
    train, dev = splits[name, "train"], splits[name, "dev"]
    assert train.labels is not None and dev.labels is not None
    train_texts, dev_texts = getattr(train, column), getattr(dev, column)
    words = {word: i for i, word in enumerate(sorted({word for text in train_texts for word in text.split()}))}
    num_classes = TASKS[name].num_labels
    counts = np.ones((num_classes, len(words)))
    for text, label in zip(train_texts, train.labels, strict=True):
        counts[label, [words[word] for word in text.split()]] += 1
    log_likelihood = np.log(counts / counts.sum(1, keepdims=True))
    predicted = [int(log_likelihood[:, [words[word] for word in text.split()]].sum(1).argmax()) for text in dev_texts]
    assert np.mean(np.array(predicted) == dev.labels) < np.bincount(dev.labels).max() / len(dev) + 0.06


@pytest.mark.parametrize("name", NAMES)
def test_every_example_fits_the_stated_length(name: str, splits: dict[tuple[str, str], Examples]) -> None:
    tokenizer = build_toy_tokenizer()
    for split in SPLIT_SIZES:
        ids = tokenizer(splits[name, split].first, splits[name, split].second).input_ids
        assert max(map(len, ids)) <= MAX_TOKENS
        assert not any(tokenizer.unk_token_id in row for row in ids)


@pytest.mark.parametrize("name", NAMES)
def test_fewer_examples_are_the_first_of_more_and_a_seed_makes_others(
    name: str, splits: dict[tuple[str, str], Examples]
) -> None:
    few = toy_examples(name, "dev", num_examples=40)
    assert few.labels is not None and splits[name, "dev"].labels is not None
    assert _texts(few) == _texts(splits[name, "dev"])[:40]
    assert few.labels.tolist() == splits[name, "dev"].labels[:40].tolist()
    assert _texts(toy_examples(name, "dev", seed=1, num_examples=40)) != _texts(few)


@pytest.mark.parametrize("name", ["toy-sst2", "toy-mrpc"])
def test_what_a_user_changes_is_not_in_the_next_answer(name: str) -> None:
    changed = toy_examples(name, "dev", num_examples=5)
    untouched = _texts(changed)
    changed.first[0] = ""
    if changed.second is not None:
        changed.second.clear()
    assert changed.labels is not None
    changed.labels[:] = 7
    again = toy_examples(name, "dev", num_examples=5)
    assert _texts(again) == untouched and again.labels is not None and again.labels.max() < 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task_name": "toy-rte", "split": "dev"}, "toy-sst2, .*, toy-mnli; got 'toy-rte'"),
        ({"task_name": "toy-sst2", "split": "validation"}, "train, dev, test for toy-sst2; got 'validation'"),
        ({"task_name": "toy-sst2", "split": "dev", "num_examples": 0}, "at least 1 example of toy-sst2; got 0"),
    ],
)
def test_mistakes_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        toy_examples(**arguments)  # type: ignore[arg-type]
