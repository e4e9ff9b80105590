"""Conversion of names: bit for bit there and back, and nothing is passed over in silence."""

import pytest
import torch

from lit_idim.errors import UserError
from lit_idim.series.fairseq.state_dict import to_fairseq, to_hugging_face

from .plain_fairseq import draw_state

SIZE = {"layers": 3, "hidden": 8, "ffn": 12, "vocab": 20, "max_positions": 6}
GENERATIONS = [2019, 2020, 2021]
NORM = "encoder.sentence_encoder.layer_norm.weight"


def is_same(first, second):
    bits = {name: (tensor.dtype, tensor.shape, tensor.numpy().tobytes()) for name, tensor in first.items()}
    return bits == {name: (tensor.dtype, tensor.shape, tensor.numpy().tobytes()) for name, tensor in second.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_there_and_back(dtype):
    state = {name: tensor.to(dtype) for name, tensor in draw_state(**SIZE, generation=2021).items()}
    there = to_hugging_face(state)
    assert {tensor.dtype for tensor in there.values()} == {dtype}
    del state["encoder.sentence_encoder.version"]
    assert is_same(to_fairseq(there), state)
    assert is_same(to_hugging_face(to_fairseq(there)), there)


@pytest.mark.parametrize("generation", [2019, 2020])
def test_older_names_are_brought_to_the_latest(generation):
    old = draw_state(**SIZE, generation=generation)
    back = to_fairseq(to_hugging_face(old))
    latest = draw_state(**SIZE, generation=2021)
    assert set(back) == set(latest) - {"encoder.sentence_encoder.version"}
    side = "decoder" if generation == 2019 else "encoder"
    for name in set(back) & set(old):
        assert torch.equal(back[name], old[name])
    norm = old[f"{side}.sentence_encoder.emb_layer_norm.weight"]
    assert torch.equal(back["encoder.sentence_encoder.layernorm_embedding.weight"], norm)


def test_fused_projections_are_stacked_as_queries_keys_values():
    state = draw_state(**SIZE, generation=2019)
    layer = "decoder.sentence_encoder.layers.2.self_attn"
    state[f"{layer}.in_proj_bias"] = torch.arange(24.0)
    there = to_hugging_face(state)
    for position, name in enumerate(("query", "key", "value")):
        bias = there[f"roberta.encoder.layer.2.attention.self.{name}.bias"]
        assert bias.tolist() == list(range(8 * position, 8 * position + 8))
        rows = state[f"{layer}.in_proj_weight"][8 * position : 8 * position + 8]
        assert torch.equal(there[f"roberta.encoder.layer.2.attention.self.{name}.weight"], rows)


def test_layers_keep_their_numbers():
    state = draw_state(**SIZE | {"layers": 12}, generation=2021)
    there = to_hugging_face(state)
    for number in range(12):
        theirs = state[f"encoder.sentence_encoder.layers.{number}.fc1.bias"]
        assert torch.equal(there[f"roberta.encoder.layer.{number}.intermediate.dense.bias"], theirs)


def test_heads_of_tasks_are_left_out():
    state = draw_state(**SIZE, generation=2021)
    heads = {f"classification_heads.mnli.{name}": torch.ones(3, 8) for name in ("dense.weight", "out_proj.weight")}
    assert is_same(to_hugging_face(state | heads), to_hugging_face(state))


def test_nan_is_carried_over():
    state = draw_state(**SIZE, generation=2021)
    state["encoder.sentence_encoder.embed_tokens.weight"][4, 4] = torch.nan
    assert to_hugging_face(state)["roberta.embeddings.word_embeddings.weight"].isnan().sum() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder.lm_head.weight": torch.ones(20, 8)}, "lm_head.weight differs.*--untie-weights-roberta"),
        ({NORM: torch.ones(8)}, f"no place for: {NORM}; pass a checkpoint of a RoBERTa with layer norms after"),
        ({f"x{number}": torch.ones(1) for number in range(5)}, "no place for: x0, x1, x2 and 2 more"),
        ({"encoder.sentence_encoder.embed_tokens.weight": None}, "it has no encoder.sentence_encoder.embed_tokens"),
        (
            {"encoder.sentence_encoder.layers.0.self_attn.in_proj_bias": torch.ones(25)},
            r"in_proj_bias: expected three projections of equal size in one tensor, got \(25,\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    state = draw_state(**SIZE, generation=2021) | changes
    with pytest.raises(UserError, match=message):
        to_hugging_face({name: tensor for name, tensor in state.items() if tensor is not None})


@pytest.mark.parametrize("types", [torch.ones(1, 8), torch.zeros(2, 8)])
def test_fairseq_has_no_token_types(types):
    there = to_hugging_face(draw_state(**SIZE, generation=2021))
    there["roberta.embeddings.token_type_embeddings.weight"] = types
    with pytest.raises(UserError, match="token_type_embeddings.weight: expected one row of zeros"):
        to_fairseq(there)


def test_fairseq_has_no_pooler():
    there = to_hugging_face(draw_state(**SIZE, generation=2021))
    with pytest.raises(UserError, match="fairseq's RobertaModel has no place for: roberta.pooler.dense.weight"):
        to_fairseq(there | {"roberta.pooler.dense.weight": torch.ones(8, 8)})
