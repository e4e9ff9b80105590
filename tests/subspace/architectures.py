"""Tiny models with random weights, one for each family whose layers or tied weights are a case of their own."""

from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    BartConfig,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    ModernBertConfig,
    MPNetConfig,
    RobertaConfig,
    T5Config,
    XLMConfig,
    XLNetConfig,
)

from lit_idim.subspace import Subspace

WIDE: dict[str, Any] = {"vocab_size": 50, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
BERT: dict[str, Any] = {**WIDE, "num_hidden_layers": 3, "max_position_embeddings": 40}

CONFIGS: dict[str, Callable[[], Any]] = {
    "bert": lambda: BertConfig(**BERT),
    "roberta": lambda: RobertaConfig(**BERT, type_vocab_size=1),
    "albert": lambda: AlbertConfig(**BERT, embedding_size=8),
    "distilbert": lambda: DistilBertConfig(
        vocab_size=50, dim=16, n_heads=2, hidden_dim=24, n_layers=3, max_position_embeddings=40
    ),
    "electra": lambda: ElectraConfig(**BERT, embedding_size=8),
    "deberta_v2": lambda: DebertaV2Config(
        **BERT, relative_attention=True, max_relative_positions=8, pos_att_type=["c2p", "p2c"],
        norm_rel_ebd="layer_norm", position_buckets=4, position_biased_input=False, share_att_key=True,
        pooler_hidden_size=16,
    ),
    "mpnet": lambda: MPNetConfig(**BERT),
    "modernbert": lambda: ModernBertConfig(
        **WIDE, num_hidden_layers=3, max_position_embeddings=40, pad_token_id=0, cls_token_id=1, sep_token_id=2,
        bos_token_id=1, eos_token_id=2,
    ),
    "xlnet": lambda: XLNetConfig(vocab_size=50, d_model=16, n_layer=3, n_head=2, d_inner=24),
    "xlm": lambda: XLMConfig(vocab_size=50, emb_dim=16, n_layers=3, n_heads=2, max_position_embeddings=40),
    "gpt2": lambda: GPT2Config(
        vocab_size=50, n_embd=16, n_layer=3, n_head=2, n_positions=40, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    ),
    "gpt_neox": lambda: GPTNeoXConfig(**BERT, pad_token_id=0, bos_token_id=1, eos_token_id=2),
    "llama": lambda: LlamaConfig(**BERT, num_key_value_heads=2, pad_token_id=0),
    "bart": lambda: BartConfig(
        vocab_size=50, d_model=16, encoder_layers=2, decoder_layers=3, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=40,
    ),
    "t5": lambda: T5Config(
        vocab_size=50, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_decoder_layers=3, num_heads=2,
        decoder_start_token_id=0, relative_attention_num_buckets=8,
    ),
}  # fmt: skip


def tiny_model(name: str, *, num_labels: int = 2, seed: int = 0) -> Any:
    """The family's tiny model in evaluation mode, with weights large enough that every parameter moves the logits."""
    config = CONFIGS[name]()
    config.num_labels = num_labels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForSequenceClassification.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def tiny_batch(*, batch: int = 3, length: int = 7, seed: int = 0) -> dict[str, torch.Tensor]:
    """Token ids 3 ... 49 that end in the id 2, full attention, and labels of two classes."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, 50, (batch, length), generator=generator)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def batch_for(name: str) -> dict[str, torch.Tensor]:
    batch = tiny_batch(batch=1 if name in ("gpt2", "gpt_neox", "llama", "xlnet") else 3)
    batch["input_ids"][:, -1] = {"bart": 2, "t5": 1}.get(name, 5)
    return batch


def moved(subspace: Subspace, seed: int = 1) -> Subspace:
    """The subspace at coordinates and scales away from their start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        subspace.theta_d.copy_(torch.randn(subspace.theta_d.shape, generator=generator))
        if subspace.lambdas is not None:
            subspace.lambdas.copy_(1 + 0.5 * torch.randn(subspace.lambdas.shape, generator=generator))
    return subspace
