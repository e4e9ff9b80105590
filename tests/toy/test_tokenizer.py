from pathlib import Path

from transformers import AutoTokenizer

from lit_idim.toy.corpus import toy_corpus
from lit_idim.toy.tokenizer import SPECIAL_TOKENS, build_toy_tokenizer
from lit_idim.toy.vocabulary import toy_vocabulary


def test_special_tokens_have_the_ids_of_roberta() -> None:
    tokenizer = build_toy_tokenizer()
    assert tokenizer.convert_ids_to_tokens([0, 1, 2, 3, 4]) == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    assert (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1, 2)
    assert (tokenizer.unk_token_id, tokenizer.mask_token_id) == (3, 4)
    assert (tokenizer.cls_token_id, tokenizer.sep_token_id) == (0, 2)
    assert len(tokenizer) == tokenizer.vocab_size == len(SPECIAL_TOKENS) + len(toy_vocabulary().words())


def test_single_and_pair_are_laid_out_as_in_roberta() -> None:
    tokenizer = build_toy_tokenizer()
    single, pair = tokenizer("the food ."), tokenizer("the food .", "the tool .")
    the, food, tool, stop = tokenizer.convert_tokens_to_ids(["the", "food", "tool", "."])
    assert single.input_ids == [0, the, food, stop, 2]
    assert pair.input_ids == [0, the, food, stop, 2, 2, the, tool, stop, 2]
    assert set(pair.keys()) == {"input_ids", "attention_mask"}


def test_a_word_is_a_token_and_an_unknown_word_is_unk() -> None:
    tokenizer = build_toy_tokenizer()
    for line in toy_corpus(300):
        ids = tokenizer(line, add_special_tokens=False).input_ids
        assert tokenizer.convert_ids_to_tokens(ids) == line.split()
    assert tokenizer("the elephant", add_special_tokens=False).input_ids[1] == tokenizer.unk_token_id
    assert tokenizer("the <mask> .").input_ids[2] == tokenizer.mask_token_id


def test_padding_is_on_the_right_and_masked() -> None:
    batch = build_toy_tokenizer()(["the food .", "the"], padding=True)
    assert batch["input_ids"][1][-2:] == [1, 1]
    assert batch["attention_mask"][1] == [1, 1, 1, 0, 0]


def test_a_saved_tokenizer_is_the_same(tmp_path: Path) -> None:
    tokenizer = build_toy_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    restored = AutoTokenizer.from_pretrained(tmp_path)
    lines = list(toy_corpus(50))
    assert (
        restored(lines, lines[::-1], padding=True)["input_ids"]
        == tokenizer(lines, lines[::-1], padding=True)["input_ids"]
    )
    assert restored.mask_token_id == 4 and restored.model_max_length == tokenizer.model_max_length
    assert restored.get_vocab() == tokenizer.get_vocab()
