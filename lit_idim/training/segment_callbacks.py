"""What watches a segment: whether its losses are finite, and what it predicts on the dev split."""

from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lit_idim.training.classifier import SubspaceClassifier

CHECK_EVERY_UPDATES = 20
_NEVER = 2**31


class FiniteLossWatch(Callback):
    """Stops a segment whose training loss is NaN or infinite.

    Losses are looked at every 20 updates, together, since each look makes the host wait for a GPU.

    Attributes:
        first_broken: number, from 1, of the first update whose loss is not finite; None so far.
    """

    def __init__(self) -> None:
        self.first_broken: int | None = None
        self._losses: list[Tensor] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._losses.append(outputs["loss"].detach())
        if len(self._losses) == CHECK_EVERY_UPDATES:
            self._look(trainer, pl_module, batch_idx + 1)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self._losses:
            self._look(trainer, pl_module, trainer.global_step)

    def _look(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, num_done: int) -> None:
        assert isinstance(pl_module, SubspaceClassifier)
        assert pl_module.segment is not None
        broken = (~torch.isfinite(torch.stack(self._losses))).cpu().numpy()
        before = pl_module.segment.start + num_done - len(broken)
        first = before + int(broken.argmax()) + 1 if broken.any() else _NEVER
        if trainer.world_size > 1:  # all devices must stop, or those that go on would wait for ever
            first = int(pl_module.all_gather(torch.tensor(first, device=pl_module.device)).min())  # type: ignore[union-attr]
        self._losses.clear()
        if first != _NEVER:
            self.first_broken = first
            trainer.should_stop = True


class DevPredictions(Callback):
    """Gathers the predictions on the dev split, from all devices.

    Attributes:
        predictions: class numbers or scores, shape (n,), in dev order.
        is_finite: whether all logits were.
    """

    def __init__(self) -> None:
        self.predictions: npt.NDArray[Any] = np.empty(0)
        self.is_finite = True
        self._outputs: list[dict[str, Tensor]] = []

    def on_validation_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._outputs.append(outputs)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        part = {name: torch.cat([output[name] for output in self._outputs]).cpu().numpy() for name in self._outputs[0]}
        self._outputs.clear()
        parts: list[Any] = [part]
        if trainer.world_size > 1:
            parts = [None] * trainer.world_size
            torch.distributed.all_gather_object(parts, part)
        order = np.argsort(np.concatenate([part["index"] for part in parts]), kind="stable")
        self.predictions = np.concatenate([part["predictions"] for part in parts])[order]
        self.is_finite = bool(np.isfinite(float(trainer.callback_metrics["dev_score"])))
