import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lit_idim import Subspace
from lit_idim.errors import UserError
from lit_idim.subspace.adapter import METADATA_KEY, AdapterBase
from lit_idim.subspace.loading import load_classifier

BASE = AdapterBase(
    model="checkpoints/toy-L1-H64/step-4000", num_labels=3, head_seed=7, label_names=("a", "b", "c"), task="toy-mnli"
)
IDS = {"input_ids": torch.arange(5, 29).reshape(2, 12), "attention_mask": torch.ones(2, 12, dtype=torch.long)}


def load_base(head_seed: int = BASE.head_seed, model: str = BASE.model) -> torch.nn.Module:
    base: torch.nn.Module = load_classifier(model, num_labels=3, head_seed=head_seed)
    return base


def trained(method: str) -> Subspace:
    """As after some training: numbers away from where they start."""
    subspace = Subspace(load_base(), d=40, method=method, seed=3)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        subspace.theta_d.copy_(0.3 * torch.randn(subspace.theta_d.shape, generator=generator))
        if subspace.lambdas is not None:
            subspace.lambdas.copy_(1 + 0.2 * torch.randn(subspace.lambdas.shape, generator=generator))
    return subspace.eval()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some" / "adapter.safetensors"
    trained("said").to_file(path, BASE)
    return path


@pytest.mark.parametrize("method", ["did", "said"])
def test_a_file_gives_the_same_logits(tmp_path: Path, method: str) -> None:
    subspace, path = trained(method), tmp_path / "adapter.safetensors"
    subspace.to_file(path, BASE)
    assert path.stat().st_size < 4096
    with torch.no_grad():
        expected = subspace(**IDS).logits
        assert torch.equal(Subspace.from_file(path)(**IDS).logits, expected)
        assert torch.equal(Subspace.from_file(path, load_base())(**IDS).logits, expected)
        assert not torch.allclose(load_base().eval()(**IDS).logits, expected, atol=1e-3)
    assert [entry.name for entry in tmp_path.iterdir()] == ["adapter.safetensors"]


@pytest.mark.parametrize("method", ["did", "said"])
def test_a_merged_model_is_an_ordinary_one_with_the_same_logits(tmp_path: Path, method: str) -> None:
    subspace = trained(method)
    subspace.merged().save_pretrained(tmp_path)
    loaded = load_classifier(str(tmp_path), num_labels=3).eval()
    with torch.no_grad():
        assert torch.equal(loaded(**IDS).logits, subspace(**IDS).logits)
        assert torch.equal(
            Subspace(load_base(), d=40, method=method, seed=3).eval()(**IDS).logits, load_base().eval()(**IDS).logits
        )  # type: ignore[arg-type]


def test_another_base_is_refused(path: Path) -> None:
    with pytest.raises(UserError, match="theta_0_checksum: saved"):
        Subspace.from_file(path, load_base(head_seed=8))
    with pytest.raises(UserError, match="belongs to another model"):
        Subspace.from_file(path, load_base(model="checkpoints/toy-L1-H64/step-2000"))


@pytest.mark.parametrize("kept", [0, 7, 300, -4])
def test_a_truncated_file_is_refused(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match="truncated or no safetensors file"):
        Subspace.from_file(path)


def test_a_changed_number_is_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match="its checksum differs"):
        Subspace.from_file(path)


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("subspace", "projection_seed", 4, "its checksum differs"),
        ("base", "head_seed", 1, "its checksum differs"),
        (None, "format", 2, "has format 2, this release reads format 1"),
    ],
)
def test_changed_metadata_are_refused(path: Path, part: str | None, key: str, value: int, message: str) -> None:
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as file:
        content = json.loads(file.metadata()[METADATA_KEY])
    (content if part is None else content[part])[key] = value
    save_file(load_file(path), str(path), metadata={METADATA_KEY: json.dumps(content)})
    with pytest.raises(UserError, match=message):
        Subspace.from_file(path)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    save_file({"x": torch.ones(2)}, str(tmp_path / "x.safetensors"))
    with pytest.raises(UserError, match="no trained subspace"):
        Subspace.from_file(tmp_path / "x.safetensors")
    with pytest.raises(UserError, match="is no file"):
        Subspace.from_file(tmp_path / "y.safetensors")


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("base", "model", 3, "base.model is 3"),
        ("base", "another", 1, "base.another is 1"),
        ("base", "label_names", [1], "base.label_names or base.num_labels"),
        ("subspace", "d", "x", "subspace.d is 'x'"),
        ("subspace", "method", None, "subspace.method is None"),
    ],
)
def test_contents_that_nobody_exports_are_refused(path: Path, part: str, key: str, value: object, message: str) -> None:
    """Also with the right checksum, which anyone can compute."""
    from safetensors import safe_open

    from lit_idim.subspace.adapter import _checksum, read_adapter

    with safe_open(str(path), framework="pt") as file:
        content = json.loads(file.metadata()[METADATA_KEY])
    content.pop("checksum")
    content[part][key] = value
    content["checksum"] = _checksum(content, load_file(path))
    save_file(load_file(path), str(path), metadata={METADATA_KEY: json.dumps(content)})
    with pytest.raises(UserError, match=message):
        read_adapter(path)


def test_tensors_that_nobody_exports_are_refused(path: Path) -> None:
    from safetensors import safe_open

    from lit_idim.subspace.adapter import _checksum, read_adapter

    with safe_open(str(path), framework="pt") as file:
        content = json.loads(file.metadata()[METADATA_KEY])
    content.pop("checksum")
    tensors = {"theta_d": torch.zeros(2, 2)}
    content["checksum"] = _checksum(content, tensors)
    save_file(tensors, str(path), metadata={METADATA_KEY: json.dumps(content)})
    with pytest.raises(UserError, match="no vector of floats"):
        read_adapter(path)
