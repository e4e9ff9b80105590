"""Options of a run, in every form in which fairseq writes them, and what they say about the model."""

import argparse

import pytest
import torch

from lit_idim.errors import UserError
from lit_idim.series.fairseq.architecture import make_config, read_architecture
from lit_idim.series.fairseq.options import read_num_updates, read_options
from lit_idim.series.fairseq.reading import read_checkpoint
from lit_idim.series.fairseq.records import plain, stand_in

from .plain_fairseq import options_of

OPTIONS = options_of(layers=3, hidden=8, ffn=12, heads=2, max_positions=6, dropout=0.2, attention_dropout=0)


def test_options_become_a_config():
    architecture = read_architecture(OPTIONS)
    config = make_config(architecture, vocab_size=40)
    assert config.vocab_size == 40
    assert (config.num_hidden_layers, config.hidden_size, config.intermediate_size) == (3, 8, 12)
    assert (config.num_attention_heads, config.max_position_embeddings, config.type_vocab_size) == (2, 8, 1)
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.2, 0.0)
    assert (config.layer_norm_eps, config.hidden_act) == (1e-5, "gelu")
    assert (config.bos_token_id, config.pad_token_id, config.eos_token_id) == (0, 1, 2)


@pytest.mark.parametrize(
    ("arch", "sizes"),
    [
        ("roberta", (12, 768, 3072, 12)),
        ("roberta_base", (12, 768, 3072, 12)),
        ("roberta_large", (24, 1024, 4096, 16)),
        ("xlm", (16, 1280, 5120, 16)),
    ],
)
def test_what_options_leave_out_is_as_fairseq_has_it(arch, sizes):
    found = read_architecture({"arch": arch, "tokens_per_sample": 512})
    assert (found.num_layers, found.hidden_size, found.ffn_size, found.num_heads) == sizes
    assert (found.max_positions, found.dropout, found.attention_dropout) == (512, 0.1, 0.1)
    assert read_architecture({"arch": arch, "tokens_per_sample": 128, "max_positions": 514}).max_positions == 514


def test_an_architecture_of_ones_own_has_to_say_its_sizes():
    assert read_architecture(OPTIONS | {"arch": "roberta_med_small"}).num_layers == 3
    with pytest.raises(UserError, match="option encoder_layers: expected a whole number from 1 to 1024, got None"):
        read_architecture({"arch": "roberta_med_small", "max_positions": 512})


@pytest.mark.parametrize(
    "arch", ["bart_base", "wav2vec2", "roberta_prenorm", "roberta_enc_dec", "linformer_roberta_base", "bert_base"]
)
def test_other_models_are_refused(arch):
    with pytest.raises(UserError, match=f"its architecture is '{arch}': expected fairseq's RoBERTa"):
        read_architecture(OPTIONS | {"arch": arch})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation_fn": "gelu_accurate"}, "activation_fn is 'gelu_accurate'.*activation_fn='gelu' only"),
        ({"untie_weights_roberta": True}, "untie_weights_roberta is True"),
        ({"no_scale_embedding": False}, "no_scale_embedding is False"),
        ({"encoder_learned_pos": False}, "encoder_learned_pos is False"),
        ({"quant_noise_pq": 0.1}, "quant_noise_pq is 0.1"),
        ({"quant_noise_scalar": 0.5}, "quant_noise_scalar is 0.5"),
        ({"encoder_layers": "3"}, "encoder_layers: expected a whole number from 1 to 1024, got '3'"),
        ({"encoder_layers": 0}, "encoder_layers: expected a whole number"),
        ({"max_positions": None}, "max_positions: expected a whole number"),
        ({"encoder_attention_heads": 3}, "encoder_embed_dim is 8: expected a multiple of encoder_attention_heads=3"),
        ({"dropout": 1.5}, "dropout: expected a probability below 1, got 1.5"),
        ({"attention_dropout": "x"}, "attention_dropout: expected a probability"),
    ],
)
def test_options_that_are_not_supported(changes, message):
    with pytest.raises(UserError, match=message):
        read_architecture(OPTIONS | changes)


def test_args_and_cfg():
    assert read_options({"args": OPTIONS, "cfg": None}) == OPTIONS
    cfg = {"model": {"_name": "roberta_base", "encoder_layers": 3}, "task": {"tokens_per_sample": 6}}
    found = read_options({"args": None, "cfg": cfg})
    assert (found["arch"], found["encoder_layers"], found["tokens_per_sample"]) == ("roberta_base", 3, 6)


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ({}, "no options of its run"),
        ({"args": None, "cfg": {"model": None}}, "no options of its run"),
        ({"args": {"encoder_layers": 3}}, "do not say the architecture"),
        ({"cfg": {"model": {"_name": 3}}}, "do not say the architecture"),
    ],
)
def test_options_that_are_missing(checkpoint, message):
    with pytest.raises(UserError, match=message):
        read_options(checkpoint)


@pytest.mark.parametrize("history", [None, [], [{}], [{"num_updates": "7"}], {}])
def test_no_history(history):
    assert read_num_updates({"optimizer_history": history}) is None


def record(name, state=None, arguments=()):
    made = stand_in(name)(*arguments)
    made.__setstate__(state)
    return made


def test_omegaconf_becomes_plain():
    # Leaves and containers refer to their parents.
    leaf = record("omegaconf.nodes.AnyNode", {"_val": 12})
    words = record("omegaconf.listconfig.ListConfig", {"_content": [record("omegaconf.nodes.AnyNode", {"_val": "a"})]})
    inner = record("omegaconf.dictconfig.DictConfig", {"_content": {"encoder_layers": leaf, "words": words}})
    outer = record("omegaconf.dictconfig.DictConfig", {"_content": {"model": inner}, "_parent": None})
    for part in (leaf, words, inner):
        part.state["_parent"] = outer
    assert plain(outer) == {"model": {"encoder_layers": 12, "words": ["a"]}}


def test_enumerations_and_what_is_not_understood():
    assert plain(record("fairseq.dataclass.constants.DDP_BACKEND_CHOICES", arguments=("c10d",))) == "c10d"
    assert plain(record("builtins.getattr", arguments=(record("typing.Any"), "legacy_ddp"))) == "legacy_ddp"
    unknown = record("numpy.core.multiarray.scalar", arguments=("f8", b"1"))
    assert plain([unknown, (1, 2)]) == [unknown, [1, 2]]


def test_circles_end():
    namespace = record("argparse.Namespace", {})
    namespace.state["itself"] = namespace
    found = plain(namespace)
    for _ in range(10):
        found = found["itself"]


def test_a_namespace_within_cfg(tmp_path):
    cfg = {"model": argparse.Namespace(**OPTIONS), "task": argparse.Namespace(_name="masked_lm", tokens_per_sample=6)}
    torch.save({"args": None, "cfg": cfg, "model": {}}, tmp_path / "checkpoint_1_10.pt")
    found = read_options(read_checkpoint(tmp_path / "checkpoint_1_10.pt"))
    assert found == OPTIONS | {"tokens_per_sample": 6}
