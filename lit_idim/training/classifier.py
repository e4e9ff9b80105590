"""`SubspaceClassifier`: full fine-tuning, DID, SAID and a head alone as one LightningModule."""

import math
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric

from lit_idim.errors import UserError
from lit_idim.randomness import stream_key
from lit_idim.subspace import Layout, Subspace
from lit_idim.tasks import get_task
from lit_idim.training.base_models import BaseModel, load_base_model
from lit_idim.training.checks import SUBSPACE, Method, check_numbers, check_settings
from lit_idim.training.first_position import last_block_at_first_position
from lit_idim.training.metrics import TaskMetrics
from lit_idim.training.micro_batches import MicroBatches, in_parts
from lit_idim.training.optimization import (
    OptimizerName,
    freeze_untrained,
    linear_schedule,
    make_optimizer,
    subspace_learning_rate,
    trained_numbers,
)
from lit_idim.training.segment import Segment

DATA_KEY = "lit_idim_data"  # of a checkpoint's entry on the data that it was trained on


class SubspaceClassifier(lightning.LightningModule):
    """A pretrained encoder with a fresh head, trained in full, in a random subspace of d dimensions, or its head alone.

    All methods start from the same theta_0: the head depends on `head_seed` alone. Full fine-tuning is AdamW (0.9,
    0.98), eps 1e-6, weight decay 0.1 but on biases and norms; in a subspace Adam without decay moves theta_d, and the
    lambdas at a rate of their own. Training the head alone, a baseline, is full fine-tuning with all else frozen.
    Warm-up over 6% of the updates, linear decay, no gradient clipping.

    It logs `train_loss`, and over the dev or test split the loss, every metric of the task and its headline metric as
    `dev_score` or `test_score`, each example counted once on any number of devices.

    A checkpoint of a subspace holds theta_d, the lambdas, the optimizer's numbers for them, and what re-makes the rest:
    a few kilobytes beside the base model.

    Args:
        model: Folder in `save_pretrained` format, or name on the model hub.
        task: Name of the task, as for `GLUEDataModule`.
        method: "full", "did", "said" or "head".
        d: Trained numbers, lambdas included; for "did" and "said" only.
        projection: Name of P; "fastfood" if None; for "did" and "said" only.
        projection_seed: Names the draw of P.
        head_seed: Names the draw of every parameter that the checkpoint does not hold.
        dropout_seed: Names the dropout masks: those of an update depend on it, the update and the device's rank alone.
        revision: Branch, tag or commit of the model on the hub.
        random_weights: Start from the untrained encoder: the model's architecture with every parameter drawn.
        learning_rate: Peak rate; for "did" and "said" by rule from `full_learning_rate` if None, see
            `lit_idim.training.subspace_learning_rate`; else `full_learning_rate` if None.
        full_learning_rate: The rate that suits full fine-tuning of this model.
        lambda_learning_rate: Peak rate of the lambdas; 0.01 if None; for "said" only.
        optimizer: "adam" (with decoupled decay outside a subspace) or "sgd".
        weight_decay: 0.1 if None; for "full" and "head" only.
        warmup_fraction: Share of the updates over which the rates rise.

    Attributes:
        segment: The piece of a training that the Trainer runs as one epoch; None for whole epochs.
        micro_batches: Into how many parts the batches of segments are cut, since memory does not hold them whole.

    Raises:
        UserError: if a name is unknown, a number is out of range, or a setting has no effect for the method.
    """

    def __init__(
        self,
        model: str,
        task: str,
        method: Method = "said",
        d: int | None = None,
        projection: str | None = None,
        projection_seed: int = 0,
        head_seed: int = 0,
        dropout_seed: int = 0,
        revision: str | None = None,
        random_weights: bool = False,
        learning_rate: float | None = None,
        full_learning_rate: float = 2e-5,
        lambda_learning_rate: float | None = None,
        optimizer: OptimizerName = "adam",
        weight_decay: float | None = None,
        warmup_fraction: float = 0.06,
    ) -> None:
        super().__init__()
        check_settings(method, d, projection, lambda_learning_rate, weight_decay, optimizer)
        check_numbers(learning_rate, full_learning_rate, lambda_learning_rate, weight_decay, warmup_fraction)
        self.task = get_task(task)
        self.save_hyperparameters()
        base = self._load_base(
            model,
            num_labels=self.task.num_labels,
            head_seed=head_seed,
            revision=revision,
            random_weights=random_weights,
        )
        self.method = method
        self.layout: Layout = base.layout
        self.network: nn.Module = base.model
        if method in SUBSPACE:
            assert d is not None
            self.network = Subspace(
                base.model,
                d=d,
                method=method,  # type: ignore[arg-type]
                projection=projection or "fastfood",
                seed=projection_seed,
                layout=base.layout,
            )
        else:
            freeze_untrained(base.model, base.layout, method)
        self.segment: Segment | None = None
        self.micro_batches = MicroBatches()
        self._optimization: OptimizerLRSchedulerConfig | None = None
        self.learning_rate = self._peak_rate(learning_rate, full_learning_rate)
        self.last_scored_update: int | None = None
        self.metrics = nn.ModuleDict({split: TaskMetrics(self.task) for split in ("dev", "test")})
        # NaN stays NaN. torchmetrics 1.9 drops the weights where nan_strategy is "disable".
        self.losses = nn.ModuleDict({split: MeanMetric(nan_strategy=math.nan) for split in ("dev", "test")})

    @property  # type: ignore[misc]  # Lightning's can be set
    def automatic_optimization(self) -> bool:
        """False in a segment, where `training_step` makes the whole update: Lightning's way there takes longer."""
        return self.segment is None

    @property
    def num_trained(self) -> int:
        """How many numbers are trained: d, or D for full fine-tuning."""
        return trained_numbers(self.parameters())

    def setup(self, stage: str) -> None:
        """Checks that data and model fit together, and tells the model how its batches are padded."""
        data = getattr(self.trainer, "datamodule", None)
        if data is None:
            return
        if data.task.name != self.task.name:
            raise UserError(f"task: the model is set up for {self.task.name!r}, but the data for {data.task.name!r}")
        config: Any = self._encoder.config
        if len(data.tokenizer) > config.vocab_size:
            raise UserError(
                f"tokenizer {data.tokenizer_name!r} has {len(data.tokenizer)} tokens, but the model's vocabulary ends "
                f"at {config.vocab_size}; pass the tokenizer that the model was pretrained with"
            )
        if config.pad_token_id is None:
            config.pad_token_id = data.pad_token_id

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits, shape (batch, num_labels), of a batch as `GLUEDataModule` makes them."""
        inputs = {name: tensor for name, tensor in batch.items() if name not in ("labels", "index")}
        with last_block_at_first_position(self._encoder):
            logits: Tensor = self.network(**inputs).logits
        return logits

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what whoever applies the model to texts must know of its data."""
        data = getattr(self.trainer, "datamodule", None)
        if data is not None:
            checkpoint[DATA_KEY] = {"tokenizer": data.tokenizer_name, "max_length": data.max_length}

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> Tensor:
        if self.segment is not None:
            loss = self.micro_batches.backward(self, batch, lambda part, name: self._step_loss(part, batch_index, name))
            if self.trainer.world_size > 1:
                self.manual_backward(loss)
            self.optimizers().step()  # type: ignore[union-attr]
            self.lr_schedulers().step()  # type: ignore[union-attr]
            return loss
        loss = self._step_loss(batch, batch_index)
        self.log("train_loss", loss, batch_size=len(batch["labels"]), prog_bar=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_index: int) -> dict[str, Tensor]:
        """As `predict_step`; the predictions count towards the dev metrics."""
        return {"index": batch["index"], "predictions": self._evaluate(batch, "dev")}

    def on_validation_epoch_end(self) -> None:
        self._log_metrics("dev")
        self.last_scored_update = self.trainer.global_step

    def test_step(self, batch: dict[str, Tensor], batch_index: int) -> None:
        self._evaluate(batch, "test")

    def on_test_epoch_end(self) -> None:
        self._log_metrics("test")

    def predict_step(self, batch: dict[str, Tensor], batch_index: int) -> dict[str, Tensor]:
        """Positions in the split (`index`) and predicted classes or scores (`predictions`), both of shape (batch,)."""
        logits = self(batch)
        if not torch.isfinite(logits).all():
            raise UserError("the model's logits are not finite: its training diverged, so there is nothing to predict")
        return {"index": batch["index"], "predictions": self._predictions(logits)}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        if self.segment is None:
            return self._make_optimization(int(self.trainer.estimated_stepping_batches))
        return self.optimization(self.segment.num_updates)

    def optimization(self, num_updates: int) -> OptimizerLRSchedulerConfig:
        """Optimizer and schedule of a training in segments: the same ones in all of them."""
        if self._optimization is None:
            self._optimization = self._make_optimization(num_updates)
        return self._optimization

    def _make_optimization(self, num_updates: int) -> OptimizerLRSchedulerConfig:
        optimizer = make_optimizer(
            self.network,
            name=self.hparams["optimizer"],
            learning_rate=self.learning_rate,
            lambda_learning_rate=self.hparams["lambda_learning_rate"],
            weight_decay=self.hparams["weight_decay"],
            # In mixed precision Lightning clips the gradients only of optimizers that leave the unscaling to it.
            fused=not getattr(self._trainer, "gradient_clip_val", None),
        )
        schedule = linear_schedule(optimizer, num_updates=num_updates, warmup_fraction=self.hparams["warmup_fraction"])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _load_base(self, model: str, **arguments: Any) -> BaseModel:
        return load_base_model(model, **arguments)

    @property
    def _encoder(self) -> nn.Module:
        return self.network.model if isinstance(self.network, Subspace) else self.network

    def _peak_rate(self, learning_rate: float | None, full_learning_rate: float) -> float:
        if learning_rate is not None:
            return learning_rate
        if not isinstance(self.network, Subspace):
            return full_learning_rate
        return subspace_learning_rate(full_learning_rate, D=self.layout.D, d=len(self.network.theta_d))

    def _step_loss(self, batch: dict[str, Tensor], batch_index: int, part: str = "") -> Tensor:
        """The mean loss of an update's batch, or of a part of it, with dropout masks of its own."""
        on_gpu = self.device.type == "cuda"
        with torch.random.fork_rng(devices=[self.device] if on_gpu else []):
            key = self._dropout_key(batch_index, part)
            # not torch.manual_seed, which seeds all kinds of devices: a millisecond of traceback for each that is idle
            torch.default_generator.manual_seed(key)
            if on_gpu:
                torch.cuda.manual_seed(key)
            return self._loss(self(batch), batch["labels"])

    def _dropout_key(self, batch_index: int, part: str) -> int:
        """Seed of one update's masks on this device: the same after a restart, whatever else draws random numbers."""
        epoch, index = (self.current_epoch, batch_index) if self.segment is None else self.segment.place(batch_index)
        name = f"dropout/{self.global_rank}/{epoch}/{index}{part}"
        return stream_key(self.hparams["dropout_seed"], name)[0]

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.task.is_regression:
            return functional.mse_loss(logits.squeeze(-1).float(), labels.float())
        return functional.cross_entropy(logits.float(), labels)

    def _predictions(self, logits: Tensor) -> Tensor:
        return logits.squeeze(-1).float() if self.task.is_regression else logits.argmax(-1)

    def _evaluate(self, batch: dict[str, Tensor], split: str) -> Tensor:
        logits = in_parts(batch, self) if self.segment is not None else self(batch)
        # A mean over examples, not over devices, whose shares differ in size: so every device count gives the same.
        self._mean_loss(split).update(self._loss(logits, batch["labels"]), weight=len(batch["labels"]))
        predictions = self._predictions(logits)
        self._metrics(split).update(predictions, batch["labels"], finite=torch.isfinite(logits).all())
        return predictions

    def _log_metrics(self, split: str) -> None:
        metrics = self._metrics(split)
        loss = self._mean_loss(split)
        values = {"loss": float(loss.compute()), **metrics.compute()}
        self.log_dict({f"{split}_{name}": value for name, value in values.items()}, rank_zero_only=False)
        loss.reset()
        metrics.reset()

    def _mean_loss(self, split: str) -> MeanMetric:
        loss = self.losses[split]
        assert isinstance(loss, MeanMetric)
        return loss

    def _metrics(self, split: str) -> TaskMetrics:
        metrics = self.metrics[split]
        assert isinstance(metrics, TaskMetrics)
        return metrics
