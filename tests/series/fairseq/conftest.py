from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from .plain_fairseq import Generation, draw_state, options_of, write_bpe, write_checkpoint, write_dictionary

SIZE = {"layers": 2, "hidden": 16, "ffn": 24, "max_positions": 30}
HEADS = 2
STEPS = {10: 1, 20: 1, 100: 2}


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., dict[int, dict[str, Tensor]]]:
    """Writes the checkpoints of a run, its dictionary and BPE to a folder; returns the weights by step."""

    def write(
        folder: Path | None = None,
        *,
        generation: Generation = 2021,
        size: dict[str, int] = SIZE,
        heads: int = HEADS,
        **options: Any,
    ) -> dict[int, dict[str, Tensor]]:
        folder = tmp_path / "run" if folder is None else folder
        vocab = len(write_dictionary(folder / "dict.txt", write_bpe(folder)))
        states = {}
        for step, epoch in STEPS.items():
            states[step] = draw_state(**size, vocab=vocab, generation=generation, seed=step)
            write_checkpoint(
                folder / f"checkpoint_{epoch}_{step}.pt",
                states[step],
                options_of(**size, heads=heads, **options),
                num_updates=step,
                generation=generation,
            )
        return states

    return write


@pytest.fixture
def run_folder(tmp_path: Path, write_run: Callable[..., Any]) -> Path:
    """A run of three checkpoints that a test may damage, and a `series.yaml`."""
    write_run()
    (tmp_path / "run" / "series.yaml").write_text("{name: own, source: {kind: fairseq, path: .}, tokens_per_step: 64}")
    return tmp_path / "run"
