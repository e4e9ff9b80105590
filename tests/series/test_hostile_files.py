"""Series files and checkpoints that once gave a traceback, or filled the memory."""

import io
import json
import struct
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.extraction import extract_checkpoint
from lit_idim.series.reading import read_series
from lit_idim.series.untrained import UNTRAINED_FILE, make_untrained
from lit_idim.series.weights import load_tensors

FOLDER = {"kind": "folder", "path": "."}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "x" * 300}, "name: expected at most 200 bytes of printable characters"),
        ({"name": "a\0b"}, "name: expected at most 200 bytes of printable characters"),
        ({"name": "\ud800"}, "name: expected at most 200 bytes of printable characters"),
        ({"source": {"kind": {}}}, "source.kind: expected one of"),
        ({"source": {"kind": "folder", "path": "a\0b"}}, "source.path: expected printable characters"),
        ({"source": {"kind": "folder", "path": "x" * 300}}, "source.path: expected printable characters"),
        ({"source": {"kind": "folder", "path": "~nobody-of-that-name/x"}}, "names a home that is not known"),
        ({"tokenizer": "x" * 300}, "tokenizer: expected printable characters"),
        ({"steps": [{"start": 0, "stop": 10**12, "step": 1}]}, "expected fewer than 1,000,000 steps"),
        ({"variants": dict.fromkeys("abcd", [1] * 20)}, "at most 10,000 combinations, got 160,000"),
        ({"source": {"kind": "hub_repository", "repositories": {0: 1}}}, "a map of steps to names on the hub"),
    ],
)
def test_a_series_file_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "series.yaml"
    path.write_text(yaml.safe_dump({"name": "own", "source": FOLDER, "steps": [0]} | changes))
    with pytest.raises(UserError, match=message):
        read_series(path)


@pytest.mark.parametrize("name", ["/c", "a b/c", "a/b/c", "x" * 100])
def test_a_name_that_no_repository_has(tmp_path: Path, name: str) -> None:
    source = {"kind": "hub_repository", "repositories": {0: name}}
    (tmp_path / "series.yaml").write_text(yaml.safe_dump({"name": "own", "source": source}))
    (series,) = read_series(tmp_path / "series.yaml")
    for ask in (series.is_cached, series.fetch):
        with pytest.raises(UserError, match=r"source\.repository: .* cannot be the name of a repository"):
            ask(0)


def archive_of(folder: Path, *names: str) -> Path:
    path = folder / "archive.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
    return path


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("x" * 300,), (".",)])
def test_members_that_stand_in_each_others_way(tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="step 1: its archive is truncated or damaged"):
        extract_checkpoint(archive_of(tmp_path, *names), tmp_path / "out", checkpoint="step 1")


def test_an_archive_that_is_larger_than_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    archive = archive_of(tmp_path, "a", "b")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1}))
    with pytest.raises(UserError, match="holds 2 bytes, the disk of .* has 1 left"):
        extract_checkpoint(archive, tmp_path / "out", checkpoint="step 1")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("content", [b"Q", b"\x87", b"\x80\x02\x8a", b"sPK\x03\x04"])
def test_damaged_pickles(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"pytorch_model\.bin is (truncated or )?damaged"):
        load_tensors(path)


def test_tensors_without_names(tmp_path: Path) -> None:
    torch.save({1: torch.ones(2)}, tmp_path / "a.bin")
    with pytest.raises(UserError, match="no state dict of tensors by name"):
        load_tensors(tmp_path / "a.bin")


def test_deep_headers(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    deep = b'{"a":' * 20_000
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(deep)) + deep)
    assert "damaged header" in str(find_fault(tmp_path))
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").write_bytes(deep)
    assert "is damaged" in str(find_fault(tmp_path))


def test_an_architecture_that_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "step-0"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "roberta", "architectures": ["pipeline"]}))
    (folder / UNTRAINED_FILE).write_text(json.dumps({"seed": 0, "dtype": "float32"}))
    with pytest.raises(UserError, match="pipeline is no model of transformers"):
        make_untrained(folder)
