"""Files of fairseq and fairseq2 that once gave a traceback, took forever, or were taken for what they are not."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lit_idim.errors import UserError
from lit_idim.series.fairseq.architecture import make_config, read_architecture
from lit_idim.series.fairseq.conversion import _convert
from lit_idim.series.fairseq.gpt2_bpe import read_bpe
from lit_idim.series.fairseq.options import read_options
from lit_idim.series.fairseq.reading import read_checkpoint
from lit_idim.series.fairseq.records import plain
from lit_idim.series.fairseq.state_dict import to_hugging_face
from lit_idim.series.fairseq2.architecture import RobertaArchitecture
from lit_idim.series.fairseq2.architecture import read_architecture as read_fairseq2

from .plain_fairseq import draw_state, options_of

SIZE = {"layers": 1, "hidden": 8, "ffn": 12, "max_positions": 10}


def doubled(depth: int) -> Any:
    value: Any = ["x"]
    for _ in range(depth):
        value = [value, value]
    return value


def test_lists_that_share_their_parts_are_unfolded_once(tmp_path: Path) -> None:
    made = plain(doubled(30))
    assert made[0] is made[1]
    torch.save({"args": argparse.Namespace(arch="roberta", encoder_layers=doubled(60)), "model": {}}, tmp_path / "a.pt")
    with pytest.raises(UserError, match="encoder_layers: expected a whole number"):
        read_architecture(read_options(read_checkpoint(tmp_path / "a.pt")))


@pytest.mark.parametrize("name", ["encoder_layers", "encoder_embed_dim", "max_positions"])
def test_sizes_without_end(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}: expected a whole number from 1 to"):
        read_architecture(options_of(**SIZE, heads=2) | {name: 10**12})


def converted(state: dict[str, Any]) -> Any:
    return _convert(state, make_config(read_architecture(options_of(**SIZE, heads=2)), vocab_size=16))


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_weights_that_are_no_floats(dtype: torch.dtype) -> None:
    state = draw_state(**SIZE, vocab=16, generation=2021)
    assert converted(state)
    name = "encoder.sentence_encoder.layers.0.fc1.weight"
    with pytest.raises(UserError, match=f"{name} holds {dtype}: expected weights in floating point"):
        converted(state | {name: state[name].to(dtype)})


def test_an_embedding_that_is_no_table() -> None:
    with pytest.raises(UserError, match="its embedding has shape"):
        to_hugging_face({"encoder.sentence_encoder.embed_tokens.weight": torch.ones(3)})


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        ("encoder.sentence_encoder.layernorm_embedding.weight", "encoder.sentence_encoder.emb_layer_norm.weight"),
        ("encoder.sentence_encoder.layernorm_embedding.bias", "decoder.sentence_encoder.emb_layer_norm.bias"),
        ("encoder.lm_head.bias", "decoder.lm_head.bias"),
    ],
)
def test_two_generations_of_one_tensor(ours: str, other: str) -> None:
    state = draw_state(**SIZE, vocab=16, generation=2021)
    with pytest.raises(UserError, match=f"twice, as {ours} and as {other}"):
        to_hugging_face(state | {other: state[ours] + 1})


def test_projections_that_are_there_together_and_apart() -> None:
    state = draw_state(**SIZE, vocab=16, generation=2021)
    layer = "encoder.sentence_encoder.layers.0.self_attn"
    with pytest.raises(UserError, match=f"{layer}.q_proj.weight twice"):
        to_hugging_face(state | {f"{layer}.in_proj_weight": torch.ones(24, 8)})


def test_deep_encodings(tmp_path: Path) -> None:
    (tmp_path / "encoder.json").write_text('{"a": ' * 50_000)
    (tmp_path / "vocab.bpe").write_text("#version\na b\n")
    with pytest.raises(UserError, match="encoder.json is damaged"):
        read_bpe(tmp_path)


class Advised:
    def __reduce__(self) -> Any:
        return torch.nn.Linear, (2, 2)


def test_pytorchs_advice_is_left_out(tmp_path: Path) -> None:
    torch.save({"model": {"a": Advised()}}, tmp_path / "checkpoint_1_10.pt")
    with pytest.raises(UserError) as caught:
        read_checkpoint(tmp_path / "checkpoint_1_10.pt")
    message = str(caught.value)
    assert "torch.nn.modules.linear.Linear" in message
    assert "\x1b" not in message and "Weights only load failed" not in message and "arbitrary code" not in message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("dropout_p", 1.5, "a probability below 1"),
        ("dropout_p", float("nan"), "a probability below 1"),
        ("dropout_p", True, "a probability below 1"),
        ("pad_idx", 50265, "from 0 to 50264"),
        ("bos_idx", -1, "from 0 to 50264"),
        ("eos_idx", 10**12, "from 0 to 50264"),
        ("num_layers", 0, "from 1 to 1024"),
        ("num_layers", 10**12, "from 1 to 1024"),
        ("model_dim", 0, "from 1 to"),
        ("vocab_size", "x", "from 1 to"),
        ("num_attn_heads", 0, "from 1 to"),
    ],
)
def test_a_model_of_fairseq2_that_is_none(tmp_path: Path, name: str, value: object, message: str) -> None:
    document = {"model_family": "roberta", "model_config": asdict(RobertaArchitecture()) | {name: value}}
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(UserError, match=f"model_config.{name}: expected .*{message}"):
        read_fairseq2(tmp_path / "model.yaml")
