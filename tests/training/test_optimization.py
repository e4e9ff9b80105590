from itertools import pairwise

import pytest
import torch
from torch import nn

from lit_idim.subspace import Subspace, load_classifier
from lit_idim.training.optimization import (
    full_optimizer,
    linear_schedule,
    subspace_learning_rate,
    subspace_optimizer,
)


@pytest.mark.parametrize(("D", "d"), [(500_000, 512), (22_700_000, 2000), (124_647_170, 896), (1000, 1000)])
def test_rate_is_the_smaller_of_two_rules(D: int, d: int) -> None:
    rate = subspace_learning_rate(1e-4, D=D, d=d)
    assert rate == pytest.approx(1e-4 * min(2 * (D / d) ** 0.75, 20 * (D / d) ** 0.5))


def test_warm_up_and_decay() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = linear_schedule(optimizer, num_updates=100, warmup_fraction=0.06)
    rates = []
    for _ in range(100):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(1 / 7) and rates[6] == 1.0 == max(rates)
    assert all(second > first for first, second in pairwise(rates[:7]))
    assert all(second < first for first, second in pairwise(rates[6:]))
    assert rates[-1] > 0 and schedule.get_last_lr()[0] == 0.0


def test_no_warm_up_starts_at_the_peak() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    assert linear_schedule(optimizer, num_updates=3, warmup_fraction=0.0).get_last_lr() == [0.5]


def test_full_fine_tuning_decays_matrices_alone() -> None:
    model = load_classifier("checkpoints/toy-L2-H128/step-4000", num_labels=2)
    optimizer = full_optimizer(model, name="adam", learning_rate=1e-3, weight_decay=0.1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed, plain = ({names[id(parameter)] for parameter in group["params"]} for group in optimizer.param_groups)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    assert decayed | plain == set(names.values())
    assert all(name.endswith("bias") or "LayerNorm" in name for name in plain)
    assert not any(name.endswith("bias") or "LayerNorm" in name for name in decayed)
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.98) and optimizer.param_groups[0]["eps"] == 1e-6


def test_subspace_has_no_decay_and_a_rate_for_the_lambdas() -> None:
    model = load_classifier("checkpoints/toy-L2-H128/step-4000", num_labels=2)
    subspace = Subspace(model, d=20, method="said")
    optimizer = subspace_optimizer(subspace, name="adam", learning_rate=0.3, lambda_learning_rate=0.02)
    assert [(len(group["params"][0]), group["lr"]) for group in optimizer.param_groups] == [(16, 0.3), (4, 0.02)]
    assert all(group["weight_decay"] == 0 for group in optimizer.param_groups)


@pytest.mark.parametrize("fused", [False, True])
def test_an_update_shows_in_the_versions(fused: bool) -> None:
    """By them the weights on a GPU tell that a graph was overtaken; torch's fused Adam changes numbers alone."""
    model = load_classifier("checkpoints/toy-L2-H128/step-4000", num_labels=2)
    subspace = Subspace(model, d=20, method="said")
    optimizer = subspace_optimizer(subspace, name="adam", learning_rate=0.3, lambda_learning_rate=0.02, fused=fused)
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for parameter in trained:
        parameter.grad = torch.ones_like(parameter)
    before = [parameter._version for parameter in trained]
    optimizer.step()
    assert all(parameter._version > old for parameter, old in zip(trained, before, strict=True))
