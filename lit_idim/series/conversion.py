"""A series from anywhere, written as local folders with safetensors."""

import dataclasses
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.dtypes import Dtype
from lit_idim.series.embeddings import find_embedding
from lit_idim.series.folder import FolderSource
from lit_idim.series.location import CheckpointLocation
from lit_idim.series.series import Series
from lit_idim.series.steps import check_steps
from lit_idim.series.vocabulary import TOKENIZER_FILES
from lit_idim.series.weights import iterate_weights
from lit_idim.series.writing import write_series

_ASIDE = ".writing-"


def convert_series(
    series: Series,
    out: str | Path,
    steps: Sequence[int] | None = None,
    *,
    dtype: Dtype = "keep",
    offline: bool = False,
) -> Iterator[tuple[int, bool]]:
    """Writes checkpoints as `out/step-N/` (config.json, model.safetensors, tokenizer) and `out/series.yaml`.

    The tensors are copied as they lie in the files, heads and all; of tensors that share their memory (an embedding
    tied to a head) one is kept, from which transformers ties the other again. Folders are written aside and renamed;
    those that are there already are left as they are, so that a conversion can be gone on with.

    Args:
        series: to convert.
        out: folder.
        steps: all of the series if None.
        dtype: of floating-point weights.
        offline: never use the network.

    Yields:
        A step as soon as it is there, and whether it was written now.

    Raises:
        UserError: if a checkpoint cannot be had, read or written; the steps done until then are kept.
    """
    if dtype not in get_args(Dtype):
        raise UserError(f"--dtype: expected one of {', '.join(get_args(Dtype))}, got {dtype!r}")
    out = Path(out)
    if isinstance(series.source, FolderSource) and out.resolve() == series.source.path.resolve():
        raise UserError(f"--out: {out} is the folder of the series itself; pass another one")
    _check_same_series(series, out)
    if steps is None:
        steps = series.find_steps(offline=offline)
    else:
        check_steps(steps, series.find_steps_to_verify(offline=offline), series=series.name)
    source = FolderSource(series=series.name, path=out)
    # Steps are those on disk; checksums hold for the weights of before.
    write_series(dataclasses.replace(series, source=source, listed_steps=None, checksums={}), out)
    for step in steps:
        folder = out / f"step-{step}"
        if find_fault(folder) is None:
            yield step, False
            continue
        location = series.fetch(step, offline)
        try:
            _write_checkpoint(location, folder, dtype, offline=offline)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise UserError(
                f"step {step} of series {series.name!r} could not be written to {folder} ({error}); the steps done are "
                "kept: free some space, or pass another --out, and run again"
            ) from error
        except UserError as error:
            raise UserError(f"step {step} of series {series.name!r} ({location.origin}): {error}") from error
        yield step, True


def _check_same_series(series: Series, out: Path) -> None:
    from lit_idim.series.reading import SERIES_FILE, read_series

    if (out / SERIES_FILE).is_file():
        found = read_series(out / SERIES_FILE)[0].name
        if found != series.name:
            raise UserError(f"--out: {out} holds the series {found!r}, not {series.name!r}; pass another folder")


def _write_checkpoint(location: CheckpointLocation, folder: Path, dtype: Dtype, *, offline: bool) -> None:
    source = Path(location.model)
    aside = folder.with_name(f"{_ASIDE}{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        tensors = {name: _converted(tensor, dtype) for name, tensor in _without_shared(dict(iterate_weights(source)))}
        save_file(tensors, aside / "model.safetensors", metadata={"format": "pt"})
        _write_config(source, aside, dtype)
        _write_tokenizer(location, aside, offline=offline)
        if folder.exists():  # half written by another program
            shutil.rmtree(folder)
        aside.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _without_shared(tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Of tensors that are views of the same memory the one that transformers keeps: an embedding, or the shortest name.

    A head is tied to the embedding when the model is loaded, and `decoder.bias` to `bias`.
    """
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, tensor in tensors.items():
        place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        groups.setdefault(place if tensor.numel() else (name,), []).append(name)
    for names in groups.values():
        name = find_embedding(names) or min(names, key=lambda name: (len(name), name))
        yield name, tensors[name]


def _converted(tensor: Tensor, dtype: Dtype) -> Tensor:
    if dtype != "keep" and tensor.is_floating_point():
        tensor = tensor.to(getattr(torch, dtype))
    tensor = tensor.contiguous()
    # A view of a part of something larger would be refused by safetensors.
    return tensor.clone() if tensor.untyped_storage().nbytes() != tensor.nbytes else tensor


def _write_config(source: Path, aside: Path, dtype: Dtype) -> None:
    text = (source / "config.json").read_text(encoding="utf-8")
    if dtype != "keep":
        config = json.loads(text)
        # transformers < 5 names it torch_dtype.
        config["dtype" if "dtype" in config else "torch_dtype"] = dtype
        text = json.dumps(config, indent=2) + "\n"
    (aside / "config.json").write_text(text, encoding="utf-8")


def _write_tokenizer(location: CheckpointLocation, aside: Path, *, offline: bool) -> None:
    name = location.tokenizer or location.model
    if Path(name).is_dir():
        for file in TOKENIZER_FILES:
            if (Path(name) / file).is_file():
                shutil.copyfile(Path(name) / file, aside / file)
        return
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, local_files_only=offline)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"its tokenizer {name!r} could not be had from the Hugging Face hub ({reason})") from error
    tokenizer.save_pretrained(aside)
