"""The names of fairseq2's architectures beside the pretraining configs; runs without fairseq2."""

from pathlib import Path

import pytest
import yaml

from lit_idim.data.tokenizer import load_tokenizer
from lit_idim.fairseq2_extension.architectures import ARCHITECTURES, TOY_VOCAB_SIZE

CONFIGS = sorted(Path("configs/pretrain").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_architectures_are_those_of_the_pretraining_configs(path):
    config = yaml.safe_load(path.read_text())
    architecture, shape = ARCHITECTURES[path.stem], config["encoder"]
    assert architecture.model_dim == shape["hidden_size"]
    assert architecture.num_layers == shape["num_layers"]
    assert architecture.num_attn_heads == shape["num_heads"]
    assert architecture.max_seq_len == config["sequence_length"]
    assert architecture.dropout_p == shape["dropout"]
    assert architecture.vocab_size == config.get("vocab_size", len(load_tokenizer("toy")))
    assert len(load_tokenizer("toy")) == TOY_VOCAB_SIZE


def test_every_name_stands_for_a_config_or_for_roberta_large():
    assert set(ARCHITECTURES) == {path.stem for path in CONFIGS} | {"large"}
