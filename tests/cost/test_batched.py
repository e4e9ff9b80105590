import pytest
import torch

from lit_idim.cost.batched import BatchedStep, make_subspace
from lit_idim.cost.steps import random_batch
from lit_idim.resources import find_resource


def test_a_batched_step_is_that_of_each_training() -> None:
    """Without dropout: the same losses and gradients, each training at numbers of its own."""
    subspace = make_subspace(str(find_resource("checkpoints/toy-L1-H64/step-1000")), d=20, device="cpu").eval()
    batch = random_batch(200, batch_size=4, length=8)
    step = BatchedStep(subspace, batch, k=3)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        step.theta_d.copy_(torch.randn(step.theta_d.shape, generator=generator))
        step.lambdas.add_(0.1 * torch.randn(step.lambdas.shape, generator=generator))
    losses = step.losses()
    losses.sum().backward()
    assert len(set(losses.tolist())) == 3 and step.theta_d.grad is not None and step.lambdas.grad is not None
    assert subspace.lambdas is not None
    for number, loss in enumerate(losses.tolist()):
        with torch.no_grad():
            subspace.theta_d.copy_(step.theta_d[number])
            subspace.lambdas.copy_(step.lambdas[number])
        subspace.zero_grad()
        alone = subspace(**batch).loss
        alone.backward()
        assert loss == pytest.approx(alone.item(), rel=1e-5)
        torch.testing.assert_close(step.theta_d.grad[number], subspace.theta_d.grad, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(step.lambdas.grad[number], subspace.lambdas.grad, rtol=1e-4, atol=1e-6)
