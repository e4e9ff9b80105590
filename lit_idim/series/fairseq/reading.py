"""The `.pt` file of fairseq, read without running anything that it says.

PyTorch's loader of weights alone (`torch.load(weights_only=True)`) interprets the pickle itself: it makes tensors,
maps, lists and what it was told to allow, and calls nothing else. Here it is told to make a `Record` of each of the few
classes that a fairseq checkpoint needs besides; what those classes would do is never imported. Which names a file holds
is read from its opcodes beforehand, so that a file with another name in it is refused before any object is made.
"""

import io
import pickle
import pickletools
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch

from lit_idim.errors import UserError
from lit_idim.refusal import refusal
from lit_idim.series.fairseq.records import is_stood_in, stand_in

# Files of torch < 1.6 are pickles in a row: a magic number, a version, the system, the object, keys of its storages.
_NUM_LEGACY_PICKLES = 5
# PyTorch's own loader decides about these, and name by name about those in torch itself.
_LEFT_TO_TORCH = {"collections.OrderedDict", "collections.Counter", "_codecs.encode", "builtins.set"}
# Opcodes that name or make objects in ways that torch.save never writes.
_UNUSUAL = {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX", "PERSID"}


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a fairseq checkpoint holds: its tensors mapped from the file, its other objects as records.

    Args:
        path: written by `torch.save`, by any version of it that wrote a zip archive or pickles in a row.

    Returns:
        Such as `{"args": Record, "model": {name: Tensor}, "optimizer_history": [{"num_updates": 100, ...}], ...}`.

    Raises:
        UserError: if the file is truncated or damaged, or its pickle names anything but tensors and options: then
            nothing of it has been run.
    """
    try:
        names = set(_names(path))
        _refuse_code(names, path)
        allowed = [(stand_in(name), name) for name in sorted(names) if is_stood_in(name)]
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(allowed)):
            warnings.filterwarnings("ignore", category=UserWarning)  # of storages that torch has since renamed
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except UserError:
        raise
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path.name} is damaged, or its pickle holds more than tensors and options, which is not loaded "
            f"({refusal(error)})"
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        raise UserError(f"{path.name} is truncated or damaged ({refusal(error)}); copy it anew") from error
    if not isinstance(loaded, dict) or not isinstance(loaded.get("model"), dict):
        raise UserError(f"{path.name} is no fairseq checkpoint: expected a map with the key model")
    return dict(loaded)


def _refuse_code(names: set[str], path: Path) -> None:
    for name in sorted(names):
        if not (is_stood_in(name) or name in _LEFT_TO_TORCH or name.startswith("torch.")):
            raise UserError(
                f"{path.name} is not loaded: its pickle names {name}, which is neither a tensor nor an option of a "
                "fairseq run, and could be code; nothing of it was run. Remove what holds it from the checkpoint, and "
                "take none from a source you do not trust"
            )


def _names(path: Path) -> Iterator[str]:
    """The names `module.attribute` of all objects outside of it that a file refers to."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
            for name in pickles:
                yield from _names_in_pickle(io.BytesIO(archive.read(name)), path)
        return
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            raise UserError(f"{path.name} is truncated: the archive has no end; copy it anew")
        file.seek(0)
        for _ in range(_NUM_LEGACY_PICKLES):
            yield from _names_in_pickle(file, path)


def _names_in_pickle(file: IO[bytes], path: Path) -> Iterator[str]:
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "GLOBAL":
            module, _, attribute = str(argument).partition(" ")
            # As pickles of Python 2 call it.
            yield f"{'builtins' if module == '__builtin__' else module}.{attribute}"
        elif opcode.name in _UNUSUAL:
            raise UserError(
                f"{path.name} is not loaded: its pickle has the opcode {opcode.name}, which torch.save does not write "
                "unless asked for another pickle protocol than 2; nothing of it was run. Save it again by torch.save"
            )
