"""`SubspaceClassifier`: full fine-tuning, DID and SAID as one LightningModule."""

import math
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric

from lit_idim.errors import UserError
from lit_idim.randomness import stream_key
from lit_idim.subspace import Layout, Subspace, find_layout, load_classifier
from lit_idim.tasks import get_task
from lit_idim.training.metrics import TaskMetrics
from lit_idim.training.optimization import (
    OptimizerName,
    full_optimizer,
    linear_schedule,
    subspace_learning_rate,
    subspace_optimizer,
    trained_numbers,
)

Method = Literal["full", "did", "said"]
METHODS: tuple[Method, ...] = ("full", "did", "said")
WEIGHT_DECAY = 0.1
LAMBDA_LEARNING_RATE = 0.01


class SubspaceClassifier(lightning.LightningModule):
    """A pretrained encoder with a fresh head, trained in full or in a random subspace of d dimensions.

    All methods start from the same theta_0: the head depends on `head_seed` alone. Full fine-tuning is AdamW (0.9,
    0.98), eps 1e-6, weight decay 0.1 but on biases and norms; in a subspace Adam without decay moves theta_d, and the
    lambdas at a rate of their own. Warm-up over 6% of the updates, linear decay, no gradient clipping.

    It logs `train_loss`, and over the dev or test split the loss, every metric of the task and its headline metric as
    `dev_score` or `test_score`, each example counted once on any number of devices.

    A checkpoint of a subspace holds theta_d, the lambdas, the optimizer's numbers for them, and what re-makes the rest:
    a few kilobytes beside the base model.

    Args:
        model: Folder in `save_pretrained` format, or name on the model hub.
        task: Name of the task, as for `GLUEDataModule`.
        method: "full", "did" or "said".
        d: Trained numbers, lambdas included; for "did" and "said" only.
        projection: Name of P; "fastfood" if None; for "did" and "said" only.
        projection_seed: Names the draw of P.
        head_seed: Names the draw of every parameter that the checkpoint does not hold.
        dropout_seed: Names the dropout masks: those of an update depend on it, the update and the device's rank alone.
        revision: Branch, tag or commit of the model on the hub.
        random_weights: Start from the untrained encoder: the model's architecture with every parameter drawn.
        learning_rate: Peak rate; for "did" and "said" by rule from `full_learning_rate` if None, see
            `lit_idim.training.subspace_learning_rate`; for "full" `full_learning_rate` if None.
        full_learning_rate: The rate that suits full fine-tuning of this model.
        lambda_learning_rate: Peak rate of the lambdas; 0.01 if None; for "said" only.
        optimizer: "adam" (with decoupled decay in full fine-tuning) or "sgd".
        weight_decay: Of full fine-tuning; 0.1 if None; for "full" only.
        warmup_fraction: Share of the updates over which the rates rise.

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
        _check_settings(method, d, projection, lambda_learning_rate, weight_decay, optimizer)
        _check_numbers(learning_rate, full_learning_rate, lambda_learning_rate, weight_decay, warmup_fraction)
        self.task = get_task(task)
        self.save_hyperparameters()
        loaded = load_classifier(
            model,
            num_labels=self.task.num_labels,
            head_seed=head_seed,
            revision=revision,
            random_weights=random_weights,
        )
        self.method = method
        self.network: nn.Module
        self.layout: Layout
        if method == "full":
            self.network, self.layout = loaded, _freeze_uncounted(loaded)
        else:
            assert d is not None
            subspace = Subspace(loaded, d=d, method=method, projection=projection or "fastfood", seed=projection_seed)
            self.network, self.layout = subspace, subspace.layout
        self.learning_rate = self._peak_rate(learning_rate, full_learning_rate)
        self.last_scored_update: int | None = None
        self.metrics = nn.ModuleDict({split: TaskMetrics(self.task) for split in ("dev", "test")})
        # NaN stays NaN. torchmetrics 1.9 drops the weights where nan_strategy is "disable".
        self.losses = nn.ModuleDict({split: MeanMetric(nan_strategy=math.nan) for split in ("dev", "test")})

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
        logits: Tensor = self.network(**inputs).logits
        return logits

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> Tensor:
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(self._dropout_key(batch_index))
            loss = self._loss(self(batch), batch["labels"])
        self.log("train_loss", loss, batch_size=len(batch["labels"]), prog_bar=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_index: int) -> None:
        self._evaluate(batch, "dev")

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
        name = self.hparams["optimizer"]
        if isinstance(self.network, Subspace):
            scales = self.hparams["lambda_learning_rate"]
            optimizer = subspace_optimizer(
                self.network,
                name=name,
                learning_rate=self.learning_rate,
                lambda_learning_rate=LAMBDA_LEARNING_RATE if scales is None else scales,
            )
        else:
            decay = self.hparams["weight_decay"]
            optimizer = full_optimizer(
                self.network,
                name=name,
                learning_rate=self.learning_rate,
                weight_decay=WEIGHT_DECAY if decay is None else decay,
            )
        schedule = linear_schedule(
            optimizer,
            num_updates=int(self.trainer.estimated_stepping_batches),
            warmup_fraction=self.hparams["warmup_fraction"],
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    @property
    def _encoder(self) -> nn.Module:
        return self.network.model if isinstance(self.network, Subspace) else self.network

    def _peak_rate(self, learning_rate: float | None, full_learning_rate: float) -> float:
        if learning_rate is not None:
            return learning_rate
        if not isinstance(self.network, Subspace):
            return full_learning_rate
        return subspace_learning_rate(full_learning_rate, D=self.layout.D, d=len(self.network.theta_d))

    def _dropout_key(self, batch_index: int) -> int:
        """Seed of one update's masks on this device: the same after a restart, whatever else draws random numbers."""
        name = f"dropout/{self.global_rank}/{self.current_epoch}/{batch_index}"
        return stream_key(self.hparams["dropout_seed"], name)[0]

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.task.is_regression:
            return functional.mse_loss(logits.squeeze(-1).float(), labels.float())
        return functional.cross_entropy(logits.float(), labels)

    def _predictions(self, logits: Tensor) -> Tensor:
        return logits.squeeze(-1).float() if self.task.is_regression else logits.argmax(-1)

    def _evaluate(self, batch: dict[str, Tensor], split: str) -> None:
        logits = self(batch)
        # A mean over examples, not over devices, whose shares differ in size: so every device count gives the same.
        self._mean_loss(split).update(self._loss(logits, batch["labels"]), weight=len(batch["labels"]))
        self._metrics(split).update(self._predictions(logits), batch["labels"], finite=torch.isfinite(logits).all())

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


