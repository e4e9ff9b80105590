"""A RoBERTa from its architecture."""

import torch
from fairseq2.models.transformer import (
    StandardFeedForwardNetwork,
    StandardMultiheadAttention,
    StandardTransformerEncoder,
    StandardTransformerEncoderLayer,
    TransformerNormOrder,
    create_default_sdpa,
)
from fairseq2.models.transformer.attention_bias import IdentityBias
from fairseq2.nn import Linear, StandardEmbedding, StandardLayerNorm, TiedProjection
from torch.nn import GELU
from torch.nn.parameter import Parameter

from lit_idim.fairseq2_extension.model import (
    OffsetPositionEncoder,
    RobertaFrontend,
    RobertaHead,
    RobertaModel,
    draw_linear,
    draw_table,
)
from lit_idim.series.fairseq2.architecture import LAYER_NORM_EPSILON, RobertaArchitecture


def create_roberta(architecture: RobertaArchitecture) -> RobertaModel:
    """The untrained model of an architecture, as fairseq draws it.

    Args:
        architecture: sizes and dropout.
    """
    width, pad = architecture.model_dim, architecture.pad_idx
    embed = StandardEmbedding(architecture.vocab_size, width, pad, init_fn=draw_table)
    table = StandardEmbedding(architecture.num_positions, width, pad, init_fn=draw_table)
    frontend = RobertaFrontend(embed, OffsetPositionEncoder(table, pad), _norm(width), dropout_p=architecture.dropout_p)
    encoder = StandardTransformerEncoder([_layer(architecture) for _ in range(architecture.num_layers)])
    bias = Parameter(torch.zeros(architecture.vocab_size))
    head = RobertaHead(
        Linear(width, width, bias=True, init_fn=draw_linear), _norm(width), TiedProjection(embed.weight, bias)
    )
    return RobertaModel(frontend, encoder, head)


def _layer(architecture: RobertaArchitecture) -> StandardTransformerEncoderLayer:
    width = architecture.model_dim
    attention = StandardMultiheadAttention(
        width,
        architecture.num_attn_heads,
        create_default_sdpa(IdentityBias(), dropout_p=architecture.dropout_p),
        qkv_proj_init_fn=draw_linear,
        output_proj_init_fn=draw_linear,
    )
    network = StandardFeedForwardNetwork(
        width, architecture.ffn_inner_dim, bias=True, inner_activation=GELU(), proj_init_fn=draw_linear
    )
    return StandardTransformerEncoderLayer(
        attention,
        _norm(width),
        network,
        _norm(width),
        norm_order=TransformerNormOrder.POST,
        dropout_p=architecture.dropout_p,
    )


def _norm(width: int) -> StandardLayerNorm:
    return StandardLayerNorm(width, bias=True, eps=LAYER_NORM_EPSILON)
