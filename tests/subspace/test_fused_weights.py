"""A subspace on the fused kernels is the subspace: on a GPU where there is one, else through Triton's interpreter."""

import copy
from typing import Any

import pytest
import torch
from architectures import batch_for, moved, tiny_batch, tiny_model

from lit_idim.projections.gpu import choice
from lit_idim.subspace import SUBSPACE_METHODS, Subspace
from lit_idim.subspace.fused_weights import FusedWeights

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# The interpreter of older releases fails on scalars with NumPy 2.4.
oldest = None if DEVICE == "cuda" else "3.9"
pytest.importorskip("triton", minversion=oldest, reason="needs the extra triton, 3.9 or later to interpret kernels")


def with_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "FUSED_DEVICES", {DEVICE})


def on_device(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.to(DEVICE) for name, tensor in batch.items()}


@pytest.mark.parametrize("name", ["roberta", "t5", "albert"])
@pytest.mark.parametrize("method", SUBSPACE_METHODS)
def test_logits_and_gradients_are_those_of_the_plain_path(
    name: str, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoder, tied weights of an encoder-decoder, blocks shared between depths."""
    model, found = tiny_model(name), []
    for kernels in (False, True):
        subspace = moved(Subspace(copy.deepcopy(model), d=40, method=method))
        batch = batch_for(name)
        if kernels:
            with_kernels(monkeypatch)
            subspace, batch = subspace.to(DEVICE), on_device(batch)
        logits = subspace(**batch).logits
        logits.square().sum().backward()
        assert isinstance(subspace._weights, FusedWeights) == kernels
        trained = [parameter for parameter in (subspace.theta_d, subspace.lambdas) if parameter is not None]
        found.append(
            [logits.detach().cpu(), *(parameter.grad.cpu() for parameter in trained if parameter.grad is not None)]
        )
    for plain, fused in zip(*found, strict=True):
        assert (plain - fused).norm() <= 2e-5 * plain.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_start_is_the_model_and_updates_show(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    with_kernels(monkeypatch)
    model = tiny_model("roberta").to(dtype).to(DEVICE)
    batch = on_device(tiny_batch())
    expected = model(**batch).logits
    subspace = Subspace(copy.deepcopy(model), d=40)
    with torch.no_grad():
        assert torch.equal(subspace(**batch).logits, expected)
        subspace.theta_d.data.add_(0.5)
        assert not torch.equal(subspace(**batch).logits, expected)


def test_a_graph_that_was_overtaken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with_kernels(monkeypatch)
    subspace = moved(Subspace(tiny_model("roberta"), d=40)).to(DEVICE)
    loss = subspace(**on_device(tiny_batch())).logits.sum()
    with torch.no_grad():
        subspace.theta_d.add_(1.0)
    subspace(**on_device(tiny_batch()))
    with pytest.raises(RuntimeError, match="written anew"):
        loss.backward()


@pytest.mark.parametrize("whole", [False, True])
def test_a_compiled_model_is_the_same(whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with_kernels(monkeypatch)
    model, found = tiny_model("roberta").eval(), []
    for compiled in (False, True):
        subspace = moved(Subspace(copy.deepcopy(model), d=40)).to(DEVICE)
        call: Any = subspace
        if compiled and whole:
            call = torch.compile(subspace, backend="aot_eager")
        elif compiled:
            subspace.model.compile(backend="aot_eager")
        for _ in range(2):  # what was compiled reads what an update wrote
            (gradient,) = torch.autograd.grad(call(**on_device(tiny_batch())).logits.square().sum(), subspace.theta_d)
            found.append(gradient)
            with torch.no_grad():
                subspace.theta_d.add_(0.01)
    for eager, other in zip(found[:2], found[2:], strict=True):
        torch.testing.assert_close(other, eager, rtol=1e-4, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE == "cpu", reason="needs a GPU")
def test_a_cuda_graph_replays_the_step() -> None:
    """Captured once, replayed after theta_d has changed: the logits and gradients of that theta_d."""
    batch, subspace = on_device(tiny_batch()), moved(Subspace(tiny_model("roberta").eval(), d=40)).cuda()

    def step() -> tuple[torch.Tensor, torch.Tensor]:
        logits = subspace(input_ids=batch["input_ids"]).logits
        return logits, torch.autograd.grad(logits.square().sum(), subspace.theta_d)[0]

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    with torch.no_grad():
        subspace.theta_d.mul_(2.0)
    graph.replay()
    for found, expected in zip(captured, step(), strict=True):
        torch.testing.assert_close(found, expected)
