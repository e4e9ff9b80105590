from typing import Any

import pytest
import torch
import transformers
from architectures import BERT, CONFIGS, tiny_batch, tiny_model
from transformers import (
    AlbertConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    BigBirdConfig,
    EsmConfig,
    ReformerConfig,
    RobertaConfig,
)

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


@pytest.mark.skipif(transformers.__version__ < "5", reason="transformers 4 looks into masks, which meta tensors lack")
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


def layers_of(config: Any) -> dict[str, list[str]]:
    layout = find_layout(AutoModelForSequenceClassification.from_config(config))
    return {layer.name: [parameter.name for parameter in layer.parameters] for layer in layout.layers}


def test_distinct_blocks_of_one_albert_group_are_two_layers() -> None:
    config = AlbertConfig(**BERT, embedding_size=8, inner_group_num=2)
    assert len(layers_of(config)) == 4
    config = AlbertConfig(**{**BERT, "num_hidden_layers": 4}, embedding_size=8, num_hidden_groups=2)
    assert len(layers_of(config)) == 4


def test_a_norm_named_after_embeddings_but_run_last_belongs_to_the_head() -> None:
    config = EsmConfig(**BERT, pad_token_id=1, mask_token_id=4, emb_layer_norm_before=True, token_dropout=False)
    layers = layers_of(config)
    assert "esm.encoder.emb_layer_norm_after.weight" in layers["head"]
    assert "esm.embeddings.layer_norm.weight" in layers["embeddings"]


def test_the_norm_of_an_encoder_before_a_decoder_belongs_to_the_head() -> None:
    assert "transformer.encoder.final_layer_norm.weight" in layers_of(CONFIGS["t5"]())["head"]


def test_what_runs_between_blocks_belongs_to_the_block_before() -> None:
    config = CONFIGS["deberta_v2"]()
    config.conv_kernel_size, config.conv_act = 3, "gelu"
    layers = layers_of(config)
    assert "deberta.encoder.conv.conv.weight" in layers["deberta.encoder.0"]


def test_probing_does_not_change_a_model_that_switches_its_attention() -> None:
    config = BigBirdConfig(**BERT, attention_type="block_sparse")
    model = AutoModelForSequenceClassification.from_config(config)
    attention = model.bert.encoder.layer[0].attention.self
    find_layout(model)
    assert model.bert.attention_type == "block_sparse" and model.bert.encoder.layer[0].attention.self is attention


def test_blocks_without_a_graph_are_refused() -> None:
    config = ReformerConfig(
        vocab_size=50, hidden_size=16, attention_head_size=8, num_attention_heads=2, feed_forward_size=24,
        attn_layers=["local", "local"], local_attn_chunk_length=4, axial_pos_embds=False, max_position_embeddings=64,
        is_decoder=False, num_hidden_layers=2,
    )  # fmt: skip
    with pytest.raises(UserError, match="ReformerForSequenceClassification computes .* without an autograd graph"):
        find_layout(AutoModelForSequenceClassification.from_config(config))


def test_a_model_that_does_not_run_on_plain_tokens_is_refused_by_name() -> None:
    config = CONFIGS["bert"]()
    model = AutoModelForSequenceClassification.from_config(config)
    model.bert.embeddings.position_embeddings = torch.nn.Embedding(1, 16)
    with pytest.raises(UserError, match="BertForSequenceClassification does not run on .* tokens"):
        find_layout(model)
