"""The customary implementation of a Fastfood subspace, as a measuring stick: one padded transform for each tensor."""

from collections.abc import Sequence

import torch
from torch import Tensor


class PaddedFastfood:
    """theta_i = H G Pi H B theta_d for each tensor i apart, padded to the next power of two, with stored B, Pi and G.

    The algorithm of the PyTorch projects that came before this one (jgamper/intrinsic-dimensionality; rabeehk/compacter
    and what reuses it), written anew: one tensor operation for each level of the butterfly, differentiated by autograd,
    signs and normals and int64 permutations kept in memory. The package `intrinsic-dimensionality` 0.1 on PyPI cannot
    be measured itself: its wheel and its source archive hold no code.

    Args:
        sizes: numbers of the tensors.
        d: trained numbers.
        seed: of torch's generator for B, Pi and G.
        device: where they are kept.
        dtype: of B and G, of the transforms and of what they give.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        d: int,
        seed: int = 0,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        generator = torch.Generator(device).manual_seed(seed)
        self.sizes, self.dtype = sizes, dtype
        self.parts = []
        for size in sizes:
            width = 1 << (max(size, d) - 1).bit_length()
            signs = 2.0 * torch.randint(0, 2, (width,), generator=generator, device=device) - 1
            order = torch.randperm(width, generator=generator, device=device)
            normals = torch.randn(width, generator=generator, device=device)
            divisor = (normals.square().sum() * size).sqrt()
            self.parts.append((signs.to(dtype), order, normals.to(dtype), divisor.to(dtype)))

    @property
    def stored_bytes(self) -> int:
        """Memory that B, Pi and G take."""
        return sum(tensor.nbytes for part in self.parts for tensor in part)

    def __call__(self, theta_d: Tensor) -> list[Tensor]:
        """One vector of each size, of this dtype, differentiable in theta_d, which may be float32."""
        outputs, theta_d = [], theta_d.to(self.dtype)
        for size, (signs, order, normals, divisor) in zip(self.sizes, self.parts, strict=True):
            padded = torch.nn.functional.pad(theta_d, (0, len(signs) - len(theta_d)))
            mixed = _butterfly(signs * padded)[order]
            outputs.append(_butterfly(normals * mixed)[:size] / divisor)
        return outputs


def _butterfly(values: Tensor) -> Tensor:
    half = 1
    while half < len(values):
        pairs = values.view(-1, 2, half)
        values = torch.stack((pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]), dim=1).view(-1)
        half *= 2
    return values
