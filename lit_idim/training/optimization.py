"""Optimizers, learning rates and schedule of full fine-tuning and of training in a subspace."""

import math
from collections.abc import Iterable
from typing import Any, Literal

from torch import nn
from torch.autograd.graph import increment_version
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lit_idim.subspace import Layout, Subspace
from lit_idim.subspace.blocks import HEAD

OptimizerName = Literal["adam", "sgd"]
ADAM_BETAS = (0.9, 0.98)
ADAM_EPSILON = 1e-6
WEIGHT_DECAY = 0.1
LAMBDA_LEARNING_RATE = 0.01


def subspace_learning_rate(full_learning_rate: float, *, D: int, d: int) -> float:
    """Where to start the search for theta_d's learning rate, given the one that suits full fine-tuning.

    min(2 r (D/d)^(3/4), 20 r (D/d)^(1/2)) for a full learning rate r. With columns of unit norm and Adam, an update
    moves theta_D as far as in full fine-tuning at r (D/d)^(1/2), and lowers the loss as much, to first order, at r
    (D/d); the rule lies between. The best rates of toy encoders of 0.1M to 0.9M parameters at d = 100 to 10,000 go
    with (D/d)^0.83 (0.71 to 0.95), all within a factor of 3.2 of the rule
    (studies/results/2026-11-28-learning-rates). A start, not an optimum: a measurement tries several rates around it.

    Args:
        full_learning_rate: r, of full fine-tuning with Adam.
        D: parameters of the model.
        d: coordinates, without lambdas.

    Example:
        >>> round(subspace_learning_rate(5e-5, D=22_700_000, d=2000), 3)
        0.107
    """
    ratio = D / d
    return full_learning_rate * min(2 * math.pow(ratio, 0.75), 20 * math.sqrt(ratio))


def full_optimizer(
    model: nn.Module, *, name: OptimizerName, learning_rate: float, weight_decay: float, fused: bool = True
) -> Optimizer:
    """AdamW (0.9, 0.98), eps 1e-6, or SGD, over the parameters that require gradients; no decay on biases and norms.

    Args:
        model: the model.
        name: "adam" or "sgd".
        learning_rate: peak.
        weight_decay: decoupled, of matrices and tables.
        fused: one kernel for all of AdamW's operations, faster, rounding otherwise.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim >= 2], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    if name == "sgd":
        return SGD(groups, lr=learning_rate)
    return AdamW(groups, lr=learning_rate, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=fused)


def subspace_optimizer(
    subspace: Subspace, *, name: OptimizerName, learning_rate: float, lambda_learning_rate: float, fused: bool = True
) -> Optimizer:
    """Adam (0.9, 0.98), eps 1e-6, or SGD, over theta_d and the lambdas, without weight decay.

    Args:
        subspace: what is trained.
        name: "adam" or "sgd".
        learning_rate: peak, of theta_d.
        lambda_learning_rate: peak, of the lambdas, which are scales near 1 whatever D and d.
        fused: as of `full_optimizer`.
    """
    groups = [{"params": [subspace.theta_d], "lr": learning_rate}]
    if subspace.lambdas is not None:
        groups.append({"params": [subspace.lambdas], "lr": lambda_learning_rate})
    if name == "sgd":
        return SGD(groups)
    optimizer = Adam(groups, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=fused)
    if fused:
        optimizer.register_step_post_hook(_tell_of_update)
    return optimizer


def _tell_of_update(optimizer: Optimizer, *_: Any) -> None:
    """Counts the update in the versions, which the fused kernel leaves as they are: a stale graph is told by them."""
    increment_version([parameter for group in optimizer.param_groups for parameter in group["params"]])


def make_optimizer(
    network: nn.Module,
    *,
    name: OptimizerName,
    learning_rate: float,
    lambda_learning_rate: float | None = None,
    weight_decay: float | None = None,
    fused: bool = True,
) -> Optimizer:
    """The optimizer of a subspace, or of a model that is trained itself.

    Args:
        network: a Subspace or a classifier.
        name: "adam" or "sgd".
        learning_rate: peak.
        lambda_learning_rate: peak, of a subspace's lambdas; 0.01 if None.
        weight_decay: of a classifier; 0.1 if None.
        fused: as of `full_optimizer`.
    """
    if not isinstance(network, Subspace):
        decay = WEIGHT_DECAY if weight_decay is None else weight_decay
        return full_optimizer(network, name=name, learning_rate=learning_rate, weight_decay=decay, fused=fused)
    scales = LAMBDA_LEARNING_RATE if lambda_learning_rate is None else lambda_learning_rate
    return subspace_optimizer(network, name=name, learning_rate=learning_rate, lambda_learning_rate=scales, fused=fused)


def linear_schedule(optimizer: Optimizer, *, num_updates: int, warmup_fraction: float) -> LambdaLR:
    """Linear warm-up over the first `warmup_fraction` of the updates, then linear decay to 0 after the last one."""
    num_warmup = round(warmup_fraction * num_updates)

    def factor(update: int) -> float:
        if update < num_warmup:
            return (update + 1) / (num_warmup + 1)
        return max(0.0, (num_updates - update) / max(1, num_updates - num_warmup))

    return LambdaLR(optimizer, factor)


def freeze_untrained(model: nn.Module, layout: Layout, method: str) -> None:
    """Leaves gradients to the parameters that method "full" or "head" trains alone.

    Those without a gradient path to the logits are not among them: they would get no gradient, only decay.
    """
    layers = [layer for layer in layout.layers if method == "full" or layer.name == HEAD]
    names = {parameter.name for layer in layers for parameter in layer.parameters}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)


def trained_numbers(parameters: Iterable[nn.Parameter]) -> int:
    """How many numbers an optimizer would change."""
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
