"""y = s H B theta_d, which all blocks of Fastfood share, in a handful of launches."""

import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.projections.hadamard import hadamard


class SharedTransform:
    """The linear map theta_d -> s H B theta_d, (d,) to (d',), in float64, and its transpose.

    H = H_left (x) H_right is applied as two matrix products of float64, which no switch makes less precise: one
    operation for each of the log2(d') levels of a butterfly would be as many launches.

    Args:
        signs: diagonal of B, shape (d',).
        d: coordinates.
        norm: s.
        device: where it is computed.

    Example:
        >>> shared = SharedTransform(torch.ones(4), d=3, norm=1.0)
        >>> shared(torch.tensor([1.0, 2.0, 3.0])).tolist()
        [6.0, 2.0, 0.0, -4.0]
        >>> shared.transpose(torch.tensor([1.0, 0.0, 0.0, 0.0])).tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, signs: Tensor, *, d: int, norm: float, device: torch.device | str = "cpu") -> None:
        width = len(signs)
        right = 1 << width.bit_length() // 2
        self.d = d
        self.factors = [_signs_of_hadamard(size, device) for size in (width // right, right)]
        self.diagonal = signs.to(device, torch.float64) * norm

    def __call__(self, theta_d: Float[Tensor, " d"]) -> Float[Tensor, " width"]:
        """s H B theta_d in float64, differentiable."""
        padded = torch.nn.functional.pad(theta_d.to(torch.float64), (0, len(self.diagonal) - self.d))
        return self._hadamard(padded * self.diagonal)

    def transpose(self, u: Float[Tensor, " width"]) -> Float[Tensor, " d"]:
        """s B H u in float64, cut to d numbers."""
        return (self._hadamard(u.to(torch.float64)) * self.diagonal)[: self.d]

    def _hadamard(self, values: Tensor) -> Tensor:
        left, right = self.factors
        return (left @ values.view(len(left), len(right)) @ right).view(-1)


def _signs_of_hadamard(size: int, device: torch.device | str) -> Tensor:
    return hadamard(torch.eye(size, dtype=torch.float64, device=device))
