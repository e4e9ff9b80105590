"""theta = theta_0 + lambda_i (P theta_d)_i in memory: one buffer, written in place, a graph node for each layer.

Shapes: theta_d (d',) with d' = d for DID and d - m for SAID, lambdas (m,), theta_0 and theta (D,) as slabs of one dtype
each.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from lit_idim.projections import Projection
from lit_idim.projections.pieces import Piece
from lit_idim.subspace.layout import CountedParameter, Layout

FIRST_IN_BACKWARD = 2**62
_STAYS_IN_PLACE = 2**18  # numbers from which a parameter is worth a slab of its own


@dataclass(frozen=True, kw_only=True)
class _Slab:
    """Neighbouring parameters of one layer and one dtype, or a large one: theta_0, which they view, and theta."""

    layer: int
    start: int
    parameters: tuple[CountedParameter, ...]
    theta_0: Tensor
    theta: Tensor

    def views(self, flat: Tensor) -> Iterator[tuple[CountedParameter, Tensor]]:
        for parameter in self.parameters:
            yield parameter, flat[parameter.start - self.start : parameter.stop - self.start].view(parameter.shape)


class SubspaceWeights:
    """Writes theta for a model's counted parameters and carries gradients back through P^T.

    theta is written anew where theta_d, the lambdas or a parameter of the model changed since. The first two are
    compared number by number; a parameter of the model by its version, which writing through its `.data` leaves as is.

    The model's own parameters hold theta_0: small ones laid end to end, large ones where they are, for their memory may
    be a file's that other processes have mapped, too. theta has buffers beside them that every step overwrites.
    In the backward pass the gradients of one layer are projected as soon as they are complete, and freed: besides
    theta_0 and theta, memory holds the gradients of one layer, never of all D parameters, and no optimizer state.
    """

    def __init__(self, model: nn.Module, layout: Layout, projection: Projection) -> None:
        self.layout = layout
        self.projection = projection
        self.generation = 0
        self._places = {parameter.name: places(model, parameter.aliases) for parameter in layout.parameters}
        self._parameters = [model.get_parameter(parameter.name) for parameter in layout.parameters]
        self._slabs: list[_Slab] = []
        self._views: list[tuple[Tensor, ...]] = []
        self._laid_out: list[tuple[int, torch.device]] = []
        self._written: tuple[Any, ...] | None = None

    def __call__(self, theta_d: Tensor, lambdas: Tensor | None) -> dict[str, Tensor]:
        """theta by parameter name, once for each place that holds a tied one, as functions of theta_d and the lambdas.

        Args:
            theta_d: coordinates, shape (d').
            lambdas: layer scales, shape (m,), or None for DID.
        """
        self._lay_out()
        self._write(theta_d, lambdas)
        scales = lambdas.unbind() if lambdas is not None else [None] * self.layout.m
        weights: dict[str, Tensor] = {}
        for index, layer in enumerate(self.layout.layers):
            tensors = _LayerWeights.apply(theta_d, scales[index], self, index)  # type: ignore[no-untyped-call]
            run_as_soon_as_ready(tensors[0])
            for parameter, tensor in zip(layer.parameters, tensors, strict=True):
                weights.update(dict.fromkeys(self._places[parameter.name], tensor))
        return weights

    def layer_tensors(self, index: int) -> tuple[Tensor, ...]:
        """theta of one layer, fresh tensor objects over the buffer."""
        # .data and not a view: autograd would track each view back to the buffer, which belongs to no graph
        return tuple(view.data for view in self._views[index])

    def _lay_out(self) -> None:
        """Makes the model's parameters views of slabs, anew where it was moved, copied or given other tensors."""
        if self._laid_out == self._present_places():
            return
        self._slabs, self._written = [], None
        entries = iter(zip(self.layout.parameters, self._parameters, strict=True))
        # The buffers outlive this call: made in inference mode they could never be trained through.
        with torch.inference_mode(False), torch.no_grad():
            for index, layer in enumerate(self.layout.layers):
                owned = [next(entries) for _ in layer.parameters]
                for _, run in groupby(owned, key=self._slab_of):
                    self._slabs.append(self._make_slab(index, list(run)))
            self._views = [
                tuple(view for slab in self._slabs if slab.layer == index for _, view in slab.views(slab.theta))
                for index in range(self.layout.m)
            ]
        self._laid_out = self._present_places()

    def _present_places(self) -> list[tuple[int, torch.device]]:
        """Where the model's parameters are; the slabs that hold them keep their memory from others."""
        return [(parameter.data_ptr(), parameter.device) for parameter in self._parameters]

    def _slab_of(self, entry: tuple[CountedParameter, nn.Parameter]) -> tuple[torch.dtype, str | None]:
        """Neighbours for which this is the same share a slab."""
        counted, parameter = entry
        # blocks of P at the ends of a slab are made twice: of less than 1 in 32 for a power of two from d on
        is_large = counted.stop - counted.start >= max(_STAYS_IN_PLACE, 64 * self.projection.d)
        return parameter.dtype, counted.name if is_large else None

    def _make_slab(self, layer: int, owned: Sequence[tuple[CountedParameter, nn.Parameter]]) -> _Slab:
        flat = [parameter.detach().reshape(-1) for _, parameter in owned]
        theta_0 = flat[0] if len(flat) == 1 else torch.cat(flat)
        slab = _Slab(
            layer=layer,
            start=owned[0][0].start,
            parameters=tuple(counted for counted, _ in owned),
            theta_0=theta_0,
            theta=torch.empty_like(theta_0),
        )
        for (_, parameter), (_, view) in zip(owned, slab.views(theta_0), strict=True):
            parameter.data = view
        return slab

    def _write(self, theta_d: Tensor, lambdas: Tensor | None) -> None:
        versions = [parameter._version for parameter in self._parameters]
        operands = [operand.detach() for operand in (theta_d, lambdas) if operand is not None]
        if self._written is not None:
            old_versions, old_operands = self._written
            if old_versions == versions and all(map(_same_bits, old_operands, operands)):
                return
        self.generation += 1
        scales = [1.0] * self.layout.m if lambdas is None else lambdas.detach().unbind()
        slices = [(slab.start, slab.theta_0, slab.theta, scales[slab.layer]) for slab in self._slabs]
        with torch.no_grad(), _without_autocast(theta_d.device):
            self.projection.add_slices(theta_d.detach(), slices)
        self._written = (versions, [operand.clone() for operand in operands])


def _without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """P is applied in float32; leaving a mode that is not on is not free in a step of milliseconds."""
    return torch.autocast(device.type, enabled=False) if torch.is_autocast_enabled(device.type) else nullcontext()


def _same_bits(first: Tensor, second: Tensor) -> bool:
    """Equality that holds for NaN, too: a diverged theta_d is written once like any other."""
    return torch.equal(first.view(torch.uint8), second.view(torch.uint8))


def places(model: nn.Module, aliases: Sequence[str]) -> tuple[str, ...]:
    """The names that stand for different attributes.

    A module that goes by two names would be swapped twice, and the second swap, undone last, would leave the first's
    tensor in the model for good.
    """
    places: dict[tuple[int, str], str] = {}
    for alias in aliases:
        owner, _, attribute = alias.rpartition(".")
        places.setdefault((id(model.get_submodule(owner)), attribute), alias)
    return tuple(places.values())


def run_as_soon_as_ready(tensor: Tensor) -> None:
    """Puts the tensor's node first among those that the backward pass could run next.

    autograd prefers nodes made late, and these were made before the model ran: their gradients would wait until the
    end.
    """
    if tensor.grad_fn is not None:
        tensor.grad_fn._set_sequence_nr(FIRST_IN_BACKWARD)  # type: ignore[attr-defined]


def gradient_pieces(ctx: Any, gradients: Sequence[Tensor | None]) -> list[Piece]:
    """The gradients that a layer's parameters have, each with the row of P at which it begins.

    Args:
        ctx: of the layer's backward pass: `weights`, their `generation` at the forward pass, and the layer's `index`.
        gradients: of the layer's parameters.

    Raises:
        RuntimeError: if the weights were written since the forward pass.
    """
    if ctx.generation != ctx.weights.generation:
        raise RuntimeError(
            "the weights were written anew between this forward pass and its backward pass: theta_d or the lambdas "
            "changed, and the graph no longer holds what it was computed from; run backward before the next update"
        )
    parameters = ctx.weights.layout.layers[ctx.index].parameters
    return [
        (parameter.start, gradient.to_dense() if gradient.is_sparse else gradient)
        for parameter, gradient in zip(parameters, gradients, strict=True)
        if gradient is not None
    ]


class _LayerWeights(torch.autograd.Function):
    """theta_i = theta_0,i + lambda_i (P theta_d)_i of one layer; the forward values already stand in the buffer.

    With u = P_i^T g the gradients are lambda_i u for theta_d and <u, theta_d> for lambda_i: one product with P^T for
    both.
    """

    @staticmethod
    def forward(
        ctx: Any, theta_d: Tensor, scale: Tensor | None, weights: SubspaceWeights, index: int
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(theta_d, *([] if scale is None else [scale]))
        ctx.weights, ctx.index, ctx.generation = weights, index, weights.generation
        ctx.set_materialize_grads(False)
        return weights.layer_tensors(index)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        weights: SubspaceWeights = ctx.weights
        pieces = gradient_pieces(ctx, gradients)
        theta_d, *scale = ctx.saved_tensors
        if not pieces:
            return None, None, None, None
        with _without_autocast(theta_d.device):
            projected = weights.projection.adjoint(pieces, like=theta_d)
        if not scale:
            return projected, None, None, None
        return scale[0] * projected, torch.dot(projected, theta_d).to(scale[0].dtype), None, None
