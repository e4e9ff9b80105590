"""Other tensors in the place of a model's parameters: as `functional_call` does it, and gone after the call."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call

from lit_idim.subspace.swapped_call import SwappedCall


def make_model() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 2)))
    return model, {name: torch.randn_like(value, requires_grad=True) for name, value in model.named_parameters()}


def test_the_output_and_gradients_of_functional_call() -> None:
    model, tensors = make_model()
    inputs = torch.randn(5, 3)
    call = SwappedCall(model, tensors)
    for _ in range(2):
        ours, theirs = call(tensors, inputs), functional_call(model, tensors, inputs)
        assert torch.equal(ours, theirs)
        gradients = [torch.autograd.grad(y.sum(), list(tensors.values())) for y in (ours, theirs)]
        for one, other in zip(*gradients, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize(("is_missing", "error"), [(True, KeyError), (False, RuntimeError)])
def test_the_model_has_its_own_parameters_again(is_missing: bool, error: type[Exception]) -> None:
    model, tensors = make_model()
    own = dict(model.named_parameters())
    call: Any = SwappedCall(model, tensors)
    call(tensors, torch.randn(5, 3))
    assert all(value is own[name] for name, value in model.named_parameters())
    if is_missing:
        tensors.popitem()
    with pytest.raises(error):
        call(tensors, torch.randn(5, 3 if is_missing else 7))
    assert all(value is own[name] for name, value in model.named_parameters())
