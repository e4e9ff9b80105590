"""What a projection keeps in memory between calls, its helpers on each device included."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lit_idim.projections import Projection
from lit_idim.projections.gpu.choice import made_for
from lit_idim.randomness import normal_table


def stored_bytes(projection: Projection, device: torch.device | str = "cpu") -> int:
    """Bytes of every tensor and array that stays after a call: signs, flags of blocks, factors, tables of quantiles.

    What lies in the projection, in the kernels that were made for it, and in the tables that projections share. Scratch
    is given back when a call ends; `lit_idim.cost.sweep.measure` tells it.

    Args:
        projection: P, after the calls in question: some helpers are made when they are first needed.
        device: whose table of quantiles is meant, where one is shared.
    """
    kept = [projection, *made_for(projection)]
    if projection.name == "dense":
        kept.append(normal_table(16, torch.device(device)))
    return sum(dict(_memory(kept, set())).values())


def _memory(value: Any, seen: set[int]) -> Iterator[tuple[int, int]]:
    """Address and bytes of each piece of memory below a value."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Tensor):
        yield value.untyped_storage().data_ptr(), value.untyped_storage().nbytes()
    elif isinstance(value, np.ndarray):
        yield value.ctypes.data, value.nbytes
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _memory(part, seen)
    elif isinstance(value, dict):
        yield from _memory(list(value.values()), seen)
    elif type(value).__module__.startswith("lit_idim."):
        yield from _memory(list(vars(value).values()), seen)
