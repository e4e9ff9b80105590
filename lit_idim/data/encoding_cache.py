"""Tokenised examples on disk, so that the hundreds of trainings of a study tokenise once.

A file is mapped, not read into memory of the process's own: all processes of a machine share it.
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lit_idim.cache import CACHE_VARIABLE, default_cache_dir
from lit_idim.data.encoding import Encoding

_FORMAT_VERSION = 1
_DAMAGED = (OSError, SafetensorError, ValueError, KeyError)


def cache_key(examples_checksum: str, tokenizer_fingerprint: str, max_length: int) -> str:
    """Name of an encoding: equal only where examples, tokenizer, length and format are."""
    identity = json.dumps([_FORMAT_VERSION, examples_checksum, tokenizer_fingerprint, max_length])
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


class EncodingCache:
    """A folder of encodings, one safetensors file each, with a checksum inside.

    Files are written aside and linked, so that a reader never sees half of one. A file that is damaged all the same is
    noticed by its checksum and counts as missing; a folder that cannot be written is done without, with one warning.

    Args:
        cache_dir: The folder; `default_cache_dir()` if None.
    """

    def __init__(self, cache_dir: str | Path | None = None) -> None:
        self.folder = (Path(cache_dir).expanduser() if cache_dir is not None else default_cache_dir()) / "encodings"
        self._warned_of_writing = False

    def load(self, name: str) -> Encoding | None:
        """The encoding of that name; None if there is none, or only a damaged one."""
        path = self._path(name)
        try:
            return _read(path)
        except FileNotFoundError:
            return None
        except _DAMAGED as error:
            rank_zero_warn(f"{path} is damaged ({error}) and will be made again")
            return None

    def save(self, name: str, encoding: Encoding) -> None:
        """Keeps an encoding under a name; `load` maps it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".writing-") as aside:
                written = Path(aside) / "encoding.safetensors"
                _write(written, encoding)
                _put(written, self._path(name))
        except (OSError, SafetensorError) as error:
            if not self._warned_of_writing:
                rank_zero_warn(
                    f"cache_dir: {str(self.folder)!r} cannot be written ({error}), so that every run tokenises anew; "
                    f"pass cache_dir=FOLDER or set {CACHE_VARIABLE}"
                )
            self._warned_of_writing = True

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"


def _put(written: Path, path: Path) -> None:
    """Keeps what another process has put there meanwhile: it has mapped that, and on NFS its pages would be gone."""
    try:
        os.link(written, path)
    except FileExistsError:
        try:
            _read(path)
        except _DAMAGED:
            written.replace(path)
    except OSError:  # a file system without links
        written.replace(path)


def _arrays(encoding: Encoding) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {"input_ids": encoding.input_ids, "offsets": encoding.offsets}
    if encoding.token_type_ids is not None:
        arrays["token_type_ids"] = encoding.token_type_ids
    # safetensors writes an array's memory as it lies, strides or not.
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _checksum(arrays: dict[str, np.ndarray], num_truncated: int) -> str:
    digest = hashlib.sha256(str(num_truncated).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _write(path: Path, encoding: Encoding) -> None:
    arrays = _arrays(encoding)
    checksum = _checksum(arrays, encoding.num_truncated)
    save_file(arrays, path, metadata={"num_truncated": str(encoding.num_truncated), "checksum": checksum})


def _read(path: Path) -> Encoding:
    with safe_open(path, framework="pt") as file:  # which maps the file, where "np" copies it
        metadata = file.metadata() or {}
        arrays = {name: file.get_tensor(name).numpy() for name in file.keys()}  # noqa: SIM118 (not a mapping)
    num_truncated = int(metadata["num_truncated"])
    if _checksum(arrays, num_truncated) != metadata["checksum"]:
        raise ValueError("its checksum does not match")
    return Encoding(
        input_ids=arrays["input_ids"],
        token_type_ids=arrays.get("token_type_ids"),
        offsets=arrays["offsets"],
        num_truncated=num_truncated,
    )
