"""Which parameters count towards D, which layer each belongs to, and which rows of P are theirs.

Shapes: the counted parameters, flattened and laid end to end, are theta_0 of shape (D,); layer i is one range of its
rows.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from lit_idim.errors import UserError
from lit_idim.subspace.probe import probe

EMBEDDINGS, HEAD = "embeddings", "head"


@dataclass(frozen=True, kw_only=True)
class CountedParameter:
    """A tensor of the model that counts towards D, once for all the names it is tied to.

    Attributes:
        name: its first name in the model.
        aliases: every name that it goes by, `name` included.
        shape: its shape.
        start: its first row of theta_0; its numbers follow in row-major order.
        stop: the row after its last.
    """

    name: str
    aliases: tuple[str, ...]
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer in the sense of SAID: one lambda. `parameters` follow each other in rows [start, stop)."""

    name: str
    parameters: tuple[CountedParameter, ...]

    @property
    def start(self) -> int:
        return self.parameters[0].start

    @property
    def stop(self) -> int:
        return self.parameters[-1].stop


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The m layers of a model in the order of theta_0's rows: embeddings, the blocks of each stack, head."""

    layers: tuple[Layer, ...]

    @property
    def m(self) -> int:
        return len(self.layers)

    @property
    def D(self) -> int:
        return self.layers[-1].stop

    @property
    def parameters(self) -> tuple[CountedParameter, ...]:
        return tuple(parameter for layer in self.layers for parameter in layer.parameters)

    def table(self) -> str:
        """The layers, their tensors and numbers of parameters, as lines of text."""
        width = max(len(layer.name) for layer in self.layers)
        rows = [
            f"{layer.name:<{width}}  {len(layer.parameters):>7}  {layer.stop - layer.start:>13,}"
            for layer in self.layers
        ]
        total = f"{f'm = {self.m}':<{width}}  {len(self.parameters):>7}  {self.D:>13,}"
        return "\n".join([f"{'layer':<{width}}  {'tensors':>7}  {'parameters':>13}", *rows, total])


def find_layout(model: nn.Module) -> Layout:
    """The counted parameters of a transformers sequence classification model and their layers.

    Counted is each trainable tensor with a gradient path to the logits, once however many names it has (AZG20's D). A
    parameter belongs to the block of the stack that holds it (a stack is a `ModuleList`; parallel lists of one module,
    as in XLM, hold parts of the same blocks; blocks shared between depths, as in ALBERT, are one), else to the
    embeddings, if it is an embedding table, its owner is named after embeddings, or its owner runs before the first
    block, else to the head.

    Raises:
        UserError: if the model has no sequence classification head, nothing to train, or weights that are not finite.
    """
    shown = probe(model)
    names: dict[int, list[str]] = {}
    tensors: dict[int, nn.Parameter] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if id(parameter) in shown.reached:
            names.setdefault(id(parameter), []).append(name)
            tensors[id(parameter)] = parameter
    if not tensors:
        raise UserError(
            "model has no trainable parameter with a gradient path to its logits; check requires_grad (a model that is "
            "in a Subspace already is frozen)"
        )
    _check_finite((names[key][0], tensor) for key, tensor in tensors.items())

    before_blocks = _called_before_blocks(shown.calls)
    groups: dict[str, list[int]] = {EMBEDDINGS: [], HEAD: []}
    for key, aliases in names.items():
        groups.setdefault(_layer_of(model, aliases, before_blocks), []).append(key)
    groups[HEAD] = groups.pop(HEAD)

    layers, row = [], 0
    for layer, keys in groups.items():
        parameters = []
        for key in keys:
            stop = row + tensors[key].numel()
            parameters.append(
                CountedParameter(
                    name=names[key][0],
                    aliases=tuple(names[key]),
                    shape=tuple(tensors[key].shape),
                    start=row,
                    stop=stop,
                )
            )
            row = stop
        if parameters:
            layers.append(Layer(name=layer, parameters=tuple(parameters)))
    return Layout(layers=tuple(layers))


def block_of(name: str) -> str | None:
    """The block that a parameter or module lies in by its name, or None outside any.

    Example:
        >>> block_of("transformer.attentions.2.q_lin.weight"), block_of("transformer.ffns.2.lin1.weight")
        ('transformer.2', 'transformer.2')
    """
    parts = name.split(".")
    first = next((i for i, part in enumerate(parts) if part.isdigit()), None)
    if first is None:
        return None
    last = first
    while last + 1 < len(parts) and parts[last + 1].isdigit():
        last += 1
    return ".".join([*parts[: first - 1], *parts[first : last + 1]])


def _called_before_blocks(calls: Iterable[str]) -> frozenset[str]:
    before = []
    for name in calls:
        if block_of(name) is not None:
            break
        before.append(name)
    return frozenset(before)


def _layer_of(model: nn.Module, aliases: Iterable[str], before_blocks: frozenset[str]) -> str:
    owners = [alias.rpartition(".")[0] for alias in aliases]
    outside = [owner for owner in owners if block_of(owner) is None]
    if any(_is_embedding(model, owner) or owner in before_blocks for owner in outside):
        return EMBEDDINGS
    return next((block for owner in owners if (block := block_of(owner))), HEAD)


def _is_embedding(model: nn.Module, owner: str) -> bool:
    return isinstance(model.get_submodule(owner), nn.Embedding) or re.search(r"(^|[._])emb", owner) is not None


def _check_finite(parameters: Iterable[tuple[str, torch.Tensor]]) -> None:
    for name, parameter in parameters:
        if not parameter.is_meta and not torch.isfinite(parameter.detach()).all():
            raise UserError(
                f"model has weights that are not finite: {name} holds NaN or infinity; the checkpoint is damaged or "
                "its training diverged"
            )
