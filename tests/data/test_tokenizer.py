import pytest
from transformers import AutoTokenizer

from lit_idim.data.tokenizer import load_tokenizer, tokenizer_fingerprint
from lit_idim.errors import UserError

from .conftest import word_tokenizer


def test_a_tokenizer_from_a_folder(tokenizer_dir) -> None:
    tokenizer = load_tokenizer(tokenizer_dir)
    assert tokenizer.pad_token_id == 0
    assert tokenizer("the cat")["input_ids"] == word_tokenizer()("the cat")["input_ids"]
    assert tokenizer_fingerprint(tokenizer) == tokenizer_fingerprint(load_tokenizer(tokenizer_dir))


def test_the_toy_tokenizer_needs_no_file() -> None:
    assert load_tokenizer("toy").pad_token_id is not None


def test_without_a_padding_token_the_end_of_text_pads(tmp_path) -> None:
    word_tokenizer(pad_token=None, eos_token="[SEP]").save_pretrained(tmp_path / "gpt")
    tokenizer = load_tokenizer(str(tmp_path / "gpt"))
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 3
    word_tokenizer(pad_token=None).save_pretrained(tmp_path / "none")
    with pytest.raises(UserError, match="neither a padding nor an end-of-text token"):
        load_tokenizer(str(tmp_path / "none"))


def test_without_network_and_cache_it_says_what_to_pass(monkeypatch) -> None:
    def from_pretrained(name, **settings):
        assert settings == {"revision": "v1", "trust_remote_code": False}
        raise OSError("We couldn't connect to 'https://huggingface.co'.\nAnd more.")

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", from_pretrained)
    with pytest.raises(UserError, match=r"tokenizer: 'roberta-base' at revision 'v1' .*couldn't connect.*FOLDER"):
        load_tokenizer("roberta-base", "v1")


def test_a_folder_without_a_tokenizer_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match=r"tokenizer: .* is neither a folder with a tokenizer"):
        load_tokenizer(str(tmp_path))


def test_a_revision_of_what_has_none_is_refused(tokenizer_dir) -> None:
    for name in ("toy", tokenizer_dir):
        with pytest.raises(UserError, match="tokenizer_revision: only a repository"):
            load_tokenizer(name, "main")
