import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from lit_idim.commands.main import main
from lit_idim.pretraining import EncoderShape, PretrainingSettings
from lit_idim.resources import resource_path

TINY = {
    "name": "tiny",
    "title": "a model for tests",
    "corpus": ["toy:2000"],
    "tokenizer": "toy",
    "sequence_length": 32,
    "encoder": {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "dropout": 0.0},
    "num_steps": 6,
    "batch_size": 8,
    "warmup_steps": 2,
    "num_held_out_sequences": 16,
}


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return str(path)


def test_a_series_from_a_file_and_options(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["pretrain", "--config", config, "--checkpoint_every", "3", "--out", str(tmp_path / "out")]
    words += ["--accelerator", "cpu", "--cache_dir", str(tmp_path / "cache"), "--log_every", "2"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "checkpoints at 0, 3, 6" in shown and "step 6/6  loss" in shown and "tokens/s" in shown
    assert json.loads((tmp_path / "out" / "step-3" / "pretraining.json").read_text())["step"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--corpus", "[nowhere.txt]"], "corpus: nowhere.txt does not exist"),
        (["--encoder.num_heads", "3"], "encoder.num_heads: expected a divisor of hidden_size = 32, got 3"),
        (["--vocab_size", "100", "--tokenizer", "bpe"], "vocab_size: expected at least 261"),
    ],
)
def test_bad_input_is_one_line(
    config: str, words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "out"), "--accelerator", "cpu", "--cache_dir", str(tmp_path / "cache")]
    assert main(["pretrain", "--config", config, *options, *words]) == 2
    shown = capsys.readouterr().err
    assert message in shown and "Traceback" not in shown


@pytest.mark.parametrize("path", sorted((resource_path("configs") / "pretrain").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_config_loads(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    settings = PretrainingSettings(**{**values, "encoder": EncoderShape(**values["encoder"])})
    assert settings.name == path.stem


@pytest.mark.ddp
def test_two_processes_train_what_one_trains(config: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lit_idim.commands.main", "pretrain", "--config", config, "--accelerator", "cpu"]
    command += ["--cache_dir", str(tmp_path / "cache"), "--log_every", "2"]
    for out, options in (("one", []), ("two", ["--devices", "2", "--strategy", "ddp", "--micro_batch_size", "2"])):
        subprocess.run([*command, "--out", str(tmp_path / out), *options], check=True, cwd=tmp_path, timeout=240)
    one, two = (load_file(tmp_path / out / "step-6" / "model.safetensors") for out in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-4, rtol=0)
    scores = [json.loads((tmp_path / out / "step-6" / "pretraining.json").read_text()) for out in ("one", "two")]
    assert scores[0]["num_tokens"] == scores[1]["num_tokens"]
    rows = (tmp_path / "two" / "progress.csv").read_text().splitlines()
    assert len(rows) == 4
