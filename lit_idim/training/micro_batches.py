"""Updates in parts where memory does not hold the whole batch: the micro-batch is halved, the global batch stays.

The gradient of a mean over n examples is the sum over the parts of n_i / n times that of part i, so that without
dropout the trained numbers are those of the whole batch to rounding; with dropout the masks are other draws, as on
another number of devices.
"""

import gc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import lightning
import torch
from lightning.pytorch.strategies import Strategy
from lightning.pytorch.utilities.memory import garbage_collection_cuda, is_oom_error
from torch import Tensor

from lit_idim.errors import UserError

Batch = dict[str, Tensor]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of a GPU or of the machine."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or is_oom_error(error)


class MicroBatches:
    """Into how many parts a training cuts each update's batch; it begins with one and doubles where memory runs out.

    Attributes:
        num_parts: of the next update on this device.
    """

    def __init__(self) -> None:
        self.num_parts = 1

    def backward(
        self, module: lightning.LightningModule, batch: Batch, loss_of: Callable[[Batch, str], Tensor]
    ) -> Tensor:
        """Leaves the gradients of the mean loss of a batch, and nothing else, in the parameters of the optimizer.

        It talks to no other device: one whose memory runs out begins the update anew by itself, and the others wait for
        it where the gradients are averaged, after this.

        Args:
            module: whose parameters are trained, by one optimizer.
            batch: of this device.
            loss_of: the mean loss of a part, and a name for it: empty for the whole, else unique among the parts.

        Returns:
            The mean loss; of several devices one whose own backward pass adds nothing, but lets them average their
            gradients.

        Raises:
            UserError: if memory does not hold a single example.
        """
        trainer = module.trainer
        trained = [parameter for group in trainer.optimizers[0].param_groups for parameter in group["params"]]
        while True:
            for parameter in trained:  # not by the optimizer, whose marks for a profiler cost a small step more
                parameter.grad = None
            loss = self._try(module, batch, loss_of)
            if loss is not None:
                break
            free_memory()
            self._halve(batch, num_devices=trainer.world_size)
        return loss if trainer.world_size == 1 else _AddNothing.apply(loss, *trained)  # type: ignore[no-untyped-call]

    def agree(self, strategy: Strategy) -> None:
        """Goes on with the most parts of any device, between segments; all devices call it together."""
        most = strategy.reduce(torch.tensor(self.num_parts, device=strategy.root_device), reduce_op="max")
        self.num_parts = int(most)

    def _try(self, module: Any, batch: Batch, loss_of: Callable[[Batch, str], Tensor]) -> Tensor | None:
        """One attempt; None if memory ran out."""
        size, total = _size(batch), None
        try:
            for number, part in enumerate(parts_of(batch, self.num_parts)):
                name = "" if self.num_parts == 1 else f"/part {number} of {self.num_parts}"
                share = loss_of(part, name)
                if self.num_parts > 1:
                    share = share * (_size(part) / size)
                kind = module.device.type
                with torch.autocast(kind, enabled=False):
                    module.trainer.precision_plugin.pre_backward(share, module).backward()
                total = share.detach() if total is None else total + share.detach()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return None
        return total

    def _halve(self, batch: Batch, *, num_devices: int) -> None:
        size = _size(batch)
        if self.num_parts >= size:
            raise UserError(
                "memory ran out with one example at a time: lower training.max_length, choose a smaller model, or a "
                "machine with more memory"
            )
        self.num_parts = min(2 * self.num_parts, size)
        warnings.warn(self.describe(size * num_devices, num_devices), stacklevel=2)

    def describe(self, size: int, num_devices: int = 1) -> str:
        """What a reader of the numbers must know.

        Args:
            size: examples of an update, on all devices together.
            num_devices: that share an update.
        """
        micro = -(-size // (num_devices * self.num_parts))
        return (
            f"memory ran out: micro-batches of {micro} with accumulated gradients, {self.num_parts} to a global batch "
            f"of {size} as before; dropout masks are other draws"
        )


def in_parts(batch: Batch, run: Callable[[Batch], Tensor]) -> Tensor:
    """What `run` gives for a batch, in ever smaller parts where memory runs out; nothing is trained.

    Raises:
        UserError: if memory does not hold a single example.
    """
    num_parts, size = 1, _size(batch)
    while True:
        try:
            return torch.cat([run(part) for part in parts_of(batch, num_parts)]) if num_parts > 1 else run(batch)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if num_parts >= size:
                raise UserError("memory ran out with one example at a time; choose a machine with more") from error
        free_memory()
        num_parts = min(2 * num_parts, size)


def parts_of(batch: Batch, number: int) -> Iterator[Batch]:
    """A batch in parts of equal size as far as possible; the batch itself if there is one.

    >>> [part["labels"].tolist() for part in parts_of({"labels": torch.arange(5)}, 2)]
    [[0, 1, 2], [3, 4]]
    """
    if number == 1:
        yield batch
        return
    names = list(batch)
    cut = [batch[name].tensor_split(number) for name in names]
    for parts in zip(*cut, strict=True):
        yield dict(zip(names, parts, strict=True))


def free_memory() -> None:
    """Gives back what a failed attempt held."""
    gc.collect()
    if torch.cuda.is_available():
        garbage_collection_cuda()


def _size(batch: Batch) -> int:
    return len(batch["labels"])


class _AddNothing(torch.autograd.Function):
    """The loss as a function of the parameters whose gradients are there already."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(*parameters)
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return None, *(gradient.new_zeros((), dtype=one.dtype).expand_as(one) for one in ctx.saved_tensors)
