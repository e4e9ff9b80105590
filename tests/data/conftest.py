from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

WORDS = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "i",
    "j",
    "k",
    "l",
    "m",
    "n",
    "o",
    "p",
    "q",
    "r",
    "s",
    "t",
    "u",
    "v",
    "w",
    "x",
    "y",
    "z",
    "the",
    "cat",
    "sat",
    "on",
    "mat",
    "dog",
    "ran",
    "good",
    "bad",
    "film",
]


def word_tokenizer(words: list[str] = WORDS, **settings: object) -> PreTrainedTokenizerFast:
    """One token a word, [CLS] and [SEP] around, token types as BERT has them."""
    ids = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        **{
            "tokenizer_object": tokenizer,
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
            "model_max_length": 64,
            **settings,
        }
    )


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    return word_tokenizer()


@pytest.fixture
def tokenizer_dir(tmp_path: Path) -> str:
    folder = tmp_path / "tokenizer"
    word_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))


def write_sst2(folder: Path, num_train: int = 40, num_dev: int = 13) -> Path:
    """An SST-2 of the original layout with sentences of 1 to 20 words."""
    folder = folder / "SST-2"
    folder.mkdir(parents=True)
    for name, count in (("train", num_train), ("dev", num_dev)):
        rows = [f"{' '.join(WORDS[: 1 + 7 * i % 20])} \t{i % 2}" for i in range(count)]
        (folder / f"{name}.tsv").write_text("\n".join(["sentence\tlabel", *rows, ""]))
    (folder / "test.tsv").write_text("index\tsentence\n0\tthe cat \n1\tthe dog \n")
    return folder.parent
