"""The Walsh-Hadamard transform."""

import torch
from jaxtyping import Float
from torch import Tensor


def hadamard(values: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    """H v along the last axis, H_ij = (-1)^popcount(i & j) unnormalised, n a power of two, O(n log n).

    Sums and differences only: no matrix product, whose precision a global switch (TF32) could lower.

    Example:
        >>> hadamard(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([10., -2., -4.,  0.])
    """
    shape, n = values.shape, values.shape[-1]
    if n & (n - 1):
        raise ValueError(f"the length of the last axis must be a power of two, got {n}")
    for _ in range(n.bit_length() - 1):
        pairs = values.reshape(*shape[:-1], n // 2, 2)
        first, second = pairs[..., 0], pairs[..., 1]
        values = torch.cat([first + second, first - second], dim=-1)
    return values.reshape(shape)
