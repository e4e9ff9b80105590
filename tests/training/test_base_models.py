import pytest
import torch

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
