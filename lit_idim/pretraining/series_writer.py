"""What a pretraining leaves on disk while it runs: a folder a checkpoint, and the state to resume from."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from transformers import PreTrainedTokenizerBase

from lit_idim.pretraining.model import MaskedLanguageModel
from lit_idim.series.untrained import write_untrained
from lit_idim.subspace.loading import quiet_transformers

RESUME_FILE = "resume.ckpt"
SCORES_FILE = "pretraining.json"
_ASIDE = ".writing-"


class SeriesWriter(Callback):
    """Keeps `step-N/` folders in `save_pretrained` format, and the state of the run.

    All is written aside and renamed, so that a folder that bears its name is complete. Beside the weights lies
    `pretraining.json`: the step, the tokens seen, and loss and accuracy on the held-out sequences.

    Args:
        folder: of the run.
        tokenizer: saved with every checkpoint.
        steps: to keep.
        resume_every: updates between two savings of the state; it is saved with every checkpoint, too.
    """

    def __init__(
        self, folder: Path, tokenizer: PreTrainedTokenizerBase, *, steps: tuple[int, ...], resume_every: int
    ) -> None:
        self.folder = folder
        self.tokenizer = tokenizer
        self.steps = frozenset(steps)
        self.last_step = max(steps)
        self.resume_every = resume_every
        self.num_tokens = 0

    def state_dict(self) -> dict[str, Any]:
        return {"num_tokens": self.num_tokens}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.num_tokens = state_dict["num_tokens"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            for abandoned in self.folder.glob(f"{_ASIDE}*"):
                shutil.rmtree(abandoned) if abandoned.is_dir() else abandoned.unlink()
        trainer.strategy.barrier()
        if trainer.global_step == 0:
            self._keep(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.num_tokens += self._sum_over_devices(outputs["num_tokens"], trainer, pl_module)
        step = trainer.global_step
        if step in self.steps:
            self._keep(trainer, pl_module)
        if step < self.last_step and (step in self.steps or step % self.resume_every == 0):
            aside = self.folder / f"{_ASIDE}{RESUME_FILE}"
            trainer.save_checkpoint(aside)
            if trainer.is_global_zero:
                aside.replace(self.folder / RESUME_FILE)

    def _sum_over_devices(self, count: int, trainer: Trainer, module: LightningModule) -> int:
        if trainer.world_size == 1:
            return count  # reading it back from a GPU would wait for the whole update
        return int(trainer.strategy.reduce(torch.tensor(count, device=module.device), reduce_op="sum"))

    def _keep(self, trainer: Trainer, module: Any) -> None:
        if trainer.is_global_zero and not (self.folder / f"step-{trainer.global_step}").exists():
            self._write_checkpoint(trainer, module)
        trainer.strategy.barrier()

    def _write_checkpoint(self, trainer: Trainer, module: MaskedLanguageModel) -> None:
        step = trainer.global_step
        stored = copy.deepcopy(module.model).to(dtype=getattr(torch, module.settings.weights_dtype))
        # Scored is what the folder will hold: the weights as rounded for the file.
        loss, accuracy = module.score_held_out(copy.deepcopy(stored).float())
        aside = self.folder / f"{_ASIDE}step-{step}"
        if step == 0 and not module.settings.keep_untrained_weights:
            # What save_pretrained would add beside weights.
            stored.config.architectures, stored.config.dtype = [type(stored).__name__], stored.dtype
            stored.config.save_pretrained(aside)
            write_untrained(aside, seed=module.settings.seed, dtype=module.settings.weights_dtype)
        else:
            with quiet_transformers():
                stored.cpu().save_pretrained(aside)
        self.tokenizer.save_pretrained(aside)
        scores = {
            "step": step,
            "num_tokens": self.num_tokens,
            "held_out_loss": round(loss, 6),
            "held_out_accuracy": round(accuracy, 6),
        }
        (aside / SCORES_FILE).write_text(json.dumps(scores, indent=2) + "\n")
        aside.replace(self.folder / f"step-{step}")
        print(f"step {step}: kept; held-out loss {loss:.4f}, masked accuracy {accuracy:.4f}", flush=True)