def _freeze_uncounted(model: nn.Module) -> Layout:
    """Freezes the parameters without a gradient path to the logits: they would get no gradient, only decay."""
    layout = find_layout(model)
    counted = {id(model.get_parameter(parameter.name)) for parameter in layout.parameters}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in counted)
    return layout


def _check_settings(
    method: str,
    d: int | None,
    projection: str | None,
    lambda_learning_rate: float | None,
    weight_decay: float | None,
    optimizer: str,
) -> None:
    if method not in METHODS:
        raise UserError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    if optimizer not in ("adam", "sgd"):
        raise UserError(f"optimizer must be one of adam, sgd; got {optimizer!r}")
    if method != "full" and d is None:
        raise UserError(f"d must be given for method {method!r}: how many numbers to train")
    without_effect = {
        "d": d is not None and method == "full",
        "projection": projection is not None and method == "full",
        "lambda_learning_rate": lambda_learning_rate is not None and method != "said",
        "weight_decay": weight_decay is not None and method != "full",
    }
    for name, idle in without_effect.items():
        if idle:
            raise UserError(f"{name} has no effect for method {method!r}; leave it out")


def _check_numbers(
    learning_rate: float | None,
    full_learning_rate: float,
    lambda_learning_rate: float | None,
    weight_decay: float | None,
    warmup_fraction: float,
) -> None:
    rates = {
        "learning_rate": learning_rate,
        "full_learning_rate": full_learning_rate,
        "lambda_learning_rate": lambda_learning_rate,
    }
    for name, value in rates.items():
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{name} must be a positive number, got {value}")
    if weight_decay is not None and not 0 <= weight_decay < float("inf"):
        raise UserError(f"weight_decay must be 0 or more, got {weight_decay}")
    if not 0 <= warmup_fraction <= 1:
        raise UserError(f"warmup_fraction must lie between 0 and 1, got {warmup_fraction}")
