import pytest
import torch
from architectures import CONFIGS, tiny_batch, tiny_model
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification, RobertaConfig

from lit_idim.errors import UserError
from lit_idim.subspace import find_layout

M_AND_D = {
    "bert": (5, 7690),
    "roberta": (5, 7674),
    "albert": (3, 3162),
    "distilbert": (5, 7658),
    "electra": (5, 7082),
    "deberta_v2": (5, 7178),
    "mpnet": (5, 7722),
    "modernbert": (5, 7746),
    "xlnet": (5, 7802),
    "xlm": (5, 11346),
    "gpt2": (5, 11344),
    "gpt_neox": (5, 6744),
    "llama": (5, 7472),
    "bart": (7, 15674),
    "t5": (7, 13410),
}
each_architecture = pytest.mark.parametrize("name", CONFIGS)


@each_architecture
def test_m_and_D_of_each_architecture(name: str) -> None:
    layout = find_layout(tiny_model(name))
    assert (layout.m, layout.D) == M_AND_D[name]


@each_architecture
def test_counted_is_what_one_backward_pass_reaches(name: str) -> None:
    model = tiny_model(name)
    batch = tiny_batch(batch=1)
    batch["input_ids"][:, -1] = 2  # the end of a sequence, for BART
    if name == "xlnet":
        batch["token_type_ids"] = torch.zeros_like(batch["input_ids"])
    if name == "t5":
        batch["input_ids"][:, -1] = 1
    (model(**batch).logits * torch.tensor([1.0, -0.7])).sum().backward()
    reached = {parameter_name for parameter_name, parameter in model.named_parameters() if parameter.grad is not None}
    assert {parameter.name for parameter in find_layout(model).parameters} == reached


@each_architecture
def test_layers_partition_the_rows(name: str) -> None:
    model = tiny_model(name)
    layout = find_layout(model)
    row = 0
    for layer in layout.layers:
        assert layer.start == row
        for parameter in layer.parameters:
            assert parameter.start == row
            row = parameter.stop
            for alias in parameter.aliases:
                assert model.get_parameter(alias) is model.get_parameter(parameter.name)
        assert layer.stop == row
    assert row == layout.D
    assert layout.layers[0].name == "embeddings" and layout.layers[-1].name == "head"
    assert f"{layout.D:,}" in layout.table()


def test_roberta_large_is_the_paper_s() -> None:
    """AZG20: m = 26 for 24 blocks; 393 tensors. Counted on the meta device, without weights."""
    config = RobertaConfig(
        vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, hidden_size=1024, num_hidden_layers=24,
        num_attention_heads=16, intermediate_size=4096,
    )  # fmt: skip
    with torch.device("meta"):
        layout = find_layout(AutoModelForSequenceClassification.from_config(config, attn_implementation="eager"))
    assert (layout.m, layout.D, len(layout.parameters)) == (26, 355_361_794, 393)


def test_tied_tables_count_once_under_all_their_names() -> None:
    (table,) = find_layout(tiny_model("t5")).layers[0].parameters
    assert {"transformer.shared.weight", "transformer.encoder.embed_tokens.weight"} <= set(table.aliases)


def test_frozen_and_unused_parameters_do_not_count() -> None:
    model = tiny_model("xlnet")
    assert "transformer.mask_emb" not in {parameter.name for parameter in find_layout(model).parameters}
    before = find_layout(model).D
    model.transformer.word_embedding.weight.requires_grad_(False)
    assert before - model.transformer.word_embedding.weight.numel() == find_layout(model).D


def test_probe_leaves_the_model_as_it_was() -> None:
    model = tiny_model("roberta").train()
    model.roberta.pooler = None
    state = {key: value.clone() for key, value in model.state_dict().items()}
    find_layout(model)
    assert model.training and all(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("auto", [AutoModel, AutoModelForMaskedLM])
def test_a_model_without_classification_head_is_refused(auto: type) -> None:
    model = auto.from_config(CONFIGS["roberta"]())  # type: ignore[attr-defined]
    with pytest.raises(
        UserError, match="model must be a sequence classification model.*AutoModelForSequenceClassification"
    ):
        find_layout(model)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    model = tiny_model("bert")
    model.bert.encoder.layer[1].output.dense.bias.data[3] = value
    with pytest.raises(UserError, match=r"bert\.encoder\.layer\.1\.output\.dense\.bias holds NaN or infinity"):
        find_layout(model)
