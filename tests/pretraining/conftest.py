import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from lit_idim.pretraining import EncoderShape, PretrainingSettings, pretrain

TINY = PretrainingSettings(
    name="tiny",
    title="a model for tests",
    corpus=["toy:3000"],
    tokenizer="toy",
    sequence_length=32,
    encoder=EncoderShape(hidden_size=32, num_layers=1, num_heads=2, dropout=0.1),
    num_steps=12,
    batch_size=8,
    learning_rate=2e-3,
    warmup_steps=3,
    num_held_out_sequences=32,
    checkpoints_log_spaced=2,
)
Run = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a tiny pretraining with some settings and options changed; gives the folder of its series."""

    def pretrain_tiny(out: str = "run", *, options: dict[str, object] | None = None, **settings: object) -> Path:
        changed = dataclasses.replace(TINY, **settings)  # type: ignore[arg-type]
        defaults = {"accelerator": "cpu", "cache_dir": tmp_path / "cache", "log_every": 4, "resume_every": 2}
        return pretrain(changed, out=tmp_path / out, **{**defaults, **(options or {})})  # type: ignore[arg-type]

    return pretrain_tiny
