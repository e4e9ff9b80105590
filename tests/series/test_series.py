import dataclasses
import json
import struct

import pytest
import torch
import yaml

from lit_idim.errors import UserError
from lit_idim.series import FolderSource, Series, load_series, write_series
from lit_idim.subspace.loading import load_classifier


def series_of(folder, **fields):
    return Series(name="tiny", title="Tiny", source=FolderSource(series="tiny", path=folder), **fields)


def test_tokens_and_the_step_nearest_to_them(folder):
    series = series_of(folder, tokens_per_step=100)
    assert series.tokens(20) == 2000
    assert [series.step_for_tokens(tokens) for tokens in (0, 400, 500, 1900, 10**9)] == [0, 0, 0, 20, 20]
    assert series_of(folder, unit="tokens").tokens(20) == 20


def test_tokens_that_are_not_known_are_not_guessed(folder):
    with pytest.raises(UserError, match="'tiny'.*the batch grows"):
        series_of(folder, tokens_per_step_reason="the batch grows").step_for_tokens(5)


def test_a_step_of_a_folder_loads_as_a_classifier(folder):
    location = load_series(folder).fetch(10)
    assert location.revision is None and location.tokenizer is None
    model = load_classifier(location.model, revision=location.revision, num_labels=2)
    assert model.config.num_labels == 2


def test_a_step_that_the_series_does_not_list(folder):
    series = series_of(folder, listed_steps=(0, 10, 20, 30))
    with pytest.raises(UserError, match="'tiny' has no step 11; the nearest are 0, 10, 20, 30"):
        series.fetch(11)


def test_a_step_missing_on_disk_names_step_and_series_and_leaves_the_others_usable(folder):
    series = series_of(folder, listed_steps=(0, 10, 20, 30))
    with pytest.raises(UserError, match=r"step 30 of series 'tiny' is missing on disk.*usable \(0, 10, 20\)"):
        series.fetch(30)
    assert not series.is_cached(30) and series.is_cached(20)
    assert series.fetch(20).model.endswith("step-20")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "config.json").unlink(), "no config.json"),
        (lambda path: (path / "model.safetensors").unlink(), "no weights"),
        (lambda path: cut(path / "model.safetensors", -1), "is truncated"),
        (lambda path: cut(path / "model.safetensors", 20), "do not hold its header"),
        (lambda path: cut(path / "model.safetensors", 0), "is empty"),
        (lambda path: (path / "model.safetensors").write_bytes(struct.pack("<Q", 3) + b"{]}"), "damaged header"),
        (lambda path: shard(path, "missing.safetensors"), "shard missing.safetensors is missing"),
        (lambda path: shard(path, "../../elsewhere.safetensors"), "not a file beside it"),
    ],
)
def test_a_half_written_folder_is_no_step(folder, damage, message):
    damage(folder / "step-10")
    series = load_series(folder)
    assert series.steps == (0, 20)
    assert not series.is_cached(10)
    with pytest.raises(UserError, match=f"step 10 of series 'tiny' is not a complete checkpoint.*{message}"):
        series.fetch(10)


def cut(path, end):
    path.write_bytes(path.read_bytes()[:end])


def shard(path, name):
    (path / "model.safetensors").unlink()
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))


def test_what_is_written_aside_is_not_seen(folder):
    (folder / "step-10").rename(folder / ".writing-step-10")
    assert load_series(folder).steps == (0, 20)


def test_a_written_series_is_read_back_and_moves_with_its_folder(folder, tmp_path):
    series = series_of(folder, tokens_per_step=100, license="mit", notes="ä: b", checksums={0: "12"})
    assert write_series(series, folder).name == "series.yaml"
    read = load_series(folder)
    assert dataclasses.replace(read, source=series.source) == series
    assert "steps" not in yaml.safe_load((folder / "series.yaml").read_text())
    moved = folder.rename(tmp_path / "moved")
    assert load_series(moved).fetch(10).model == str(moved / "step-10")
    assert not list(moved.glob(".series*"))


def test_a_series_written_before_its_first_checkpoint_has_no_steps(tmp_path):
    write_series(series_of(tmp_path / "run"), tmp_path / "run")
    assert load_series(tmp_path / "run").steps == ()


def test_a_series_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_series(series_of(tmp_path), tmp_path / "file" / "run")
    with pytest.raises(UserError, match="not hub_repository"):
        write_series(load_series("multiberts-seed-0"), tmp_path)


def test_a_tokenizer_beside_the_yaml(folder):
    (folder / "step-0" / "tokenizer.json").rename(folder / "tokenizer.json")
    (folder / "series.yaml").write_text("{name: tiny, source: {kind: folder, path: .}, tokenizer: ../tiny}")
    assert load_series(folder).fetch(0).tokenizer == str(folder / "../tiny")
    (folder / "series.yaml").write_text("{name: tiny, source: {kind: folder, path: .}, tokenizer: roberta-base}")
    assert load_series(folder).fetch(0).tokenizer == "roberta-base"


def test_a_pytorch_checkpoint_counts_as_complete_unless_its_archive_is_cut(folder):
    path = folder / "step-10"
    (path / "model.safetensors").unlink()
    torch.save({"a": torch.ones(2)}, path / "pytorch_model.bin")
    assert load_series(folder).steps == (0, 10, 20)
    cut(path / "pytorch_model.bin", -30)
    assert load_series(folder).steps == (0, 20)
