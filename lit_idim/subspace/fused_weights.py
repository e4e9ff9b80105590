"""theta = theta_0 + lambda_i (P theta_d)_i on a GPU: one launch forward, two a layer backward, no wait for the device.

Shapes: theta_d (d',) with d' = d for DID and d - m for SAID, lambdas (m,), y = s H B theta_d (width,), theta_0 and
theta (D,) as slabs of one dtype each, which cross layers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lit_idim.projections import FastfoodProjection, Projection
from lit_idim.projections.gpu.choice import fused_fastfood
from lit_idim.subspace.layout import CountedParameter, Layout
from lit_idim.subspace.weights import gradient_pieces, places, run_as_soon_as_ready

if TYPE_CHECKING:
    from lit_idim.projections.gpu.fused import FusedFastfood


def kernels_for(model: nn.Module, layout: Layout, projection: Projection) -> "FusedFastfood | None":
    """The fused kernels for a model's counted parameters; None where `SubspaceWeights` is to be used."""
    if not isinstance(projection, FastfoodProjection):
        return None
    parameters = [model.get_parameter(parameter.name) for parameter in layout.parameters]
    return fused_fastfood(projection, parameters[0].device, {parameter.dtype for parameter in parameters})


@dataclass(frozen=True, kw_only=True)
class _Slab:
    """Neighbouring parameters of one dtype: theta_0 (which the model's parameters view) and theta."""

    start: int
    parameters: tuple[CountedParameter, ...]
    theta_0: Tensor
    theta: Tensor

    def views(self, flat: Tensor) -> Iterator[Tensor]:
        for parameter in self.parameters:
            yield flat[parameter.start - self.start : parameter.stop - self.start].view(parameter.shape)


class FusedWeights:
    """`SubspaceWeights` for a GPU: the same tensors and gradients, to rounding.

    theta is written at every call, as to know whether theta_d has changed would be to wait for the device; so a CUDA
    graph that captured a step stays right. In the backward pass the gradients of one layer are reduced as soon as they
    are complete, and freed, to u_i = sum over its blocks of Pi_b^T G_b H g_b; the gradients are lambda_i u_i for y and
    <u_i, y> for lambda_i, and that of theta_d follows from y's once for all layers. All sums are in a fixed order.

    Args:
        model: on the GPU.
        layout: its counted parameters.
        kernels: the projection's, on the model's device.
    """

    def __init__(self, model: nn.Module, layout: Layout, kernels: "FusedFastfood") -> None:
        self.layout = layout
        self.kernels = kernels
        self.generation = 0
        self._places = {parameter.name: places(model, parameter.aliases) for parameter in layout.parameters}
        self._parameters = [model.get_parameter(parameter.name) for parameter in layout.parameters]
        self._slabs: list[_Slab] = []
        self._stops = torch.tensor([layer.stop for layer in layout.layers], device=kernels.device)
        self._one = torch.ones(1, dtype=torch.float32, device=kernels.device)
        self._versions: tuple[Any, ...] = ()

    def __call__(self, theta_d: Tensor, lambdas: Tensor | None) -> dict[str, Tensor]:
        """theta by parameter name, once for each place that holds a tied one, as functions of theta_d and the lambdas.

        Args:
            theta_d: coordinates, shape (d').
            lambdas: layer scales, shape (m,), or None for DID.
        """
        self._lay_out()
        versions = tuple((id(operand), operand._version) for operand in (theta_d, lambdas) if operand is not None)
        if versions != self._versions:
            self.generation, self._versions = self.generation + 1, versions
        with torch.autocast(theta_d.device.type, enabled=False):
            y = self.kernels.shared(theta_d)
            self._write(y.detach(), lambdas)
        scales = lambdas.unbind() if lambdas is not None else [None] * self.layout.m
        weights: dict[str, Tensor] = {}
        theta = {
            parameter.name: view
            for slab in self._slabs
            for parameter, view in zip(slab.parameters, slab.views(slab.theta), strict=True)
        }
        for index, layer in enumerate(self.layout.layers):
            # .data and not a view: autograd would track each view back to the buffer, which belongs to no graph
            values = tuple(theta[parameter.name].data for parameter in layer.parameters)
            tensors = _LayerWeights.apply(y, scales[index], self, index, values)  # type: ignore[no-untyped-call]
            run_as_soon_as_ready(tensors[0])
            for parameter, tensor in zip(layer.parameters, tensors, strict=True):
                weights.update(dict.fromkeys(self._places[parameter.name], tensor))
        return weights

    def _write(self, y: Tensor, lambdas: Tensor | None) -> None:
        scales, stops = (self._one, self.kernels.end) if lambdas is None else (lambdas.detach(), self._stops)
        for slab in self._slabs:
            self.kernels.add_rows(y, slab.start, base=slab.theta_0, out=slab.theta, scales=scales, stops=stops)

    def _lay_out(self) -> None:
        """Makes the model's parameters views of slabs, anew where it was moved, copied or given other tensors."""
        pointers = [parameter.data_ptr() for parameter in self._parameters]
        current = [view.data_ptr() for slab in self._slabs for view in slab.views(slab.theta_0)]
        if self._slabs and pointers == current:
            return
        self._slabs = []
        entries = list(zip(self.layout.parameters, self._parameters, strict=True))
        # The buffers outlive this call: made in inference mode they could never be trained through.
        with torch.inference_mode(False), torch.no_grad():
            for _, run in groupby(entries, key=lambda entry: entry[1].dtype):
                self._slabs.append(_make_slab(list(run)))


def _make_slab(owned: Sequence[tuple[CountedParameter, nn.Parameter]]) -> _Slab:
    start, stop = owned[0][0].start, owned[-1][0].stop
    theta_0 = torch.empty(stop - start, dtype=owned[0][1].dtype, device=owned[0][1].device)
    for counted, parameter in owned:
        view = theta_0[counted.start - start : counted.stop - start].view(counted.shape)
        view.copy_(parameter.detach())
        parameter.data = view  # here and not after all are copied: the tensor that it replaces is freed at once
    counted_parameters = tuple(counted for counted, _ in owned)
    return _Slab(start=start, parameters=counted_parameters, theta_0=theta_0, theta=torch.empty_like(theta_0))


class _LayerWeights(torch.autograd.Function):
    """theta_i = theta_0,i + lambda_i (H G Pi y)_i of one layer; the forward values already stand in the buffer."""

    @staticmethod
    def forward(
        ctx: Any, y: Tensor, scale: Tensor | None, weights: FusedWeights, index: int, values: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(y, *([] if scale is None else [scale]))
        ctx.weights, ctx.index, ctx.generation = weights, index, weights.generation
        ctx.set_materialize_grads(False)
        return values

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        weights: FusedWeights = ctx.weights
        pieces = gradient_pieces(ctx, gradients)
        y, *scale = ctx.saved_tensors
        if not pieces:
            return None, None, None, None, None
        u = weights.kernels.adjoint(pieces)
        if not scale:
            return u, None, None, None, None
        return scale[0] * u, torch.dot(u, y).to(scale[0].dtype), None, None, None
