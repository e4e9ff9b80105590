"""When the fused kernels are used: for Fastfood in float32 on a CUDA device where Triton is installed, d <= 65536."""

import warnings
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

if TYPE_CHECKING:
    from lit_idim.projections.fastfood import FastfoodProjection
    from lit_idim.projections.gpu.fused import FusedFastfood

FUSED_DEVICES = {"cuda"}
FUSED_DTYPES = frozenset({torch.float32, torch.bfloat16, torch.float16})
WIDEST = 2**16
"""The widest block that the kernels transform: as H_256 (x) H_256, each factor a matrix in registers."""

_made: "WeakKeyDictionary[FastfoodProjection, dict[torch.device, FusedFastfood]]" = WeakKeyDictionary()


def fused_fastfood(
    projection: "FastfoodProjection", device: torch.device, dtypes: Iterable[torch.dtype]
) -> "FusedFastfood | None":
    """The kernels of a projection on a device, made once; None where the plain PyTorch path is to be taken.

    That is on other devices, for float64, and, with one warning, for blocks that are too wide or where Triton is
    missing: the same P, to rounding.

    Args:
        projection: P.
        device: where the operands are.
        dtypes: of all of them.
    """
    if device.type not in FUSED_DEVICES or not FUSED_DTYPES.issuperset(dtypes):
        return None
    if projection.width > WIDEST:
        warnings.warn(
            f"d = {projection.d} is more than the GPU kernels take ({WIDEST}): the projection runs many times slower; "
            f"choose d <= {WIDEST}",
            stacklevel=1,
        )
        return None
    kernels = _made.setdefault(projection, {})
    if device not in kernels:
        try:
            fused = import_module("lit_idim.projections.gpu.fused")
        except ModuleNotFoundError as error:
            if error.name != "triton":
                raise
            warnings.warn(
                "triton is not installed: the projection runs many times slower on the GPU; "
                "pip install 'lit-idim[triton]'",
                stacklevel=1,
            )
            return None
        kernels[device] = fused.FusedFastfood(projection, device)
    return kernels[device]


def made_for(projection: object) -> "list[FusedFastfood]":
    """The kernels that a projection has so far, one a device."""
    return list(_made.get(projection, {}).values())  # type: ignore[call-overload]
