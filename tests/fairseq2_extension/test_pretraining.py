"""A pretraining by fairseq2, from the command to a measurement on its checkpoints."""

import subprocess
import sys

import pytest
import torch
from transformers import RobertaForMaskedLM

from lit_idim.series import load_series

pytest.importorskip("fairseq2", reason="the extra fairseq2 is not installed: make test-fairseq2")
pytestmark = pytest.mark.fairseq2
OPTIONS = [
    *("--config", "configs/pretrain_fairseq2/toy-L2-H64.yaml", "--corpus", "[toy:2000]", "--batch_size", "8"),
    *("--warmup_steps", "2", "--num_held_out_sequences", "8", "--checkpoint_every", "5", "--log_every", "5"),
]


def pretrain(out, *options):
    command = [sys.executable, "-m", "lit_idim.commands.main", "pretrain-fairseq2", *OPTIONS, "--out", str(out)]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    done = pretrain(out, "--num_steps", "10")
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))


def test_its_checkpoints_are_a_series_of_models_that_learn(finished):
    series = load_series(str(finished))
    assert series.steps == (0, 5, 10)
    states = [RobertaForMaskedLM.from_pretrained(series.fetch(step).model).state_dict() for step in series.steps]
    name = "roberta.encoder.layer.1.output.dense.weight"
    assert not torch.equal(states[0][name], states[1][name])
    assert not torch.equal(states[1][name], states[2][name])


def test_settings_without_an_equal_are_refused(tmp_path):
    done = pretrain(tmp_path / "run", "--checkpoints_log_spaced", "3")
    assert done.returncode == 2
    assert "evenly spaced" in done.stderr


def test_two_micro_batches_are_one_update(tmp_path, finished):
    assert pretrain(tmp_path / "run", "--num_steps", "10", "--micro_batches", "2").returncode == 0
    name = "checkpoints/step_10/model/pp_00/tp_00/sdp_00.pt"
    whole, halves = torch.load(finished / name), torch.load(tmp_path / "run" / name)
    for key, tensor in whole.items():
        torch.testing.assert_close(halves[key], tensor, rtol=1e-3, atol=1e-3)
