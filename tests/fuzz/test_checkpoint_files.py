"""Checkpoints in `save_pretrained` format and those of `lit-idim fit`: headers, indices and pickles."""

import io
import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save

from lit_idim.commands.checkpoint_file import read_data_settings, read_settings
from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.weights import iterate_weights

from .inputs import answer, damaged, fuzzed

SENTINEL = "LIT_IDIM_FUZZ_SENTINEL_OF_CHECKPOINTS"


class Harmful:
    def __reduce__(self) -> Any:
        return eval, (f"__import__('os').environ.__setitem__({SENTINEL!r}, 'ran')",)


def saved(contents: Any, *, is_zip: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(contents, file, _use_new_zipfile_serialization=is_zip)
    return file.getvalue()


SAFETENSORS = [save({"a": torch.ones(2, 3)}), save({"b": torch.zeros(4, dtype=torch.int8)}, metadata={"format": "pt"})]
DEEP = b'{"a":' * 20_000
INDEX = [json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.bin"}}).encode()]
PICKLES = [saved({"a": torch.ones(2)}), saved({"a": torch.ones(2)}, is_zip=False), saved({"a": Harmful()})]
TOKENS = (b'"', b"{", b"}", b"null", b"-1", b"9" * 30, b"[" * 3000, b"\x00", b"../", b"\xff" * 8, b"R", b"c", b".")
FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")


@fuzzed(50)
@given(
    name=st.sampled_from(FILES),
    content=st.one_of(damaged([*SAFETENSORS, *INDEX, *PICKLES], TOKENS), st.binary(max_size=30)),
)
@example(name=FILES[0], content=struct.pack("<Q", len(DEEP)) + DEEP)
@example(name=FILES[1], content=DEEP)
@example(name=FILES[2], content=PICKLES[2])
@example(name=FILES[1], content=b'{"weight_map": {"a": "../../evil.bin"}}')
def test_checkpoint_folder(tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "checkpoint"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    (folder / "config.json").write_text("{}")
    (folder / name).write_bytes(content)
    fault = find_fault(folder)
    assert fault is None or fault.startswith("it")
    answer(lambda: list(iterate_weights(folder)))
    assert SENTINEL not in os.environ


FITTED = [saved({"hyper_parameters": {"model": "m", "d": 2}, "state_dict": {"a": torch.ones(2)}}), saved([1]), *PICKLES]


@fuzzed(30)
@given(content=st.one_of(damaged(FITTED, TOKENS), st.binary(max_size=30)))
@example(content=saved({"hyper_parameters": 3}))
@example(content=saved({"hyper_parameters": Harmful()}))
@example(content=saved(torch.ones(2)))
def test_checkpoint_of_fit(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fitted.ckpt"
    path.write_bytes(content)
    for read in (read_settings, read_data_settings):
        found = answer(lambda read=read: read(str(path)), "ckpt_path:")
        assert isinstance(found, dict | UserError)
    assert SENTINEL not in os.environ and Path(path).is_file()
