import hashlib

import numpy as np

from lit_idim.toy.corpus import toy_corpus
from lit_idim.toy.shares import share_of
from lit_idim.toy.tasks import toy_examples
from lit_idim.toy.vocabulary import toy_vocabulary

CHECKSUM = "e7d388dfd8a248ef"


def _sentences(line: str) -> list[str]:
    return [f"{sentence} ." for sentence in line.removesuffix(" .").split(" . ")]


def test_the_corpus_is_the_same_everywhere() -> None:
    text = "\n".join(toy_corpus(1000))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == CHECKSUM


def test_the_number_of_sentences_is_exact_and_a_small_corpus_begins_a_large_one() -> None:
    large = [sentence for line in toy_corpus(500, seed=2) for sentence in _sentences(line)]
    for num_sentences in (1, 2, 3, 50, 51):
        small = [sentence for line in toy_corpus(num_sentences, seed=2) for sentence in _sentences(line)]
        assert small == large[:num_sentences]
    assert not list(toy_corpus(0))


def test_every_word_is_in_the_vocabulary_and_every_word_occurs() -> None:
    words = {word for line in toy_corpus(12000) for word in line.split()}
    assert words == set(toy_vocabulary().words())


def test_no_sentence_of_a_task_is_in_the_corpus() -> None:
    corpus = {sentence for line in toy_corpus(20000, seed=1) for sentence in _sentences(line)}
    for name in ("toy-sst2", "toy-mrpc", "toy-mnli"):
        examples = toy_examples(name, "dev", num_examples=300)
        assert corpus.isdisjoint(examples.first)
        assert corpus.isdisjoint(examples.second or [])
    facts_and_reviews = {sentence for sentence in corpus if len(sentence.split()) > 6}
    assert {share_of(sentence) for sentence in facts_and_reviews} == {"corpus"}


def test_polarity_can_be_learnt_from_the_company_of_words() -> None:
    """The leading component of which opinion words stand together separates the two polarities."""
    vocabulary = toy_vocabulary()
    polarity = {
        word: sign
        for pair in (vocabulary.opinion_adjectives, vocabulary.opinion_verbs)
        for sign, words in zip((-1, 1), pair, strict=True)
        for word in words
    }
    rows = {word: i for i, word in enumerate(polarity)}
    together = np.zeros((len(rows), len(rows)))
    for line in toy_corpus(8000):
        present = [rows[word] for word in line.split() if word in rows]
        for i in present:
            together[i, present] += 1
        together[present, present] -= 1
    expected = np.outer(together.sum(0), together.sum(1)) / together.sum()
    leading = np.linalg.eigh((together - expected) / np.sqrt(expected + 1e-9))[1][:, -1]
    agreement = np.mean(np.sign(leading) == np.array(list(polarity.values())))
    assert max(agreement, 1 - agreement) > 0.95
