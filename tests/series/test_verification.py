import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from lit_idim.errors import UserError
from lit_idim.series import load_series
from lit_idim.series.verification import verify_series

EMBEDDING = "roberta.embeddings.word_embeddings.weight"


def edit_weights(folder, **changes):
    path = folder / "model.safetensors"
    state = load_file(path) | {name: value for name, value in changes.items() if value is not None}
    save_file(
        {name: state[name] for name in state if changes.get(name, 0) is not None}, path, metadata={"format": "pt"}
    )


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def reports_of(folder, *steps):
    return list(verify_series(load_series(folder), steps or None))


def test_sound_checkpoints(folder):
    reports = reports_of(folder)
    assert [(report.step, report.status, report.faults) for report in reports] == [
        (0, "ok", ()),
        (10, "ok", ()),
        (20, "ok", ()),
    ]
    assert len({report.checksum for report in reports}) == 3
    assert reports_of(folder, 10)[0].checksum == reports[1].checksum


def test_the_checksum_is_that_of_the_tensors_not_of_the_format(folder):
    before = reports_of(folder, 10)[0].checksum
    path = folder / "step-10"
    torch.save(load_file(path / "model.safetensors"), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()
    assert reports_of(folder, 10)[0].checksum == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: edit_weights(path, **{EMBEDDING: torch.full((12, 8), torch.nan)}), f"NaN or .* in {EMBEDDING}"),
        (
            lambda path: edit_weights(path, **{"lm_head.bias": torch.full((12,), torch.inf)}),
            "infinite .* in lm_head.bias",
        ),
        (
            lambda path: edit_weights(path, **{"lm_head.bias": torch.zeros(13)}),
            r"lm_head.bias has shape \(13,\) instead",
        ),
        (lambda path: edit_weights(path, **{"lm_head.bias": None}), "lm_head.bias has shape missing"),
        (
            lambda path: edit_weights(path, **{EMBEDDING: torch.ones(5, 8)}),
            "wrong vocabulary: .*vocab_size 12.* 5 rows",
        ),
        (lambda path: edit_weights(path, **{EMBEDDING: torch.ones(5, 8)}), "the tokenizer has 8 tokens.*only 5 rows"),
        (lambda path: edit_config(path, vocab_size=13), "wrong vocabulary: config.json says vocab_size 13"),
        (lambda path: edit_config(path, num_attention_heads=4), "differs from step 0's in num_attention_heads"),
        (lambda path: edit_config(path, model_type="bert"), "model_type: 'bert' instead of 'roberta'"),
        (lambda path: (path / "config.json").unlink(), "no config.json"),
        (lambda path: (path / "config.json").write_text("{"), "config.json cannot be read"),
        (lambda path: (path / "tokenizer.json").write_text("{"), "its tokenizer .* cannot be read"),
        (lambda path: (path / "model.safetensors").write_bytes(b"123"), "truncated or damaged"),
        (lambda path: shutil.rmtree(path), "has no step 10"),
    ],
)
def test_a_bad_step_is_named_and_the_others_are_sound(folder, damage, message):
    damage(folder / "step-10")
    if not (folder / "step-10").exists():
        with pytest.raises(UserError, match=message):
            reports_of(folder, 10)
        return
    reports = reports_of(folder)
    assert [report.status for report in reports] == ["ok", "bad", "ok"]
    assert_matches("; ".join(reports[1].faults), message)


def assert_matches(text, pattern):
    with pytest.raises(UserError, match=pattern):
        raise UserError(text)


def test_incidental_differences_of_config_are_none(folder):
    edit_config(folder / "step-10", transformers_version="4.0", torch_dtype="float32", _name_or_path="elsewhere")
    assert {report.status for report in reports_of(folder)} == {"ok"}


def test_identical_neighbours_are_both_named(folder):
    shutil.copyfile(folder / "step-10" / "model.safetensors", folder / "step-20" / "model.safetensors")
    reports = reports_of(folder)
    assert [report.status for report in reports] == ["ok", "ok", "bad"]
    assert "one of steps 10 and 20 is a copy" in reports[2].faults[0]


def test_a_listed_step_that_is_missing_is_bad(folder):
    (folder / "series.yaml").write_text("{name: t, source: {kind: folder, path: .}, steps: [0, 5, 10, 20]}")
    assert [report.status for report in reports_of(folder)] == ["ok", "bad", "ok", "ok"]


@pytest.mark.parametrize("where", ["manifest", "yaml"])
def test_listed_checksums(folder, where):
    checksums = {report.step: report.checksum for report in reports_of(folder)} | {20: "0" * 16}
    listed = json.dumps({str(step): checksum for step, checksum in checksums.items()}).replace('"20"', "20")
    listed = listed.replace('"0":', "0:").replace('"10":', "10:")
    if where == "manifest":
        (folder / "checksums.yaml").write_text(listed)
    else:
        (folder / "series.yaml").write_text(f"{{name: t, source: {{kind: folder, path: .}}, checksums: {listed}}}")
    reports = reports_of(folder)
    assert [report.status for report in reports] == ["ok", "ok", "bad"]
    assert "the series lists 0000000000000000" in reports[2].faults[0]


@pytest.mark.parametrize("text", ["", "- 0", "0: 12"])
def test_a_manifest_that_is_none_is_told_as_one(folder, text):
    (folder / "checksums.yaml").write_text(text)
    with pytest.raises(UserError, match=r"checksums.yaml: expected a map of steps to quoted texts, got"):
        reports_of(folder)


class Canary:
    def __reduce__(self):
        return (open, ("canary", "w"))


def test_a_pickle_with_code_in_it_is_not_run(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = folder / "step-10"
    (path / "model.safetensors").unlink()
    torch.save({"weight": Canary()}, path / "pytorch_model.bin")
    report = reports_of(folder)[1]
    assert report.status == "bad" and "holds more than tensors" in report.faults[0]
    assert not (tmp_path / "canary").exists()


def test_legacy_pickles_are_read_and_truncated_ones_told(folder):
    path = folder / "step-10"
    state = load_file(path / "model.safetensors")
    before = reports_of(folder, 10)[0].checksum
    (path / "model.safetensors").unlink()
    torch.save(state, path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert reports_of(folder, 10)[0].checksum == before
    content = (path / "pytorch_model.bin").read_bytes()
    (path / "pytorch_model.bin").write_bytes(content[: len(content) // 2])
    assert reports_of(folder, 10)[0].status == "bad"


def test_steps_without_a_network_are_unavailable_not_bad():
    reports = list(verify_series(load_series("pythia-14m"), (0, 1)))
    assert [report.status for report in reports] == ["unavailable", "unavailable"]
