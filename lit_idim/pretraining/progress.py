"""Progress of a pretraining, a line at a time."""

import csv
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

COLUMNS = ("step", "loss", "masked_accuracy", "learning_rate", "tokens_per_second", "seconds")


class Progress(Callback):
    """Prints, and adds to `progress.csv`, means over the last `every` updates of rank 0, and the tokens per second.

    Args:
        path: of the table; rows of a run that was resumed follow those of the run before.
        num_steps: updates of the run.
        every: updates between two lines.
    """

    def __init__(self, path: Path, *, num_steps: int, every: int) -> None:
        self.path = path
        self.num_steps = num_steps
        self.every = every
        self._outputs: list[dict[str, Any]] = []
        self._started_seconds = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started_seconds = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._outputs.append(outputs)
        if trainer.global_step % self.every == 0 or trainer.global_step == self.num_steps:
            if trainer.is_global_zero:
                self._report(trainer)
            self._outputs = []
            self._started_seconds = time.perf_counter()

    def _report(self, trainer: Trainer) -> None:
        means = {name: float(torch.stack([o[name] for o in self._outputs]).mean()) for name in ("loss", "accuracy")}
        seconds = time.perf_counter() - self._started_seconds
        num_tokens = trainer.world_size * sum(output["num_tokens"] for output in self._outputs)
        tokens_per_second = num_tokens / seconds
        step = trainer.global_step
        row = {
            "step": step,
            "loss": f"{means['loss']:.4f}",
            "masked_accuracy": f"{means['accuracy']:.4f}",
            "learning_rate": f"{trainer.optimizers[0].param_groups[0]['lr']:.3g}",
            "tokens_per_second": f"{tokens_per_second:.0f}",
            "seconds": f"{seconds:.2f}",
        }
        print(
            f"step {step}/{self.num_steps}  loss {row['loss']}  masked accuracy {row['masked_accuracy']}  "
            f"{tokens_per_second:,.0f} tokens/s",
            flush=True,
        )
        is_new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            table = csv.DictWriter(file, COLUMNS)
            if is_new:
                table.writeheader()
            table.writerow(row)
