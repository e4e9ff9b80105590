"""The checkpoint that `lit-idim fit` leaves."""

from collections.abc import Mapping
from typing import Any

import torch

from lit_idim.errors import UserError
from lit_idim.training.classifier import DATA_KEY


def read_settings(path: str) -> dict[str, Any]:
    """The arguments of the `SubspaceClassifier` that a checkpoint was trained with.

    Args:
        path: of the file; code in it is never run.

    Raises:
        UserError: if it is missing or no checkpoint of `SubspaceClassifier`.
    """
    return dict(_read(path)["hyper_parameters"])


def read_data_settings(path: str) -> dict[str, Any]:
    """`tokenizer` and `max_length` of the data that a checkpoint was trained on; empty of one that does not tell them.

    Args:
        path: of the file; code in it is never run.

    Raises:
        UserError: as of `read_settings`.
    """
    return dict(_read(path).get(DATA_KEY, {}))


def _read(path: str) -> dict[str, Any]:
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        if not all(isinstance(checkpoint.get(name, {}), Mapping) for name in ("hyper_parameters", DATA_KEY)):
            raise TypeError("its settings are no map")
        if "hyper_parameters" not in checkpoint:
            raise KeyError("hyper_parameters")
        return checkpoint
    except Exception as error:  # a damaged pickle can raise anything
        raise UserError(
            f"ckpt_path: {path} is not a checkpoint that `lit-idim fit` wrote ({type(error).__name__}); pass the .ckpt "
            "file that the training named at its end"
        ) from error
