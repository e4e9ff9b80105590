"""The shape of a fairseq RoBERTa, read from the options of its run."""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lit_idim.errors import UserError
from lit_idim.series.fairseq.dictionary import FIRST_TOKENS

if TYPE_CHECKING:
    from transformers import RobertaConfig

_SIZES = ("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_attention_heads")
# What an architecture sets where the options do not: fairseq/models/roberta/model.py.
_SIZES_OF = {
    "roberta": (12, 768, 3072, 12),
    "roberta_base": (12, 768, 3072, 12),
    "roberta_large": (24, 1024, 4096, 16),
    "xlm": (16, 1280, 5120, 16),
}
# Of other models, though they are named alike.
_OTHER_MODELS = ("roberta_prenorm", "roberta_enc_dec")
# Options that change what the model computes to something that transformers' RoBERTa does not: the value needed.
# Not encoder_normalize_before: up to 2020 RoBERTa ignored it, and since then it shows in tensors of its own.
_NEEDED: dict[str, Any] = {
    "activation_fn": "gelu",
    "untie_weights_roberta": False,
    "layernorm_embedding": True,
    "no_scale_embedding": True,
    "encoder_learned_pos": True,
    "no_token_positional_embeddings": False,
    "adaptive_input": False,
    "quant_noise_pq": 0,
    "quant_noise_scalar": 0,
}
LAYER_NORM_EPS = 1e-5
# Beyond any RoBERTa; a damaged size would otherwise build a model without end.
_MOST_LAYERS = 1024
_LARGEST_SIZE = 2**24
_PADDING_ROW = FIRST_TOKENS.index("<pad>")


@dataclass(frozen=True, kw_only=True)
class FairseqRoberta:
    """What tells one RoBERTa of fairseq from another.

    Attributes:
        num_layers: blocks.
        hidden_size: width of the residual stream.
        ffn_size: width between the two layers of a feed-forward block.
        num_heads: of attention.
        max_positions: longest input in tokens.
        dropout: of embeddings and of the outputs of blocks.
        attention_dropout: of attention weights.
    """

    num_layers: int
    hidden_size: int
    ffn_size: int
    num_heads: int
    max_positions: int
    dropout: float
    attention_dropout: float


def read_architecture(options: Mapping[str, Any]) -> FairseqRoberta:
    """The architecture that the options of a run tell; what they leave out is as fairseq has it for that name.

    Dropout after the activation, dropped layers and the head for tasks belong to the run and not to the model that it
    yields: they are not looked at.

    Args:
        options: as `read_options` returns them.

    Raises:
        UserError: if the model is no RoBERTa, or one that transformers' `RobertaForMaskedLM` does not compute.

    Example:
        >>> read_architecture({"arch": "roberta_base", "tokens_per_sample": 512}).ffn_size
        3072
    """
    arch = options["arch"]
    if arch in _OTHER_MODELS or not (arch in _SIZES_OF or re.fullmatch(r"roberta_\w+", arch)):
        raise UserError(
            f"its architecture is {arch!r}: expected fairseq's RoBERTa ({', '.join(_SIZES_OF)}, or one of your own "
            "named roberta_*)"
        )
    for name, needed in _NEEDED.items():
        found = options.get(name, needed)
        if found != needed:
            raise UserError(
                f"its option {name} is {reprlib.repr(found)}: transformers' RobertaForMaskedLM computes "
                f"{name}={needed!r} only, so that this model is not supported"
            )
    defaults = dict(zip(_SIZES, _SIZES_OF.get(arch, (None,) * len(_SIZES)), strict=True))
    num_layers, hidden_size, ffn_size, num_heads = (_count(options, name, defaults[name]) for name in _SIZES)
    if hidden_size % num_heads:
        raise UserError(
            f"its option encoder_embed_dim is {hidden_size}: expected a multiple of encoder_attention_heads={num_heads}"
        )
    return FairseqRoberta(
        num_layers=num_layers,
        hidden_size=hidden_size,
        ffn_size=ffn_size,
        num_heads=num_heads,
        max_positions=_count(options, "max_positions", options.get("tokens_per_sample")),
        dropout=_probability(options, "dropout"),
        attention_dropout=_probability(options, "attention_dropout"),
    )


def make_config(architecture: FairseqRoberta, *, vocab_size: int) -> "RobertaConfig":
    """The same in transformers' words.

    Positions are counted from the row after that of padding on, so that the table has 2 rows more than there are
    positions: 514 for 512.

    Args:
        architecture: of the model.
        vocab_size: tokens of its dictionary, the special ones included.
    """
    from transformers import RobertaConfig

    return RobertaConfig(
        vocab_size=vocab_size,
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.num_layers,
        num_attention_heads=architecture.num_heads,
        intermediate_size=architecture.ffn_size,
        hidden_act="gelu",
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=architecture.attention_dropout,
        max_position_embeddings=architecture.max_positions + _PADDING_ROW + 1,
        type_vocab_size=1,
        layer_norm_eps=LAYER_NORM_EPS,
        bos_token_id=FIRST_TOKENS.index("<s>"),
        pad_token_id=_PADDING_ROW,
        eos_token_id=FIRST_TOKENS.index("</s>"),
        architectures=["RobertaForMaskedLM"],
    )


def _count(options: Mapping[str, Any], name: str, default: Any) -> int:
    value = options.get(name)
    value = default if value is None else value
    most = _MOST_LAYERS if name == "encoder_layers" else _LARGEST_SIZE
    if type(value) is not int or not 1 <= value <= most:
        raise UserError(f"its option {name}: expected a whole number from 1 to {most}, got {reprlib.repr(value)}")
    return value


def _probability(options: Mapping[str, Any], name: str, default: float = 0.1) -> float:
    value = options.get(name, default)
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise UserError(f"its option {name}: expected a probability below 1, got {reprlib.repr(value)}")
    return float(value)
