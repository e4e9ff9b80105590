"""The files that fairseq2 spreads a checkpoint's tensors over, and how they are put together.

`pp_XX` holds some of the layers, `tp_XX` a slice of those matrices that tensor parallelism cuts, `sdp_XX` a slice of
rows of every tensor (fully sharded data parallelism); the last of these slices may be empty and then left out.
"""

import re
from pathlib import Path

import torch
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.series.weights import load_tensors

Shapes = dict[str, tuple[int, ...]]


def find_shards(folder: Path) -> list[list[list[Path]]]:
    """The files of a checkpoint, by pp, tp and sdp rank.

    Args:
        folder: `step_N/model` of a run.

    Raises:
        UserError: if there are none, or the ranks have a gap or differ in number.
    """
    shards = [
        [_numbered(tp, r"sdp_(\d+)\.pt", "sdp_00.pt") for tp in _numbered(pp, r"tp_(\d+)", "tp_00")]
        for pp in _numbered(folder, r"pp_(\d+)", "pp_00")
    ]
    for kind, counts in (
        ("tp", {len(tps) for tps in shards}),
        ("sdp", {len(sdps) for tps in shards for sdps in tps}),
    ):
        if len(counts) > 1:
            raise UserError(
                f"{folder}: some folders hold {min(counts)} shards {kind}_XX and others {max(counts)}: a shard is "
                "missing; copy the checkpoint anew"
            )
    return shards


def merge_shards(shards: list[list[list[Path]]], shapes: Shapes) -> dict[str, Tensor]:
    """The whole tensors of a checkpoint.

    Args:
        shards: as `find_shards` tells them.
        shapes: every tensor that is expected, with its shape.

    Raises:
        UserError: if a file is damaged or holds more than tensors, or a tensor is missing, unknown or of another shape.
    """
    merged: dict[str, Tensor] = {}
    for tps in shards:
        loaded = [[load_tensors(path) for path in sdps] for sdps in tps]
        for name in sorted({name for sdps in loaded for rows in sdps for name in rows}):
            if name not in shapes:
                raise UserError(f"{tps[0][0]} holds the tensor {name}, which a RoBERTa of its model.yaml does not have")
            try:
                slices = [torch.cat([rows[name] for rows in sdps if name in rows]) for sdps in loaded]
                merged[name] = _joined(slices, shapes[name], name=name, path=tps[0][0])
            except (RuntimeError, ValueError) as error:  # a slice is missing, or has another shape than the others
                raise UserError(
                    f"{tps[0][0].parents[2]}: the slices of {name} do not fit together ({error}): copy the checkpoint "
                    "anew"
                ) from error
    missing = sorted(set(shapes) - set(merged))
    if missing:
        raise UserError(
            f"{shards[0][0][0].parents[2]} lacks {len(missing)} of {len(shapes)} tensors, such as {missing[0]}: a "
            "shard pp_XX is missing, or model.yaml is of another run"
        )
    return merged


def _joined(slices: list[Tensor], shape: tuple[int, ...], *, name: str, path: Path) -> Tensor:
    """Slices of tensor parallelism side by side along the dimension that they cut; copies once."""
    found = tuple(slices[0].shape)
    if found == shape:
        return slices[0]
    if len(found) == len(shape):
        cut = [dim for dim in range(len(shape)) if found[dim] != shape[dim]]
        if len(cut) == 1 and sum(part.shape[cut[0]] for part in slices) == shape[cut[0]]:
            return torch.cat(slices, dim=cut[0])
    raise UserError(
        f"{path.parents[2]}: {name} has shape {found} in its {len(slices)} tp slices, model.yaml says {shape}: a shard "
        "sdp_XX or tp_XX is missing, or model.yaml is of another run"
    )


def _numbered(folder: Path, pattern: str, first: str) -> list[Path]:
    try:
        matches = [(re.fullmatch(pattern, path.name), path) for path in folder.iterdir()]
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror or error})") from error
    found = sorted((int(match[1]), path) for match, path in matches if match)
    if [number for number, _ in found] != list(range(len(found))) or not found:
        names = ", ".join(path.name for _, path in found) or "none"
        raise UserError(
            f"{folder}: expected {first} and what follows it without a gap, got {names}: a shard is missing"
        )
    return [path for _, path in found]
