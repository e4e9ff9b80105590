"""Equality of weights that holds for NaN, too."""

import torch
from torch import Tensor


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two dense tensors of any equal shape are equal bit for bit, NaN included."""
    if (first.shape, first.dtype) != (second.shape, second.dtype):
        return False
    return torch.equal(first.contiguous().view(torch.uint8), second.contiguous().view(torch.uint8))
