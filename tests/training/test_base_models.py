from pathlib import Path

import pytest
import torch
from transformers import RobertaConfig, RobertaModel

from lit_idim.subspace import Subspace
from lit_idim.training import BaseModels
from lit_idim.training.base_models import load_base_model

MODELS = [f"checkpoints/toy-L2-H{width}/step-4000" for width in (64, 128)]


@pytest.mark.parametrize("random_weights", [False, True])
def test_copies_equal_what_the_files_hold(random_weights: bool) -> None:
    models = BaseModels()
    for model in (MODELS[0], MODELS[0], MODELS[1], MODELS[0]):
        for head_seed in (0, 1):
            copy, checksum = models.load(model, num_labels=3, head_seed=head_seed, random_weights=random_weights)
            read = load_base_model(model, num_labels=3, head_seed=head_seed, random_weights=random_weights)
            values = dict(copy.model.named_parameters())
            assert all(torch.equal(value, values[name]) for name, value in read.model.named_parameters())
            assert (copy.layout, checksum, copy.model.training) == (read.layout, read.encoder_checksum(), True)


def test_a_copy_that_is_trained_leaves_the_next_alone() -> None:
    models = BaseModels()
    first, _ = models.load(MODELS[0], num_labels=2, head_seed=0)
    expected = {name: value.clone() for name, value in first.model.state_dict().items()}
    with torch.no_grad():
        for parameter in first.model.requires_grad_(False).parameters():
            parameter.add_(1.0)
    second, _ = models.load(MODELS[0], num_labels=2, head_seed=0)
    assert all(torch.equal(value, expected[name]) for name, value in second.model.state_dict().items())
    assert all(parameter.requires_grad for parameter in second.model.parameters())


def test_a_frozen_copy_has_the_memory_of_the_next_but_a_head_of_its_own() -> None:
    models = BaseModels()
    (first, _), (second, _) = (models.load(MODELS[0], num_labels=2, head_seed=s, is_frozen=True) for s in (0, 1))
    values = dict(second.model.named_parameters())
    shared = {name for name, value in first.model.named_parameters() if value.data_ptr() == values[name].data_ptr()}
    assert shared == set(values) - set(first.drawn) and shared
    for base, head_seed in ((first, 0), (second, 1)):
        read = dict(load_base_model(MODELS[0], num_labels=2, head_seed=head_seed).model.named_parameters())
        assert all(torch.equal(value, read[name]) for name, value in base.model.named_parameters())
    subspace = Subspace(first.model, d=50, layout=first.layout)
    with torch.no_grad():
        subspace.theta_d.fill_(0.1)
        subspace.weights()
    trained, _ = models.load(MODELS[0], num_labels=2, head_seed=1)
    assert all(torch.equal(value, values[name]) for name, value in trained.model.named_parameters())
    assert all(parameter.requires_grad for parameter in trained.model.parameters())
    assert not any(trained.model.get_parameter(name).data_ptr() == values[name].data_ptr() for name in values)


def test_untrained_weights_are_drawn_for_each_copy_though_it_is_frozen() -> None:
    models = BaseModels()
    arguments = {"num_labels": 2, "random_weights": True, "is_frozen": True}
    (first, _), (second, _) = (models.load(MODELS[0], head_seed=0, **arguments) for _ in range(2))  # type: ignore[arg-type]
    values = dict(second.model.named_parameters())
    assert not any(value.data_ptr() == values[name].data_ptr() for name, value in first.model.named_parameters())


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_large_weights_of_a_subspace_are_the_files_own_pages(tmp_path: Path) -> None:
    config = RobertaConfig(
        vocab_size=2000, hidden_size=192, num_hidden_layers=1, num_attention_heads=2, intermediate_size=2048
    )  # fmt: skip
    RobertaModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    base, _ = BaseModels().load(str(tmp_path), num_labels=2, head_seed=0, is_frozen=True)
    subspace = Subspace(base.model, d=100, layout=base.layout)
    expected = {p.name: base.model.get_parameter(p.name).detach().clone() for p in base.layout.parameters}
    with torch.no_grad():
        subspace.theta_d.normal_(generator=torch.Generator().manual_seed(0))
        weights = subspace.weights()
        steps = subspace.projection.matvec(subspace.theta_d)
    mapped = {name for name in expected if _is_mapped(base.model.get_parameter(name), tmp_path)}
    large = {name for name, value in expected.items() if value.numel() >= 2**18}
    assert len(large) == 3  # words, and both matrices between the width and the inner width
    assert large <= mapped < set(expected)  # a small one between two of them stays, too
    for parameter in base.layout.parameters:
        name, rows = parameter.name, slice(parameter.start, parameter.stop)
        assert torch.equal(base.model.get_parameter(name), expected[name])
        theta = expected[name].flatten() + steps[rows]
        torch.testing.assert_close(weights[name].flatten(), theta, rtol=1e-6, atol=1e-7)


def _is_mapped(tensor: torch.Tensor, folder: Path) -> bool:
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *rest = line.split()
        start, stop = (int(end, 16) for end in span.split("-"))
        if start <= tensor.data_ptr() < stop:
            return str(folder) in rest[-1]
    return False
