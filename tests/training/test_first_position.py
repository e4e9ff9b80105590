"""The last block at the first position alone gives the whole block's logits and gradients, or stays away."""

from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from lit_idim.training.first_position import last_block_at_first_position

SHAPE: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24, "num_hidden_layers": 2,
    "max_position_embeddings": 40,
}  # fmt: skip
CLASSES: dict[str, tuple[Any, Any]] = {
    "bert": (BertForSequenceClassification, BertConfig),
    "roberta": (RobertaForSequenceClassification, RobertaConfig),
    "electra": (ElectraForSequenceClassification, ElectraConfig),
}

shortened = pytest.mark.skipif(transformers.__version__ < "5", reason="the blocks of transformers 4 are kept whole")


def make_model(family: str, *, dropout: float = 0.0) -> Any:
    kind, config = CLASSES[family]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(config(**SHAPE, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)).train()


def make_batch(*, padded: bool) -> dict[str, Tensor]:
    ids = torch.randint(5, 50, (4, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    if padded:
        ids[1, 5:], mask[1, 5:] = 1, 0
        ids[2, :3], mask[2, :3] = 1, 0  # on the left
    return {"input_ids": ids, "attention_mask": mask}


def logits_and_gradients(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    logits = model(**batch).logits
    logits.square().sum().backward()
    return logits.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def block_widths(model: Any, batch: dict[str, Tensor]) -> list[int]:
    """Tokens that the last block's feed-forward network sees, pass by pass."""
    widths: list[int] = []
    last = getattr(model, model.base_model_prefix).encoder.layer[-1]
    handle = last.intermediate.register_forward_pre_hook(lambda _, inputs: widths.append(inputs[0].shape[1]))
    with last_block_at_first_position(model):
        model(**batch)
    model(**batch)
    handle.remove()
    return widths


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_logits_and_every_gradient_are_those_of_the_whole_block(family: str, padded: bool) -> None:
    model, batch = make_model(family).double(), make_batch(padded=padded)
    expected, gradients = logits_and_gradients(model, batch)
    with last_block_at_first_position(model):
        shown, found = logits_and_gradients(model, batch)
    torch.testing.assert_close(shown, expected, rtol=1e-10, atol=1e-12)
    assert set(found) == set(gradients)
    for name in found:
        torch.testing.assert_close(found[name], gradients[name], rtol=1e-9, atol=1e-12)


@shortened
def test_the_block_sees_one_position_inside_and_all_of_them_after() -> None:
    assert block_widths(make_model("roberta"), make_batch(padded=False)) == [1, 9]


@shortened
def test_dropout_keeps_its_masks() -> None:
    model = make_model("roberta", dropout=0.1)
    assert block_widths(model, make_batch(padded=False)) == [9, 9]
    assert block_widths(model.eval(), make_batch(padded=False)) == [1, 9]


def test_heads_not_known_to_read_the_first_position_alone_keep_the_whole_block() -> None:
    assert block_widths(make_model("electra"), make_batch(padded=False)) == [9, 9]


@pytest.mark.parametrize("part", ["", "attention", "attention.self"])
def test_a_forward_of_ones_own_is_run_and_stays(part: str) -> None:
    model, batch, calls = make_model("roberta"), make_batch(padded=False), []
    owner: Any = model.roberta.encoder.layer[-1].get_submodule(part)
    whole = owner.forward

    def own(*arguments: Any, **named: Any) -> Any:
        calls.append(part)
        return whole(*arguments, **named)

    owner.forward = own
    assert block_widths(model, batch) == [9, 9]
    assert calls == [part] * 2
    assert owner.forward is own


@shortened
def test_one_inside_the_other_ends_with_the_outer_one() -> None:
    model, batch = make_model("roberta"), make_batch(padded=False)
    with last_block_at_first_position(model):
        assert block_widths(model, batch) == [1, 1]
    assert block_widths(model, batch) == [1, 9]


def test_nothing_of_it_stays_after_an_error() -> None:
    model = make_model("roberta")
    with pytest.raises(IndexError), last_block_at_first_position(model):
        model(input_ids=torch.tensor([[1000]]))
    assert "forward" not in vars(model.roberta.encoder.layer[-1])
