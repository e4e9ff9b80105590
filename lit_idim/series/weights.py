"""The weights of a checkpoint as they lie in its files, without building the model."""

import pickle
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.refusal import refusal
from lit_idim.series.checkpoint_folder import weights_files


def iterate_weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors, by sorted names; of safetensors one tensor at a time is in memory.

    Args:
        folder: in `save_pretrained` format.

    Raises:
        UserError: if there are no weights, a file is damaged, or it is a pickle with more than tensors in it:
            nothing is unpickled that could run code.
    """
    files = weights_files(folder)
    if all(file.suffix == ".safetensors" for file in files):
        yield from _iterate_safetensors(files)
        return
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= load_tensors(file)
    for name in sorted(tensors):
        yield name, tensors[name]


def _iterate_safetensors(files: list[Path]) -> Iterator[tuple[str, Tensor]]:
    try:
        with ExitStack() as stack:
            opened = [stack.enter_context(safe_open(file, framework="pt")) for file in files]
            where = {name: file for file in opened for name in file.keys()}  # noqa: SIM118 (not a mapping)
            for name in sorted(where):
                yield name, where[name].get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{files[0].name} cannot be read ({error})") from error


def load_tensors(file: Path) -> dict[str, Tensor]:
    """The state dict in a file written by `torch.save`.

    Args:
        file: mapped into memory where its format allows.

    Raises:
        UserError: if it is damaged, or a pickle with more than tensors in it: nothing is unpickled that could run code.
    """
    try:
        try:
            loaded = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError:
            # Files of torch < 1.6 cannot be mapped.
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{file.name} is damaged, or a pickle that holds more than tensors, which is not loaded"
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        raise UserError(f"{file.name} is truncated or damaged ({refusal(error)})") from error
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in loaded.items()
    ):
        raise UserError(f"{file.name} holds no state dict of tensors by name")
    return dict(loaded)
