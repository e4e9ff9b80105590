"""An untrained encoder that trains within a second."""

from pathlib import Path

import torch
from transformers import RobertaConfig, RobertaModel

from lit_idim.toy import build_toy_tokenizer


def write_tiny_encoder(folder: Path, *, width: int = 32, inner: int = 64, layers: int = 1, dropout: float = 0.1) -> str:
    """Writes an encoder without a head, the same one each time, and the toy tokenizer; returns the folder."""
    tokenizer = build_toy_tokenizer()
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=layers, num_attention_heads=2,
        intermediate_size=inner, max_position_embeddings=34, type_vocab_size=1, initializer_range=0.2,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
