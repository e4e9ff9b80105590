"""The checkpoint that `lit-idim fit` leaves."""

from pickle import UnpicklingError
from typing import Any

import torch

from lit_idim.errors import UserError

# What torch raises at files that it did not write depends on their first bytes.
_UNREADABLE = (OSError, RuntimeError, UnpicklingError, KeyError, IndexError, TypeError, ValueError, EOFError)


def read_settings(path: str) -> dict[str, Any]:
    """The arguments of the `SubspaceClassifier` that a checkpoint was trained with.

    Args:
        path: of the file; code in it is never run.

    Raises:
        UserError: if it is missing or no checkpoint of `SubspaceClassifier`.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        return dict(checkpoint["hyper_parameters"])
    except _UNREADABLE as error:
        raise UserError(
            f"ckpt_path: {path} is not a checkpoint that `lit-idim fit` wrote ({type(error).__name__}); pass the .ckpt "
            "file that the training named at its end"
        ) from error
