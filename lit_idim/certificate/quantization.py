"""Trained numbers on a grid: rounding them, and training with the rounded ones in the forward pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from lit_idim.certificate.quantized_vector import LARGEST_LEVEL, QuantizedVector, nearest_step_exponent, step_size
from lit_idim.errors import UserError
from lit_idim.subspace import Subspace


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Step exponents of the grids of a subspace: theta_d lies on multiples of its step, the lambdas on 1 plus those.

    Attributes:
        theta_d: k of the step 2^(k/4).
        lambdas: that of the lambdas; without a meaning for DID.
    """

    theta_d: int
    lambdas: int = 0

    @classmethod
    def relative(cls, subspace: Subspace, size: float) -> "Grid":
        """Steps of `size` times the root mean square of theta_d, and of the lambdas minus 1, to the nearest 2^(k/4)."""
        lambdas = 0
        if subspace.lambdas is not None:
            lambdas = nearest_step_exponent(size * _root_mean_square(subspace.lambdas.detach() - 1))
        return cls(theta_d=nearest_step_exponent(size * _root_mean_square(subspace.theta_d.detach())), lambdas=lambdas)

    def places(self, subspace: Subspace) -> dict[str, tuple[nn.Parameter, float, int]]:
        """Parameter, offset and step exponent by name."""
        places = {"theta_d": (subspace.theta_d, 0.0, self.theta_d)}
        if subspace.lambdas is not None:
            places["lambdas"] = (subspace.lambdas, 1.0, self.lambdas)
        return places


def round_to_grid(numbers: Tensor, *, step_exponent: int, offset: float = 0.0) -> Tensor:
    """offset + step * round((numbers - offset) / step), shape and dtype of the numbers, ties to the even level.

    In float64, rounded once to float32: bit for bit what `QuantizedVector.values` gives for the levels.

    Example:
        >>> round_to_grid(torch.tensor([0.3, 0.9]), step_exponent=-4, offset=0.0)
        tensor([0.5000, 1.0000])
    """
    step = step_size(step_exponent)
    return (offset + torch.round((numbers.double() - offset) / step) * step).float().to(numbers.dtype)


def quantize(numbers: Tensor, *, step_exponent: int, offset: float = 0.0) -> QuantizedVector:
    """The nearest levels of a vector.

    Args:
        numbers: shape (k,).
        step_exponent: of the step 2^(step_exponent / 4).
        offset: that level 0 stands for.

    Raises:
        UserError: if a number is not finite, or lies beyond the largest level.

    Example:
        >>> quantize(torch.tensor([0.3, 0.9]), step_exponent=-4).levels
        (1, 2)
    """
    levels = np.rint((numbers.detach().cpu().double().numpy() - offset) / step_size(step_exponent))
    largest = float(np.abs(levels).max(initial=0.0))
    if not largest <= LARGEST_LEVEL:
        raise UserError(
            f"numbers: expected none beyond {LARGEST_LEVEL} steps, got {largest}; choose a larger step, or a training "
            "that does not diverge"
        )
    return QuantizedVector(
        levels=tuple(levels.astype(int).tolist()),
        step_exponent=step_exponent,
        codebook=0,
        largest_level=int(largest),
    )


class QuantizationAwareTraining(Callback):
    """Straight-through estimator (Bengio et al. 2013): the forward pass sees q(w), the optimizer moves w.

    Beside each trained vector the callback keeps w, the latent one; the parameter itself always holds q(w). An update
    takes the gradient at q(w) and moves the parameter by u; at the end of the batch

        w <- w + u,    parameter <- q(w).

    Lightning calls `on_train_batch_end` after the optimizer's step and before a validation inside the fit, so that
    validation and whatever follows the training see the rounded numbers, with no hook of their own; updates that are
    skipped or accumulated move nothing. The callback goes on with its latent numbers in the next fit of the same
    training; a state that is saved in between does not hold them.

    Args:
        grid: of theta_d and the lambdas.

    Attributes:
        latent: w by name, shape and dtype of the parameter; empty before the first fit.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.latent: dict[str, Tensor] = {}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not self.latent:
            places = self.grid.places(_subspace(pl_module))
            self.latent = {name: parameter.detach().clone() for name, (parameter, _, _) in places.items()}
        self._round(pl_module, {})

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        places = self.grid.places(_subspace(pl_module))
        moved = {
            name: parameter.detach() - round_to_grid(self.latent[name], step_exponent=exponent, offset=offset)
            for name, (parameter, offset, exponent) in places.items()
        }
        self._round(pl_module, moved)

    def _round(self, pl_module: lightning.LightningModule, moved: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, (parameter, offset, exponent) in self.grid.places(_subspace(pl_module)).items():
                latent = self.latent[name]
                if name in moved:
                    latent += moved[name]
                parameter.copy_(round_to_grid(latent, step_exponent=exponent, offset=offset))


def _subspace(module: lightning.LightningModule) -> Subspace:
    network = module.network
    if not isinstance(network, Subspace):
        raise UserError("method: quantisation-aware training needs a subspace; pass method 'did' or 'said'")
    return network


def _root_mean_square(numbers: Tensor) -> float:
    return float(numbers.double().square().mean().sqrt()) if numbers.numel() else 0.0
