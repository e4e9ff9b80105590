"""Files of fairseq and fairseq2: hostile pickles, dictionaries and encodings; nothing in them is run."""

import argparse
import io
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.series.fairseq.architecture import read_architecture
from lit_idim.series.fairseq.conversion import _convert
from lit_idim.series.fairseq.dictionary import read_dictionary
from lit_idim.series.fairseq.gpt2_bpe import read_bpe
from lit_idim.series.fairseq.options import read_num_updates, read_options
from lit_idim.series.fairseq.reading import read_checkpoint
from lit_idim.series.fairseq.tokenizer import make_tokenizer
from lit_idim.series.weights import load_tensors

from .inputs import answer, damaged, fuzzed

SENTINEL = "LIT_IDIM_FUZZ_SENTINEL"
CODE = f"__import__('os').environ.__setitem__({SENTINEL!r}, 'ran')"
OPTIONS = {"arch": "roberta_base", "encoder_layers": 1, "encoder_embed_dim": 4, "encoder_ffn_embed_dim": 6,
           "encoder_attention_heads": 2, "max_positions": 6, "dropout": 0.1}  # fmt: skip


class Harmful:
    """Runs code where it is unpickled without care."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


HARMFUL = [
    Harmful(eval, CODE),
    Harmful(exec, CODE),
    Harmful(os.putenv, SENTINEL, "ran"),
    Harmful(getattr, "x", "upper"),
]


def saved(contents: Any, *, is_zip: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(contents, file, _use_new_zipfile_serialization=is_zip)
    return file.getvalue()


def contents(**changes: Any) -> dict[str, Any]:
    state = {"encoder.sentence_encoder.embed_tokens.weight": torch.ones(8, 4), "encoder.lm_head.bias": torch.ones(8)}
    return {
        "args": argparse.Namespace(**OPTIONS),
        "model": state,
        "optimizer_history": [{"num_updates": 10}],
        **changes,
    }


ORIGINALS = [
    *(saved(contents(), is_zip=is_zip) for is_zip in (True, False)),
    *(saved(contents(extra=harmful), is_zip=is_zip) for harmful in HARMFUL for is_zip in (True, False)),
    *(saved({"a": torch.ones(2), "b": harmful}) for harmful in HARMFUL),
    saved({"encoder.weight": torch.ones(2, 3)}),
]
TOKENS = (
    *(b"cos\nsystem\n", b"c__builtin__\neval\n", b"cposix\nputenv\n", b"cargparse\nNamespace\n", b"ctorch.hub\nload\n"),
    *(
        b"(X\x04\x00\x00\x00touctR.",
        b"R",
        b".",
        b"\x93",
        b"(i",
        b"Q",
        b"h\x00",
        b"q\x01",
        b"]",
        b"}",
        b"(",
        b"t",
        b"b",
        b"s",
    ),
    *(b"ctorch._utils\n_rebuild_tensor_v2\n", b"(" * 3000, b"]" * 3000, b"\x8a\x08" + b"\xff" * 8, b"\xff\xff\xff\x7f"),
)


def bomb(depth: int = 60) -> Any:
    value: Any = ["x"]
    for _ in range(depth):
        value = [value, value]
    return value


def follow(path: Path) -> None:
    """What a conversion does with a checkpoint before it writes anything."""
    loaded = read_checkpoint(path)
    read_num_updates(loaded)
    read_architecture(read_options(loaded))


@fuzzed(20)
@given(content=st.one_of(damaged(ORIGINALS, TOKENS), st.binary(max_size=60)))
@example(content=saved(contents(extra=HARMFUL[0])))
@example(content=saved(contents(extra=HARMFUL[0]), is_zip=False))
@example(content=saved(contents(args=argparse.Namespace(**{**OPTIONS, "encoder_layers": bomb()}))))
@example(content=saved(contents(args=argparse.Namespace(**{**OPTIONS, "activation_fn": bomb()}))))
@example(content=saved(contents(args=argparse.Namespace(**{**OPTIONS, "encoder_layers": 10**12}))))
@example(content=saved(contents(optimizer_history=bomb(), args=None, cfg={"model": bomb()})))
def test_checkpoint(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    place = tmp_path_factory.getbasetemp() / "fuzzed-fairseq"
    place.mkdir(exist_ok=True)
    path = place / "checkpoint_1_10.pt"
    path.write_bytes(content)
    modules = set(sys.modules)
    for read in (lambda: follow(path), lambda: load_tensors(path)):
        found = answer(read)
        assert SENTINEL not in os.environ
        if isinstance(found, UserError):
            assert "\x1b" not in str(found) and "arbitrary code" not in str(found)
        if isinstance(found, dict):
            assert all(isinstance(tensor, Tensor) for tensor in found.values())
    assert "argparse_evil" not in set(sys.modules) - modules
    assert [entry.name for entry in place.iterdir()] == ["checkpoint_1_10.pt"]


def test_the_sentinel_tells_what_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SENTINEL, raising=False)
    pickle.loads(pickle.dumps(HARMFUL[0]))
    assert os.environ.pop(SENTINEL) == "ran"


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 9), st.floats(), st.sampled_from([10**12, "gelu", "x", bomb(8)]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip
NAMES = st.builds(
    "{}{}{}.{}".format,
    st.sampled_from(["encoder.sentence_encoder.", "decoder.sentence_encoder.", "encoder.lm_head.", "decoder.", ""]),
    st.sampled_from(["layers.0.", "layers.99999999999999999999.", "layers.x.", "{}.", "layers.0.layers.1.", ""]),
    st.sampled_from(["embed_tokens", "emb_layer_norm", "layernorm_embedding", "self_attn.q_proj", "self_attn"]),
    st.sampled_from(["weight", "bias", "in_proj_weight", "in_proj_bias", "version", "", "{0}"]),
)  # fmt: skip
DTYPES = st.sampled_from([torch.float32, torch.float16, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn])


@fuzzed(60)
@given(
    options=st.dictionaries(st.sampled_from([*OPTIONS, "untie_weights_roberta", "activation_fn", "_name"]), VALUES),
    state=st.dictionaries(
        st.one_of(NAMES, st.integers(), st.just("encoder.sentence_encoder.embed_tokens.weight")),
        st.builds(lambda shape, dtype: torch.ones(shape, dtype=dtype), st.lists(st.integers(0, 6), max_size=3), DTYPES),
        max_size=5,
    ),
)
def test_options_and_names_of_tensors(options: dict[str, Any], state: dict[Any, Tensor]) -> None:
    from lit_idim.series.fairseq.architecture import make_config

    def convert() -> dict[str, Tensor]:
        architecture = read_architecture(read_options({"args": {**OPTIONS, **options}}))
        if architecture.num_layers > 2 or architecture.hidden_size > 100:  # building them takes long
            raise UserError("too large for a test")
        return _convert(state, make_config(architecture, vocab_size=8))

    answer(convert)


DICTIONARY = [b"262 90\n13 80\nmadeupword0000 0\n", b"0 1\n1 1\n2 1\n"]
ENCODER = [json.dumps({"a": 0, "b": 1, "ab": 2}).encode()]
MERGES = [b"#version: 0.2\na b\n"]
TEXT_TOKENS = (
    b"\n",
    b" ",
    b"\x00",
    b"\xff",
    b"<s> 1\n",
    b"<mask> 1\n",
    b"3 #fairseq:overwrite\n",
    b"[" * 100_000,
    b"9" * 5000,
)


@fuzzed(40)
@given(
    dictionary=damaged(DICTIONARY, TEXT_TOKENS),
    encoder=st.one_of(damaged(ENCODER, TEXT_TOKENS), st.sampled_from(ENCODER)),
    merges=st.one_of(damaged(MERGES, TEXT_TOKENS), st.sampled_from(MERGES)),
)
@example(dictionary=DICTIONARY[1], encoder=b'{"a": ' * 50_000, merges=MERGES[0])
def test_dictionary_and_encoding(
    tmp_path_factory: pytest.TempPathFactory, dictionary: bytes, encoder: bytes, merges: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name, content in (("dict.txt", dictionary), ("encoder.json", encoder), ("vocab.bpe", merges)):
        (folder / name).write_bytes(content)
    tokens = answer(lambda: read_dictionary(folder / "dict.txt"), "dict.txt")
    encoding = answer(lambda: read_bpe(folder), "encoder.json", "vocab.bpe")
    if not isinstance(tokens, UserError) and not isinstance(encoding, UserError):
        answer(lambda: make_tokenizer(tokens, encoding, max_length=6), "dict.txt")
