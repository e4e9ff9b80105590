"""Whether the checkpoints of a series are what they say they are."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.series.embeddings import find_embedding
from lit_idim.series.location import CheckpointLocation, CheckpointUnavailableError
from lit_idim.series.series import Series
from lit_idim.series.steps import check_steps
from lit_idim.series.vocabulary import count_tokens
from lit_idim.series.weights import iterate_weights
from lit_idim.subspace.checksum import checksum_tensors

# What differs between two checkpoints of one run without the model being another one.
_INCIDENTAL_KEYS = {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache"}


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What `verify_series` found out about a step.

    Attributes:
        step: of the series.
        status: "unavailable" if the checkpoint could not be had, so that nothing is known about it.
        checksum: of the weights; None if they could not be read.
        faults: what is wrong; empty if the status is "ok".
    """

    step: int
    status: Literal["ok", "bad", "unavailable"]
    checksum: str | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Contents:
    """A checkpoint as far as it is compared with others."""

    step: int
    config: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    checksum: str
    non_finite: tuple[str, ...]


def verify_series(series: Series, steps: Sequence[int] | None = None, *, offline: bool = False) -> Iterator[StepReport]:
    """Loads checkpoints one after the other and reports on each as it is done; a bad one does not end it.

    A step is bad if its files are missing, truncated or unreadable; if a weight is NaN or infinite; if the weights are
    bit for bit those of the step before; if config, tensor names or shapes differ from the first readable step's; if
    the vocabulary of config, embedding and tokenizer do not agree; or if the checksum is not the one that the series
    lists.

    Args:
        series: to verify.
        steps: all of the series if None.
        offline: never use the network.

    Raises:
        UserError: if a step is not one of the series.
    """
    known = series.find_steps_to_verify(offline=offline)
    check_steps(steps or (), known, series=series.name)
    first: _Contents | None = None
    before: _Contents | None = None
    for step in known if steps is None else steps:
        try:
            location = series.fetch(step, offline)
        except CheckpointUnavailableError as error:
            yield StepReport(step=step, status="unavailable", faults=(str(error),))
            continue
        except UserError as error:
            yield StepReport(step=step, status="bad", faults=(str(error),))
            continue
        try:
            contents = _read(step, location)
        except UserError as error:
            yield StepReport(step=step, status="bad", faults=(str(error),))
            continue
        first = first or contents
        faults = (*_own_faults(contents, location, series), *_faults_beside(contents, first, before))
        before = contents
        yield StepReport(step=step, status="bad" if faults else "ok", checksum=contents.checksum, faults=tuple(faults))


def _read(step: int, location: CheckpointLocation) -> _Contents:
    folder = Path(location.model)
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"its config.json cannot be read ({error})") from error
    if not isinstance(config, dict):
        raise UserError("its config.json holds no map")
    shapes: dict[str, tuple[int, ...]] = {}
    non_finite: list[str] = []

    def noted() -> Iterator[tuple[str, Tensor]]:
        for name, tensor in iterate_weights(folder):
            shapes[name] = tuple(tensor.shape)
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                non_finite.append(name)
            yield name, tensor

    checksum = checksum_tensors(noted())
    return _Contents(step=step, config=config, shapes=shapes, checksum=checksum, non_finite=tuple(non_finite))


def _own_faults(contents: _Contents, location: CheckpointLocation, series: Series) -> Iterator[str]:
    if not contents.shapes:
        yield "its weights file holds no tensors"
    if contents.non_finite:
        yield f"NaN or infinite weights in {_listed(contents.non_finite)}"
    listed = series.checksums.get(contents.step)
    if listed is not None and listed != contents.checksum:
        yield f"its weights have the checksum {contents.checksum}, the series lists {listed}"
    embedding = find_embedding(contents.shapes)
    if embedding is None:
        return
    num_rows = contents.shapes[embedding][0]
    vocab_size = contents.config.get("vocab_size")
    if vocab_size is not None and vocab_size != num_rows:
        yield f"wrong vocabulary: config.json says vocab_size {vocab_size}, {embedding} has {num_rows} rows"
    try:
        num_tokens = count_tokens(location)
    except UserError as error:
        yield str(error)
        return
    if num_tokens is not None and num_tokens > num_rows:
        yield f"wrong vocabulary: the tokenizer has {num_tokens} tokens, {embedding} only {num_rows} rows"


def _faults_beside(contents: _Contents, first: _Contents, before: _Contents | None) -> Iterator[str]:
    if before is not None and before.checksum == contents.checksum:
        copies = f"one of steps {before.step} and {contents.step} is a copy"
        yield f"its weights are bit for bit those of step {before.step}: {copies}"
    keys = sorted((set(first.config) | set(contents.config)) - _INCIDENTAL_KEYS)
    differing = [key for key in keys if first.config.get(key) != contents.config.get(key)]
    if differing:
        key = differing[0]
        yield (
            f"its config.json differs from step {first.step}'s in {_listed(differing)} "
            f"({key}: {contents.config.get(key)!r} instead of {first.config.get(key)!r})"
        )
    if contents.shapes != first.shapes:
        names = sorted(set(first.shapes) | set(contents.shapes))
        name = next(name for name in names if first.shapes.get(name) != contents.shapes.get(name))
        yield (
            f"its tensors differ from step {first.step}'s: {name} has shape {contents.shapes.get(name, 'missing')} "
            f"instead of {first.shapes.get(name, 'missing')}"
        )


def _listed(names: Sequence[str], count: int = 3) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
