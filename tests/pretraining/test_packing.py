from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lit_idim.errors import UserError
from lit_idim.pretraining.corpus import read_corpus
from lit_idim.pretraining.packed_cache import load_packed
from lit_idim.pretraining.packing import pack_corpus
from lit_idim.pretraining.tokenizer import SPECIAL_TOKENS, train_tokenizer
from lit_idim.toy import build_toy_tokenizer, toy_corpus

LINES = [*toy_corpus(400)]
BOS, PAD, EOS = 0, 1, 2


def documents() -> Iterator[str]:
    for i, line in enumerate(LINES):
        yield line
        if i % 3 == 2:
            yield ""


def test_packs_every_token_once_and_in_order() -> None:
    tokenizer = build_toy_tokenizer()
    packed = pack_corpus(documents(), tokenizer, sequence_length=40)
    kept = [token for token in packed.ravel().tolist() if token not in (BOS, PAD, EOS)]
    assert kept == [token for line in LINES for token in tokenizer(line, add_special_tokens=False).input_ids]


def test_sequences_begin_end_and_pad_as_roberta_has_it() -> None:
    packed = pack_corpus(documents(), build_toy_tokenizer(), sequence_length=40)
    assert packed.dtype == np.uint16
    assert (packed[:, 0] == BOS).all() and not (packed[:, 1:] == BOS).any()
    for row in packed.tolist():
        length = row.index(PAD) if PAD in row else len(row)
        assert row[length - 1] == EOS and row[length - 2] != EOS
        assert set(row[length:]) <= {PAD}


def test_no_sentence_is_split_that_fits() -> None:
    tokenizer = build_toy_tokenizer()
    packed = pack_corpus(documents(), tokenizer, sequence_length=40)
    stop = tokenizer.convert_tokens_to_ids(".")
    for row in packed.tolist():
        text = [token for token in row if token not in (PAD, EOS)]
        assert text[-1] == stop


def test_documents_are_separated() -> None:
    tokenizer = build_toy_tokenizer()
    row = pack_corpus(["the plant is", "", "a plant is"], tokenizer, sequence_length=12)[0].tolist()
    words = tokenizer.convert_ids_to_tokens(row)
    assert words == ["<s>", "the", "plant", "is", "</s>", "a", "plant", "is", "</s>", "<pad>", "<pad>", "<pad>"]


def test_a_sentence_longer_than_a_sequence_is_cut() -> None:
    tokenizer = build_toy_tokenizer()
    packed = pack_corpus(["the " * 25], tokenizer, sequence_length=12)
    assert (packed == tokenizer.convert_tokens_to_ids("the")).sum() == 25
    assert len(packed) == 3


def test_a_sequence_must_have_room() -> None:
    with pytest.raises(UserError, match="sequence_length: expected at least 8"):
        pack_corpus(["the"], build_toy_tokenizer(), sequence_length=4)


def test_pieces_of_a_line_are_the_tokens_of_the_line() -> None:
    text = 'It rained. "Was it late?" asked Ann. Nobody knew (not even she). Then 3.5 hours passed.'
    tokenizer = train_tokenizer([text] * 5, vocab_size=300, max_length=64)
    packed = pack_corpus([text], tokenizer, sequence_length=128)
    assert tokenizer.decode(packed[0], skip_special_tokens=True) == text
    whole = tokenizer(text, add_special_tokens=False).input_ids
    assert [token for token in packed.ravel().tolist() if token > EOS] == whole


def test_special_tokens_in_a_text_are_text() -> None:
    text = "Write <s>this</s> and <mask> or <pad> so."
    tokenizer = train_tokenizer([text] * 5, vocab_size=275, max_length=64)
    packed = pack_corpus([text], tokenizer, sequence_length=128)
    length = int((packed[0] != PAD).sum())
    assert (packed[0, :length] > EOS).sum() == length - 2 and 4 not in packed[0]
    assert tokenizer.decode(packed[0, 1 : length - 1]) == text


def test_the_cache_is_filled_once_and_follows_the_text(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("the plant is\n")
    tokenizer = build_toy_tokenizer()

    def load() -> np.ndarray:
        return load_packed([str(path)], tokenizer, sequence_length=12, cache_dir=tmp_path / "cache")

    first = load()
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1
    assert (load() == first).all() and len(list((tmp_path / "cache").rglob("*.npy"))) == 1
    path.write_text("the plant is the plant\n")
    assert not (load() == first).all()
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 2


def test_a_trained_tokenizer_has_robertas_form() -> None:
    tokenizer = train_tokenizer(read_corpus(["toy:500"]), vocab_size=400, max_length=64)
    assert tokenizer.convert_ids_to_tokens(list(range(5))) == list(SPECIAL_TOKENS)
    assert len(tokenizer) == 400
    pair = tokenizer("a b", "c").input_ids
    assert (pair[0], pair[-1]) == (BOS, EOS) and pair.count(EOS) == 3
    text = "Any text, Ünïcode and 表 too."
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    tokenizer = build_toy_tokenizer()

    def load() -> np.ndarray:
        return load_packed(["toy:50"], tokenizer, sequence_length=12, cache_dir=tmp_path)

    whole = np.array(load())
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.warns(UserWarning, match="is damaged"):
        assert (load() == whole).all()


@pytest.mark.parametrize(("vocab_size", "message"), [(100, "at least 261"), (5000, "yields only")])
def test_a_vocabulary_that_cannot_be_is_refused(vocab_size: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        train_tokenizer(read_corpus(["toy:50"]), vocab_size=vocab_size, max_length=64)
