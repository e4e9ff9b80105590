"""Whether a model can be trained on this machine at all."""

import os

import torch

from lit_idim.errors import UserError

# float32: weights, gradients and AdamW's two moments of full fine-tuning; activations come on top.
BYTES_PER_PARAMETER = 16
# On the CPU, the checkpoint that is kept in memory for the next training lies beside them.
BYTES_OF_THE_COPY = 4
_GIBIBYTE = 2**30


def require_memory(D: int, *, model: str) -> None:
    """Refuses a model whose full fine-tuning cannot fit, before anything is loaded.

    Args:
        D: its parameters.
        model: for the message.

    Raises:
        UserError: tells what it needs at least and what the machine has.
    """
    on_gpu = torch.cuda.is_available()
    needed = D * (BYTES_PER_PARAMETER + (0 if on_gpu else BYTES_OF_THE_COPY))
    total = total_memory()
    if total is not None and needed > total:
        raise UserError(
            f"{model}: full fine-tuning of {D:,} parameters needs at least {needed / _GIBIBYTE:,.1f} GiB "
            f"({'GPU' if on_gpu else 'main'} memory), activations not counted; this machine has "
            f"{total / _GIBIBYTE:,.1f} GiB. Choose a smaller model or a machine with more memory"
        )


def total_memory() -> int | None:
    """Bytes of the GPU's memory, or else of main memory; None where the system does not tell."""
    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory)
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
