"""RoBERTa with a masked-language-model head, as a LightningModule.

Shapes: B sequences of T tokens, K masked positions, V tokens in the vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase, RobertaConfig, RobertaForMaskedLM

from lit_idim.errors import UserError
from lit_idim.pretraining.batches import MaskedBatch, PackedText, StepBatches
from lit_idim.pretraining.settings import PretrainingSettings
from lit_idim.randomness import stream_key
from lit_idim.subspace.initialization import initialize_parameters
from lit_idim.training.optimization import full_optimizer, linear_schedule

MAX_SCORED_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class MaskedScore:
    """Sums over masked tokens.

    Attributes:
        loss: summed cross-entropy in nats, scalar.
        correct: tokens that the highest logit names, scalar.
        count: masked tokens.
    """

    loss: Tensor
    correct: Tensor
    count: int


def build_model(settings: PretrainingSettings, tokenizer: PreTrainedTokenizerBase) -> Any:
    """The untrained RoBERTa of a run; every weight is drawn by key (`initialize_parameters`), from `settings.seed`."""
    shape = settings.encoder
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        intermediate_size=shape.intermediate_size or 4 * shape.hidden_size,
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
        max_position_embeddings=settings.sequence_length + tokenizer.pad_token_id + 1,  # positions follow <pad>'s id
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        model = RobertaForMaskedLM(config)
    initialize_parameters(model, [name for name, _ in model.named_parameters()], seed=settings.seed)
    return model.train()


def score_masked(encode: Any, head: Any, batch: MaskedBatch) -> MaskedScore:
    """Cross-entropy and hits at the masked positions; the head (K, hidden) -> (K, V) sees no others."""
    hidden = encode(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
    logits = head(hidden.flatten(0, 1)[batch.positions])
    return MaskedScore(
        loss=cross_entropy(logits.float(), batch.targets, reduction="sum"),
        correct=(logits.detach().argmax(dim=-1) == batch.targets).sum(),
        count=len(batch.targets),
    )


class MaskedLanguageModel(LightningModule):
    """Masked-language-model pretraining; the head sees the masked positions only.

    The gradient is that of the mean over all masked tokens of a step, however they are dealt out to devices and
    micro-batches; the reported loss is the mean over the device's own.

    Args:
        model: a `RobertaForMaskedLM`.
        text: what to train on.
        settings: of the run.
        micro_batch_size: sequences at once on a device; its whole share of a step if None.
        num_workers: processes that prepare batches; 0 prepares them between the updates.
        compile_encoder: fuse the encoder's operations with torch.compile.
    """

    def __init__(
        self,
        model: Any,
        text: PackedText,
        settings: PretrainingSettings,
        *,
        micro_batch_size: int | None = None,
        num_workers: int = 0,
        compile_encoder: bool = False,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False  # a resumed run must begin with the first micro-batch of a step
        self.model = model
        self.text = text
        self.settings = settings
        self.micro_batch_size = micro_batch_size
        self.num_workers = num_workers
        # Not a submodule: the saved state is the same with and without compilation.
        self._encode = partial(torch.compile(model.roberta) if compile_encoder else model.roberta)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        settings = self.settings
        optimizer = full_optimizer(
            self.model,
            name="adam",
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        schedule = linear_schedule(
            optimizer,
            num_updates=settings.num_steps,
            warmup_fraction=settings.warmup_steps / settings.num_steps,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train_dataloader(self) -> DataLoader[list[MaskedBatch]]:
        world_size = self.trainer.world_size
        share, remainder = divmod(self.settings.batch_size, world_size)
        micro_batch_size = self.micro_batch_size or share
        if remainder or share % micro_batch_size:
            raise UserError(
                f"batch_size: {self.settings.batch_size} sequences cannot be dealt out to {world_size} devices in "
                f"micro-batches of {micro_batch_size}; choose a micro_batch_size that divides batch_size / devices"
            )
        batches = StepBatches(
            self.text,
            first_step=self.trainer.global_step,
            batch_size=self.settings.batch_size,
            micro_batches=share // micro_batch_size,
            rank=self.trainer.global_rank,
            world_size=world_size,
        )
        return DataLoader(
            batches,
            batch_size=None,
            num_workers=self.num_workers,
            pin_memory=self.device.type == "cuda" or self.trainer.strategy.root_device.type == "cuda",
            prefetch_factor=4 if self.num_workers else None,
        )

    def training_step(self, micro_batches: Sequence[MaskedBatch], batch_idx: int) -> dict[str, Any]:
        optimizer: Any = self.optimizers()
        schedule: Any = self.lr_schedulers()
        count = max(1, sum(len(batch.targets) for batch in micro_batches))
        mean_count = self._mean_over_devices(count)
        scores = []
        with self._keyed_dropout():
            for i, batch in enumerate(micro_batches):
                is_last = i == len(micro_batches) - 1
                with nullcontext() if is_last else self._without_gradient_exchange():
                    score = score_masked(self._encode, self.model.lm_head, batch)
                    self.manual_backward(score.loss / mean_count)
                scores.append(score)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        return {
            "loss": torch.stack([score.loss.detach() for score in scores]).sum() / count,
            "accuracy": torch.stack([score.correct for score in scores]).sum() / count,
            "num_tokens": sum(batch.num_tokens for batch in micro_batches),
        }

    @torch.no_grad()
    def score_held_out(self, model: Any) -> tuple[float, float]:
        """Mean cross-entropy in nats and accuracy of a model at the masked positions of the held-out sequences."""
        model.eval()
        size = self.micro_batch_size or min(self.settings.batch_size, MAX_SCORED_AT_ONCE)
        with self.trainer.precision_plugin.forward_context():
            scores = [
                score_masked(model.roberta, model.lm_head, batch.to(self.device))
                for batch in self.text.held_out_batches(size)
            ]
        count = sum(score.count for score in scores)
        if count == 0:
            raise UserError("num_held_out_sequences: so few are held out that none of their tokens is masked; raise it")
        return sum(float(score.loss) for score in scores) / count, sum(int(score.correct) for score in scores) / count

    @contextmanager
    def _keyed_dropout(self) -> Iterator[None]:
        """Dropout of a step is a function of (seed, step, rank), so that a resumed run draws the same."""
        name = f"dropout/{self.trainer.global_step}/{self.trainer.global_rank}"
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(stream_key(self.settings.seed, name)[0])
            yield

    def _mean_over_devices(self, count: int) -> float:
        if self.trainer.world_size == 1:
            return count
        total = self.trainer.strategy.reduce(torch.tensor(count, device=self.device), reduce_op="sum")
        return int(total) / self.trainer.world_size

    def _without_gradient_exchange(self) -> Any:
        strategy: Any = self.trainer.strategy
        return strategy.block_backward_sync() if hasattr(strategy, "block_backward_sync") else nullcontext()


def count_encoder_parameters(model: nn.Module) -> int:
    """Parameters of the blocks, without embeddings and head."""
    return sum(parameter.numel() for name, parameter in model.named_parameters() if ".encoder." in name)
