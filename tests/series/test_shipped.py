"""The series that ship with their weights: sound, of the stated sizes, and what the configs make."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM

from lit_idim.pretraining import EncoderShape, PretrainingSettings, pretrain
from lit_idim.pretraining.series_writer import SeriesWriter
from lit_idim.resources import resource_path
from lit_idim.series import load_series
from lit_idim.series.verification import verify_series

TOY_LADDER = ("toy-L1-H64", "toy-L2-H64", "toy-L2-H96", "toy-L2-H128", "toy-L3-H144")
MINI_LADDER = ("mini-L2-H64", "mini-L2-H128", "mini", "mini-L4-H256")
SHIPPED = (*TOY_LADDER, *MINI_LADDER)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))


def num_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def num_parameters(folder: Path) -> int:
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype="auto")
    assert model.dtype == torch.bfloat16
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_step_is_sound_and_has_its_checksum(name: str) -> None:
    series = load_series(name)
    assert set(series.checksums) == set(series.steps) and series.steps[0] == 0
    reports = list(verify_series(series))
    assert [(report.step, report.status, report.faults) for report in reports] == [
        (step, "ok", ()) for step in series.steps
    ]


def test_the_toy_ladder_has_four_common_steps_and_is_small() -> None:
    folders = [resource_path("checkpoints") / name for name in TOY_LADDER]
    common = set.intersection(*(set(load_series(name).steps) for name in TOY_LADDER))
    assert common == {0, 1000, 2000, 4000}
    assert sum(map(num_bytes, folders)) < 15e6
    sizes = [num_parameters(folder / "step-4000") for folder in folders]
    assert sizes == sorted(sizes) and sizes[0] < 1e5 < 8e5 < sizes[-1]


def test_the_mini_ladder_has_a_common_step_and_tokenizer_and_is_small_enough_to_be_committed() -> None:
    folders = [resource_path("checkpoints") / name for name in MINI_LADDER]
    assert set.intersection(*(set(load_series(name).steps) for name in MINI_LADDER)) == {0, 768}
    assert sum(map(num_bytes, folders)) < 65e6
    assert len({path.read_bytes() for folder in folders for path in folder.glob("step-*/tokenizer.json")}) == 1
    sizes = [num_parameters(folder / "step-768") for folder in folders]
    assert sizes == sorted(sizes) and sizes[0] < 4e5 < 4e6 < sizes[-1]


@pytest.mark.parametrize("name", SHIPPED)
def test_held_out_loss_falls_from_step_to_step(name: str) -> None:
    folder = resource_path("checkpoints") / name
    scores = [json.loads((folder / f"step-{s}" / "pretraining.json").read_text()) for s in load_series(name).steps]
    losses = [score["held_out_loss"] for score in scores]
    assert losses == sorted(losses, reverse=True)


class EnoughError(Exception):
    pass


@pytest.mark.slow
def test_the_config_makes_the_shipped_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first kept step of the smallest size, made anew; rounding may differ between processors."""
    name, step = "toy-L1-H64", 1000
    original = SeriesWriter.on_train_batch_end

    def stop(self: SeriesWriter, trainer: Any, *arguments: Any) -> None:
        original(self, trainer, *arguments)
        if trainer.global_step == step:
            raise EnoughError

    monkeypatch.setattr(SeriesWriter, "on_train_batch_end", stop)
    values = yaml.safe_load((resource_path("configs") / "pretrain" / f"{name}.yaml").read_text())
    settings = PretrainingSettings(**{**values, "encoder": EncoderShape(**values["encoder"])})
    with pytest.raises(EnoughError):
        pretrain(settings, out=tmp_path / "out", accelerator="cpu", cache_dir=tmp_path / "packed")
    made, shipped = tmp_path / "out" / f"step-{step}", resource_path("checkpoints") / name / f"step-{step}"
    untrained = [Path(load_series(str(series)).fetch(0).model) for series in (tmp_path / "out", name)]
    assert len({(folder / "model.safetensors").read_bytes() for folder in untrained}) == 1
    scores = [json.loads((folder / "pretraining.json").read_text()) for folder in (made, shipped)]
    assert scores[0]["num_tokens"] == scores[1]["num_tokens"]
    assert abs(scores[0]["held_out_loss"] - scores[1]["held_out_loss"]) < 0.05
    ours, theirs = (
        torch.cat([tensor.float().ravel() for _, tensor in sorted(load_file(folder / "model.safetensors").items())])
        for folder in (made, shipped)
    )
    assert torch.corrcoef(torch.stack([ours, theirs]))[0, 1] > 0.98
