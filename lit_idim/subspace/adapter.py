"""A trained subspace as a file of a few kilobytes: theta_d, the lambdas, and what re-makes the rest.

The file is safetensors with the tensors `theta_d` (d',) and, for SAID, `lambdas` (m,), and one entry of metadata,
`lit_idim`, a JSON object: `format`, `subspace` (as `Subspace.get_extra_state`), `base` and `checksum`, which covers all
else.
"""

import hashlib
import json
import reprlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.subspace.checksum import checksum_tensors

FORMAT = 1
METADATA_KEY = "lit_idim"
_TEXT, _NUMBER = (str, type(None)), (int, type(None))
_BASE_KINDS: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "revision": _TEXT,
    "num_labels": (int,),
    "head_seed": (int,),
    "random_weights": (bool,),
    "label_names": (list,),
    "task": _TEXT,
    "is_pair": (bool,),
    "tokenizer": _TEXT,
    "max_length": _NUMBER,
}
_SUBSPACE_KINDS = {"method": str, "d": int, "projection": str, "projection_seed": int}


@dataclass(frozen=True, kw_only=True)
class AdapterBase:
    """What theta_0 is made from.

    Attributes:
        model: folder in `save_pretrained` format, or name on the hub.
        revision: branch, tag or commit on the hub.
        num_labels: classes, or 1 for regression.
        head_seed: names the draw of every parameter that the checkpoint does not hold.
        random_weights: whether the encoder is untrained.
        label_names: words of the classes in class order; empty for regression.
        task: that was trained.
        is_pair: whether an example is a pair of texts.
        tokenizer: folder or hub name; None if the model holds it.
        max_length: most tokens of an example in training; None if unknown.
    """

    model: str
    revision: str | None = None
    num_labels: int
    head_seed: int = 0
    random_weights: bool = False
    label_names: tuple[str, ...] = ()
    task: str | None = None
    is_pair: bool = False
    tokenizer: str | None = None
    max_length: int | None = None


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """The content of a file.

    Attributes:
        base: what theta_0 is made from.
        subspace: method, d, D, m, projection, its version, seed and checksum, and the checksum of theta_0.
        theta_d: coordinates, shape (d',).
        lambdas: layer scales, shape (m,); None for DID.
    """

    base: AdapterBase
    subspace: dict[str, Any]
    theta_d: Tensor
    lambdas: Tensor | None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """By name in the file."""
        return {"theta_d": self.theta_d} | ({} if self.lambdas is None else {"lambdas": self.lambdas})


def write_adapter(adapter: Adapter, path: Path) -> None:
    """Writes a file, aside first: one that is there is whole.

    Raises:
        UserError: if it cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in adapter.tensors.items()}
    content = {"format": FORMAT, "subspace": adapter.subspace, "base": asdict(adapter.base)}
    content["checksum"] = _checksum(content, tensors)
    aside = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, str(aside), metadata={METADATA_KEY: json.dumps(content, sort_keys=True)})
        aside.replace(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"output: {path} cannot be written ({error}); pass another path") from error
    finally:
        aside.unlink(missing_ok=True)


def read_adapter(path: Path) -> Adapter:
    """Reads a file.

    Raises:
        UserError: if there is none, or it is truncated, changed, or of another kind or version.
    """
    if not path.is_file():
        raise UserError(f"adapter: {path} is no file; pass one that `lit-idim export` wrote")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = (file.metadata() or {}).get(METADATA_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError) as error:
        raise UserError(f"adapter: {path} is truncated or no safetensors file ({error}); export it again") from error
    if metadata is None:
        raise UserError(f"adapter: {path} is a safetensors file, but no trained subspace of lit_idim")
    try:
        content = json.loads(metadata)
        version = content["format"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(f"adapter: {path} was changed after it was written (its metadata); export it again") from error
    if version != FORMAT:
        raise UserError(f"adapter: {path} has format {version}, this release reads format {FORMAT}; export it anew")
    stored = content.pop("checksum", None)
    if stored != _checksum(content, tensors):
        raise UserError(f"adapter: {path} was changed after it was written (its checksum differs); export it again")
    fault = _fault(content, tensors)
    if fault:
        raise UserError(f"adapter: {path} is not as `lit-idim export` writes it ({fault}); export it again")
    base = AdapterBase(**content["base"] | {"label_names": tuple(content["base"]["label_names"])})
    return Adapter(base=base, subspace=content["subspace"], theta_d=tensors["theta_d"], lambdas=tensors.get("lambdas"))


def _fault(content: dict[str, Any], tensors: dict[str, Tensor]) -> str | None:
    """What is wrong with a content whose checksum is right, as anyone can make it."""
    base, subspace = content.get("base"), content.get("subspace")
    if not isinstance(base, dict) or not isinstance(subspace, dict):
        return "base or subspace is no map"
    wanted = {**_BASE_KINDS, **dict.fromkeys(set(base) - set(_BASE_KINDS), ())}
    for name, kinds in wanted.items():
        if type(base.get(name)) not in kinds:
            return f"base.{name} is {reprlib.repr(base.get(name))}"
    if not all(isinstance(name, str) for name in base["label_names"]) or base["num_labels"] < 1:
        return "base.label_names or base.num_labels are none"
    for name, kind in _SUBSPACE_KINDS.items():
        if type(subspace.get(name)) is not kind:
            return f"subspace.{name} is {reprlib.repr(subspace.get(name))}"
    if set(tensors) - {"theta_d", "lambdas"} or "theta_d" not in tensors:
        return f"it holds the tensors {reprlib.repr(sorted(tensors))}"
    if any(tensor.ndim != 1 or not tensor.is_floating_point() for tensor in tensors.values()):
        return "theta_d or lambdas is no vector of floats"
    return None


def _checksum(content: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    text = json.dumps(content, sort_keys=True) + checksum_tensors(sorted(tensors.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
