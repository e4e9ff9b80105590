"""Adapter files: damaged bytes, and contents that anyone can make, whose checksum is right."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from lit_idim.errors import UserError
from lit_idim.subspace.adapter import FORMAT, METADATA_KEY, Adapter, AdapterBase, _checksum, read_adapter, write_adapter

from .inputs import answer, damaged, fuzzed

BASE = AdapterBase(model="m", num_labels=2, label_names=("a", "b"))
SUBSPACE = {"method": "did", "d": 4, "D": 10, "projection": "fastfood", "projection_seed": 3, "projection_version": 1}
TOKENS = (b'"', b"{", b"}", b"[" * 3000, b"9" * 5000, b"\x00", b"\xff" * 8, b'"d":', b"F32", b"F4", b"F8_E4M3", b"BOOL")
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([2**70, 1e400]), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)  # fmt: skip
TENSORS = {
    "theta_d": torch.arange(4.0),
    "matrix": torch.zeros(2, 2),
    "numbers": torch.zeros(4, dtype=torch.int8),
    "none": torch.zeros(0),
    "complex": torch.zeros(2, dtype=torch.complex64),
    "eighths": torch.zeros(4, dtype=torch.float8_e4m3fn),
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    path = tmp_path_factory.mktemp("adapters") / "adapter.safetensors"
    whole = Adapter(base=BASE, subspace=SUBSPACE, theta_d=torch.arange(4.0), lambdas=None)
    found = []
    for adapter in (whole, replace(whole, lambdas=torch.ones(2))):
        write_adapter(adapter, path)
        found.append(path.read_bytes())
    return found


def check(path: Path) -> None:
    found = answer(lambda: read_adapter(path), "adapter:")
    if not isinstance(found, UserError):
        assert found.theta_d.ndim == 1 and found.base.num_labels >= 1 and isinstance(found.subspace["d"], int)


@fuzzed(40)
@given(data=st.data())
def test_damaged_adapter(tmp_path_factory: pytest.TempPathFactory, originals: list[bytes], data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    path.write_bytes(data.draw(st.one_of(damaged(originals, TOKENS), st.binary(max_size=40))))
    check(path)


@fuzzed(40)
@given(
    part=st.sampled_from(["base", "subspace", "format", "another"]),
    changes=st.dictionaries(st.sampled_from([*vars(BASE), *SUBSPACE, "another"]), JSON, max_size=3),
    whole=st.one_of(st.just("changed"), JSON),
    names=st.dictionaries(st.sampled_from(["theta_d", "lambdas", "x"]), st.sampled_from(list(TENSORS)), max_size=3),
)
def test_made_up_adapter(
    tmp_path_factory: pytest.TempPathFactory, part: str, changes: dict[str, Any], whole: Any, names: dict[str, str]
) -> None:
    content: dict[str, Any] = {
        "format": FORMAT,
        "base": {**vars(BASE), "label_names": ["a", "b"]},
        "subspace": SUBSPACE,
    }
    was = content.get(part)
    content[part] = {**(was if isinstance(was, dict) else {}), **changes} if whole == "changed" else whole
    tensors = {name: TENSORS[kind].clone() for name, kind in ({"theta_d": "theta_d"} | names).items()}
    content = json.loads(json.dumps(content))
    content["checksum"] = _checksum(content, tensors)
    path = tmp_path_factory.getbasetemp() / "made-up.safetensors"
    save_file(tensors, str(path), metadata={METADATA_KEY: json.dumps(content)})
    check(path)
