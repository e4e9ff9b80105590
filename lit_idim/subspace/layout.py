"""Which parameters count towards D, which layer each belongs to, and which rows of P are theirs.

Shapes: the counted parameters, flattened and laid end to end, are theta_0 of shape (D,); layer i is one range of its
rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from lit_idim.errors import UserError
from lit_idim.subspace.blocks import EMBEDDINGS, HEAD, Blocks, layer_of
from lit_idim.subspace.probe import Probe, probe


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
    parameter belongs to the block of the stack that holds it; blocks shared between depths, as in ALBERT, are one.
    Outside the stacks what runs before the first block belongs to the embeddings, and embedding tables and norms named
    after them between two stacks too; the rest to the head.

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

    blocks = Blocks(model)
    _check_blocks_are_reached(model, blocks, shown, set(tensors))
    groups: dict[str, list[int]] = {EMBEDDINGS: [], HEAD: []}
    for key, aliases in names.items():
        groups.setdefault(layer_of(model, aliases, blocks, shown.calls), []).append(key)
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


def _check_blocks_are_reached(model: nn.Module, blocks: Blocks, shown: Probe, reached: set[int]) -> None:
    """Refuses models whose blocks run where no graph is kept (Reformer): their parameters would silently not count."""
    run = {block for name in shown.calls if (block := blocks.of(name)) is not None}
    trainable: dict[str, list[bool]] = {}
    for name, parameter in model.named_parameters():
        block = blocks.of(name)
        if block in run and parameter.requires_grad:
            trainable.setdefault(str(block), []).append(id(parameter) in reached)
    hidden = [block for block, found in trainable.items() if not any(found)]
    if hidden:
        raise UserError(
            f"model: {type(model).__name__} computes {hidden[0]} without an autograd graph from its parameters to the "
            "logits (a custom autograd function), so they can neither be counted nor trained in a subspace"
        )


def _check_finite(parameters: Iterable[tuple[str, torch.Tensor]]) -> None:
    for name, parameter in parameters:
        if not parameter.is_meta and not torch.isfinite(parameter.detach()).all():
            raise UserError(
                f"model has weights that are not finite: {name} holds NaN or infinity; the checkpoint is damaged or "
                "its training diverged"
            )
