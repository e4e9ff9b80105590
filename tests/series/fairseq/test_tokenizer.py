"""Token-level truth: a text has the ids that fairseq's dictionary gives it."""

import json

import pytest
from transformers import AutoTokenizer

from lit_idim.errors import UserError
from lit_idim.series.fairseq.dictionary import read_dictionary
from lit_idim.series.fairseq.gpt2_bpe import read_bpe
from lit_idim.series.fairseq.tokenizer import make_tokenizer

from .plain_fairseq import TEXT, rows_of, write_bpe, write_dictionary

TEXTS = [
    *TEXT,
    "Something else entirely: Übermut, 中文 and עברית, ½ + ¼ = ¾.",
    " leading,  double   and trailing spaces  ",
    "\u0000\u007f\u00ad\u200b\ufeff\uffff\U0010ffff control and rare bytes",
    "don't you've I'm he'd 'tis ''s",
    "a" * 50,
    "",
]


@pytest.fixture
def bpe(tmp_path):
    return write_bpe(tmp_path)


def tokenizer_of(folder):
    return make_tokenizer(read_dictionary(folder / "dict.txt"), read_bpe(folder), max_length=512)


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_rows(tmp_path, bpe, text):
    tokens = write_dictionary(tmp_path / "dict.txt", bpe)
    tokenizer_of(tmp_path).save_pretrained(tmp_path / "saved")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert tokenizer(text)["input_ids"] == rows_of(text, bpe, tokens)
    assert len(tokenizer) == len(tokens)
    assert tokenizer.decode(tokenizer(text)["input_ids"][1:-1], clean_up_tokenization_spaces=False) == text


def test_special_tokens(tmp_path, bpe):
    tokens = write_dictionary(tmp_path / "dict.txt", bpe)
    tokenizer_of(tmp_path).save_pretrained(tmp_path / "saved")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "saved")
    names = ("bos", "pad", "eos", "unk", "mask", "cls", "sep")
    ids = [getattr(tokenizer, f"{name}_token_id") for name in names]
    assert ids == [0, 1, 2, 3, len(tokens) - 1, 0, 2]
    assert tokenizer.convert_ids_to_tokens(len(tokens) - 2) == tokens[-2] == "madeupword0323"
    assert tokenizer.model_max_length == 512
    # As fairseq's fill_mask, which strips the text in front of the mask.
    ids = [*rows_of("The cat", bpe, tokens)[:-1], len(tokens) - 1, *rows_of(" sat.", bpe, tokens)[1:]]
    assert tokenizer("The cat <mask> sat.")["input_ids"] == ids
    # Two sentences have two separators between them.
    pair = [*rows_of("a", bpe, tokens), 2, *rows_of("b", bpe, tokens)[1:]]
    assert tokenizer("a", "b")["input_ids"] == pair


def test_bytes_that_no_merge_needs_may_be_absent(tmp_path, bpe):
    absent = tuple(bpe.encode("§"))[1:] + tuple(bpe.encode("#~"))
    tokens = write_dictionary(tmp_path / "dict.txt", bpe, left_out=absent)
    text = "a ~~ # § b"
    assert rows_of(text, bpe, tokens).count(3) == 4
    assert tokenizer_of(tmp_path)(text)["input_ids"] == rows_of(text, bpe, tokens)


def test_a_token_named_as_a_special_one(tmp_path, bpe):
    # As a BPE trained by the tokenizers library with special tokens has it.
    bpe.numbers["<s>"] = 999
    (tmp_path / "encoder.json").write_text(json.dumps(bpe.numbers))
    tokens = write_dictionary(tmp_path / "dict.txt", bpe)
    tokenizer = tokenizer_of(tmp_path)
    assert tokenizer.bos_token_id == 0 and len(tokenizer) == len(tokens)
    assert tokenizer(TEXT[0])["input_ids"] == rows_of(TEXT[0], bpe, tokens)


def test_a_merged_token_that_the_dictionary_lacks(tmp_path, bpe):
    number = bpe.numbers["Ġthe"]
    write_dictionary(tmp_path / "dict.txt", bpe, left_out=(number,))
    with pytest.raises(UserError, match=f"dict.txt lacks 1 of the .* tokens.*as {number} .'Ġthe'.*--srcdict"):
        tokenizer_of(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [("▁the 9", "'▁the' is not a number in encoder.json.*source.bpe"), ("70000 9", "'70000' is not a number")],
)
def test_the_dictionary_of_another_bpe(tmp_path, bpe, line, message):
    write_dictionary(tmp_path / "dict.txt", bpe)
    with (tmp_path / "dict.txt").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(UserError, match=message):
        tokenizer_of(tmp_path)


@pytest.mark.parametrize("name", ["encoder.json", "vocab.bpe"])
def test_a_missing_file_of_the_bpe(tmp_path, bpe, name):
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing.*dl.fbaipublicfiles.com/fairseq/gpt2_bpe/.*source.bpe"):
        read_bpe(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("encoder.json", "{", "encoder.json is damaged"),
        ("encoder.json", "[1]", "expected a map of tokens to numbers"),
        ("encoder.json", '{"a": "1"}', "expected a map of tokens to numbers"),
        ("encoder.json", '{"a": 1, "b": 1}', "two tokens have the same number"),
        ("encoder.json", '{"a": 1}', "vocab.bpe merges .* do not belong together"),
        ("vocab.bpe", "#version: 0.2\na b c\n", "line 2: expected two tokens"),
        ("vocab.bpe", "#version: 0.2\n", "holds no merges"),
    ],
)
def test_damaged_files_of_the_bpe(tmp_path, bpe, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        read_bpe(tmp_path)


def test_files_that_cannot_be_read(tmp_path, bpe):
    (tmp_path / "vocab.bpe").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="vocab.bpe cannot be read"):
        read_bpe(tmp_path)
