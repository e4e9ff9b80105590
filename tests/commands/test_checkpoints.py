import json
import shutil

import pytest
from transformers import RobertaConfig, RobertaForMaskedLM

from lit_idim.commands.checkpoints import run_checkpoints_verb
from lit_idim.commands.main import main
from lit_idim.errors import UserError
from lit_idim.series import load_series, registered_series


@pytest.fixture(autouse=True)
def _own_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def folder(tmp_path):
    config = RobertaConfig(
        vocab_size=12,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=8,
    )
    for step in (0, 1000, 20000):
        RobertaForMaskedLM(config).save_pretrained(tmp_path / "tiny" / f"step-{step}")
    (tmp_path / "tiny" / "series.yaml").write_text(
        "{name: tiny, title: Tiny, source: {kind: folder, path: .}, tokens_per_step: 64, license: mit}"
    )
    return tmp_path / "tiny"


def test_the_list_has_a_line_for_every_series(capsys):
    run_checkpoints_verb(["list"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["series", "steps", "first", "last", "tokens", "per", "step", "licence", "cached"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:] if line}
    assert set(registered_series()) <= set(rows)
    assert rows["multiberts-seed-0"] == ["29", "0", "2000000", "131,072", "apache-2.0", "0"]
    assert rows["smollm3-3b"][:3] == ["?", "?", "?"]


def test_the_list_as_json(capsys, folder):
    run_checkpoints_verb(["list", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["pythia-70m"]["num_steps"] == 154
    run_checkpoints_verb(["list", str(folder), "--json"])
    assert json.loads(capsys.readouterr().out)[1] == {
        "step": 1000,
        "tokens": 64000,
        "cached": True,
        "location": str(folder / "step-1000"),
    }


def test_the_list_of_a_series_has_a_line_for_every_step(capsys, folder):
    run_checkpoints_verb(["list", str(folder)])
    out = capsys.readouterr().out
    assert out.startswith("Tiny (tiny)\n") and "licence: mit" in out
    assert out.splitlines()[-1].split() == ["20000", "1,280,000", "yes", str(folder / "step-20000")]


def test_verify_prints_a_line_a_step_and_fails_at_the_end(capsys, folder):
    run_checkpoints_verb(["verify", str(folder)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[:3]] == [
        ["step", "0:", "ok"],
        ["step", "1000:", "ok"],
        ["step", "20000:", "ok"],
    ]
    assert lines[3] == "series 'tiny': 3 checkpoints are sound"
    weights = folder / "step-1000" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    assert main(["checkpoints", "verify", str(folder)]) == 2
    printed = capsys.readouterr()
    assert "step 1000: BAD" in printed.out and "is truncated" in printed.out and "step 20000: ok" in printed.out
    assert "series 'tiny': 1 bad checkpoints, at steps 1000; the other 2 are usable" in printed.err
    run_checkpoints_verb(["verify", str(folder), "--steps", "0,20000"])


def test_verify_tells_steps_that_cannot_be_had_from_bad_ones(capsys):
    with pytest.raises(UserError, match="none of the 2 steps was available, so that nothing is verified"):
        run_checkpoints_verb(["verify", "pythia-14m", "--steps", "0,1", "--offline"])
    out = capsys.readouterr().out
    assert "step 0: NOT AVAILABLE" in out and "BAD" not in out


def test_convert_writes_a_series(capsys, folder, tmp_path):
    out = tmp_path / "out"
    run_checkpoints_verb(["convert", str(folder), "--out", str(out), "--steps", "1000", "--dtype", "bfloat16"])
    run_checkpoints_verb(["convert", str(folder), "--out", str(out), "--steps", "0,1000", "--dtype", "bfloat16"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("step")] == [
        "step 1000: written",
        "step 0: written",
        "step 1000: there already",
    ]
    assert load_series(out).steps == (0, 1000)
    shutil.rmtree(folder)
    run_checkpoints_verb(["verify", str(out)])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "required"),
        (["show"], "invalid choice"),
        (["verify"], "SERIES"),
        (["convert", "x"], "--out"),
        (["verify", "multibert-seed-0"], "did you mean multiberts-seed-0"),
        (["verify", "pythia-14m", "--steps", "0,a"], "--steps: expected whole numbers"),
        (["verify", "pythia-14m", "--steps", "3"], "has no step 3; the nearest are"),
        (["convert", "pythia-14m", "--out", "x", "--dtype", "int8"], "--dtype"),
        (["list", "smollm3-3b"], "the list of steps of series 'smollm3-3b'"),
    ],
)
def test_bad_input_is_a_user_error(words, message):
    with pytest.raises(UserError, match=message):
        run_checkpoints_verb(words)


def test_help(capsys):
    with pytest.raises(SystemExit) as ended:
        run_checkpoints_verb(["verify", "--help"])
    assert ended.value.code == 0
    assert "--offline" in capsys.readouterr().out
