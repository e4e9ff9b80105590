"""Masked language modelling as a recipe of fairseq2: what an update is, where its batches come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairseq2.datasets import DataReader
from fairseq2.metrics import MetricBag
from fairseq2.metrics.common import add_nll_loss_metric, update_nll_loss_metric
from fairseq2.nn import BatchLayout
from fairseq2.recipe.base import Recipe, RecipeContext
from fairseq2.recipe.config import (
    CommonSection,
    GangSection,
    LRSchedulerSection,
    ModelSection,
    OptimizerSection,
    RegimeSection,
    TrainerSection,
)
from fairseq2.task import Task
from fairseq2.trainer import TrainUnit
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy

from lit_idim.pretraining.batches import MaskedBatch, PackedText


@dataclass(kw_only=True)
class RecipeConfig:
    """The sections that fairseq2 reads; it writes them to `config.yaml` of the run."""

    model: ModelSection = field(default_factory=ModelSection)
    gang: GangSection = field(default_factory=GangSection)
    trainer: TrainerSection = field(default_factory=TrainerSection)
    optimizer: OptimizerSection = field(default_factory=OptimizerSection)
    lr_scheduler: LRSchedulerSection = field(default_factory=LRSchedulerSection)
    regime: RegimeSection = field(default_factory=RegimeSection)
    common: CommonSection = field(default_factory=CommonSection)


class MaskedUnit(TrainUnit[MaskedBatch]):
    """Cross-entropy at the masked positions; fairseq2 divides by their number over all ranks and micro-batches."""

    def __init__(self, model: Module) -> None:
        self._model = model

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        add_nll_loss_metric(metric_bag)

    def process_batch(self, batch: MaskedBatch, metric_bag: MetricBag) -> tuple[Tensor, int | None]:
        batch = batch.to(next(self._model.parameters()).device)
        lengths = None if batch.attention_mask is None else batch.attention_mask.sum(dim=1).tolist()
        logits = self._model(batch.input_ids, BatchLayout.of(batch.input_ids, lengths), batch.positions)
        loss = cross_entropy(logits.float(), batch.targets, reduction="sum")
        update_nll_loss_metric(metric_bag, loss, len(batch.targets))
        return loss, len(batch.targets)


class StepReader(DataReader[MaskedBatch]):
    """One rank's share of each update, without end, in micro-batches; its state is the number of the update.

    Args:
        text: the text.
        batch_size: sequences of an update, over all ranks and micro-batches.
        micro_batches: micro-batches of an update on one rank.
        rank: of this process.
        world_size: number of processes.
    """

    def __init__(self, text: PackedText, *, batch_size: int, micro_batches: int, rank: int, world_size: int) -> None:
        self._text = text
        self._batch_size = batch_size
        self._micro_batches = micro_batches
        self._share = batch_size // world_size
        self._first_row = rank * self._share
        self._step = 0

    def __iter__(self) -> "StepReader":
        return self

    def __next__(self) -> list[MaskedBatch]:
        num_rows = self._share // self._micro_batches
        rows = range(self._first_row, self._first_row + self._share, num_rows)
        batches = [
            self._text.batch(self._step, batch_size=self._batch_size, first_row=row, num_rows=num_rows) for row in rows
        ]
        self._step += 1
        return batches

    def reset(self) -> None:
        self._step = 0

    def state_dict(self) -> dict[str, object]:
        return {"step": self._step}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._step = int(state_dict["step"])

    @property
    def num_accumulate(self) -> int:
        return self._micro_batches


class MaskedRecipe(Recipe):
    """Pretraining by masked language modelling.

    Args:
        text: what to train on.
        batch_size: sequences of an update.
        micro_batches: micro-batches of an update on one rank.
    """

    def __init__(self, text: PackedText, *, batch_size: int, micro_batches: int) -> None:
        self._text = text
        self._batch_size = batch_size
        self._micro_batches = micro_batches

    @property
    def config_kls(self) -> type[object]:
        return RecipeConfig

    def create_task(self, context: RecipeContext) -> Task:
        checkpoints = context.get_checkpoint_manager()
        if not checkpoints.has_checkpoint():
            checkpoints.save_model_only(0, context.get_model(), blocking=True)
        ranks = context.gangs.dp
        reader = StepReader(
            self._text,
            batch_size=self._batch_size,
            micro_batches=self._micro_batches,
            rank=ranks.rank,
            world_size=ranks.size,
        )
        return context.create_trainer(MaskedUnit(context.get_data_parallel_model()), reader)
