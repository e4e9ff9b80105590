import warnings
from pathlib import Path

import numpy as np
import pytest

from lit_idim.data.encoding import Encoding
from lit_idim.data.encoding_cache import EncodingCache, cache_key, default_cache_dir
from lit_idim.data.tokenizer import tokenizer_fingerprint

from .conftest import WORDS, word_tokenizer


def make(with_types: bool = True) -> Encoding:
    ids = np.arange(10, dtype=np.int32)
    return Encoding(ids, ids[::-1] if with_types else None, np.array([0, 4, 10]), 1)


@pytest.mark.parametrize("with_types", [True, False])
def test_what_was_saved_is_loaded(tmp_path, with_types) -> None:
    EncodingCache(tmp_path).save("x", make(with_types))
    loaded = EncodingCache(tmp_path).load("x")
    assert loaded is not None
    np.testing.assert_array_equal(loaded.input_ids, make().input_ids)
    np.testing.assert_array_equal(loaded.offsets, make().offsets)
    assert loaded.num_truncated == 1
    if with_types:
        np.testing.assert_array_equal(loaded.token_type_ids, make().token_type_ids)
    else:
        assert loaded.token_type_ids is None
    assert EncodingCache(tmp_path).load("y") is None
    assert [path.name for path in (tmp_path / "encodings").iterdir()] == ["x.safetensors"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_what_is_loaded_is_the_pages_of_the_file(tmp_path) -> None:
    EncodingCache(tmp_path).save("x", make())
    loaded = EncodingCache(tmp_path).load("x")
    assert loaded is not None
    place = loaded.input_ids.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, stop = (int(end, 16) for end in line.split()[0].split("-"))
        if start <= place < stop:
            assert line.endswith("x.safetensors")
            return
    pytest.fail("the array lies nowhere")


def test_a_file_that_another_process_has_mapped_stays(tmp_path) -> None:
    path = tmp_path / "encodings" / "x.safetensors"
    EncodingCache(tmp_path).save("x", make())
    first = path.stat().st_ino
    EncodingCache(tmp_path).save("x", make())  # two that started together have both found none
    assert path.stat().st_ino == first and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["empty", "cut", "short", "flipped", "text"])
def test_a_damaged_file_is_noticed_and_replaced(tmp_path, damage) -> None:
    cache = EncodingCache(tmp_path)
    cache.save("x", make())
    path = tmp_path / "encodings" / "x.safetensors"
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[-5] ^= 1
    path.write_bytes(
        {"empty": b"", "cut": content[:-4], "short": content[:6], "flipped": bytes(flipped), "text": b"{}"}[damage]
    )
    with pytest.warns(UserWarning, match=r"x\.safetensors is damaged .* made again") as warned:
        assert cache.load("x") is None
    assert len(warned) == 1
    cache.save("x", make())
    assert cache.load("x") is not None


def test_a_folder_that_cannot_be_written_is_warned_of_once(tmp_path) -> None:
    (tmp_path / "file").write_text("")  # a file in the folder's place: refused for every user, root too
    cache = EncodingCache(tmp_path / "file" / "cache")
    assert cache.load("x") is None
    with pytest.warns(UserWarning, match=r"cache_dir: .* cannot be written .*LIT_IDIM_CACHE"):
        cache.save("x", make())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.save("y", make())


def test_the_folder_is_the_argument_the_variable_or_the_users_cache(monkeypatch) -> None:
    monkeypatch.setenv("LIT_IDIM_CACHE", "some/where")
    assert default_cache_dir() == Path("some/where")
    assert EncodingCache("mine").folder == Path("mine/encodings")
    monkeypatch.delenv("LIT_IDIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "x/cache")
    assert default_cache_dir() == Path("x/cache/lit_idim")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == Path.home() / ".cache" / "lit_idim"


def test_the_key_tells_apart_whatever_changes_tokens() -> None:
    keys = [cache_key("a", "b", 8), cache_key("c", "b", 8), cache_key("a", "c", 8), cache_key("a", "b", 9)]
    assert len(set(keys)) == len(keys)
    assert cache_key("a", "b", 8) == keys[0]


def test_the_fingerprint_sees_vocabulary_and_settings_but_not_the_last_call() -> None:
    variants = [
        word_tokenizer(),
        word_tokenizer(words=[*WORDS[1:], WORDS[0]]),
        word_tokenizer(sep_token="[CLS]"),
        word_tokenizer(model_input_names=["input_ids", "attention_mask"]),
        word_tokenizer(truncation_side="left"),
    ]
    assert len({tokenizer_fingerprint(tokenizer) for tokenizer in variants}) == len(variants)
    used = word_tokenizer()
    used(["a b c d", "e"], padding=True, truncation=True, max_length=4)
    assert tokenizer_fingerprint(used) == tokenizer_fingerprint(word_tokenizer())
