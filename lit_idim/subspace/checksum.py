"""Checksums of weights."""

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor


def checksum_tensors(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """16 hexadecimal digits of the names, dtypes, shapes and bits of tensors, in the order given.

    Example:
        >>> checksum_tensors([("a", torch.zeros(2))]) == checksum_tensors([("a", torch.zeros(2))])
        True
        >>> checksum_tensors([("a", torch.zeros(2))]) == checksum_tensors([("a", torch.ones(2))])
        False
    """
    digest = hashlib.sha256()
    for name, tensor in tensors:
        digest.update(f"{name}/{tensor.dtype}/{tuple(tensor.shape)}/".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
