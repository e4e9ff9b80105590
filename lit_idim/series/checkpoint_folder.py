"""What makes a checkpoint folder complete, told without loading its weights."""

import json
import struct
import zipfile
from pathlib import Path

from lit_idim.errors import UserError
from lit_idim.series.untrained import UNTRAINED_FILE

# In the order in which transformers looks for them.
WEIGHTS_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def find_fault(folder: Path) -> str | None:
    """What a folder lacks to be a checkpoint in `save_pretrained` format; None if it is complete.

    Reads sizes and headers only: a folder that is half written or cut short is noticed, damaged weights are not.
    Untrained weights may be told by their seed (`untrained`) instead.
    """
    if not folder.is_dir():
        return "there is no such folder"
    if not (folder / "config.json").is_file():
        return "it has no config.json"
    if (folder / UNTRAINED_FILE).is_file():
        return None
    try:
        files = weights_files(folder)
        for file in files:
            fault = _fault_of_file(file)
            if fault:
                return fault
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read ({error})"
    return None


def weights_files(folder: Path) -> list[Path]:
    """The files that hold a checkpoint's weights: one, or the shards that an index names.

    Raises:
        UserError: if there are none, or the index is damaged.
    """
    for name in WEIGHTS_FILES:
        path = folder / name
        if not path.is_file():
            continue
        if not name.endswith(".index.json"):
            return [path]
        try:
            shards = sorted(set(json.loads(path.read_text())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise UserError(f"its {name} is damaged ({error})") from error
        for shard in shards:
            # A name with folders in it could lead out of the checkpoint.
            if not isinstance(shard, str) or Path(shard).name != shard:
                raise UserError(f"its {name} names the shard {shard!r}, which is not a file beside it")
        return [folder / shard for shard in shards]
    raise UserError("it has no weights (model.safetensors or pytorch_model.bin)")


def _fault_of_file(path: Path) -> str | None:
    if not path.is_file():
        return f"its shard {path.name} is missing"
    if path.stat().st_size == 0:
        return f"its {path.name} is empty"
    return _fault_of_safetensors(path) if path.suffix == ".safetensors" else _fault_of_pickle(path)


def _fault_of_safetensors(path: Path) -> str | None:
    num_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= num_bytes - 8:
            return f"its {path.name} is truncated or damaged: {num_bytes:,} bytes do not hold its header"
        try:
            header = json.loads(file.read(length))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            return f"its {path.name} has a damaged header ({error})"
    expected = 8 + length + end
    if num_bytes != expected:
        state = "truncated" if num_bytes < expected else "damaged"
        return f"its {path.name} is {state}: {num_bytes:,} bytes instead of {expected:,}"
    return None


def _fault_of_pickle(path: Path) -> str | None:
    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    # Files of torch < 1.6 are no archives; only loading them tells whether they are whole.
    if is_zip and not zipfile.is_zipfile(path):
        return f"its {path.name} is truncated: the archive has no end"
    return None
