"""RoBERTa out of fairseq2's own modules.

Shapes: B sequences of T tokens, H model_dim, V vocab_size, K chosen places.
"""

from typing import Any

import torch
from fairseq2.models.transformer import TransformerEncoder, TransformerFrontend
from fairseq2.nn import (
    BatchLayout,
    Embedding,
    LayerNorm,
    Linear,
    PositionEncoder,
    Projection,
    StandardEmbedding,
)
from torch import Tensor
from torch.nn import Dropout, Module
from torch.nn.functional import embedding, gelu
from torch.nn.parameter import Parameter


class OffsetPositionEncoder(PositionEncoder):
    """Learned positions, the first of them in row `pad_idx + 1` as in fairseq.

    fairseq2's own `LearnedPositionEncoder` has no rows before it, which checkpoints of fairseq and transformers hold.

    Args:
        table: of positions, shape (max_seq_len + pad_idx + 1, H).
        pad_idx: row of padding.
    """

    def __init__(self, table: StandardEmbedding, pad_idx: int) -> None:
        super().__init__(table.embed_dim)
        self.weight: Parameter = table.weight
        self.pad_idx = pad_idx

    def reset_parameters(self) -> None:
        """Draws the table anew, as fairseq2 asks of modules that were made without memory."""
        draw_table(self)

    def forward(self, seqs: Tensor, seqs_layout: BatchLayout, *, state_bag: Any = None) -> Tensor:
        rows = seqs_layout.position_indices + self.pad_idx + 1  # padding has position -1
        return seqs + embedding(rows, self.weight, padding_idx=self.pad_idx)


def draw_table(table: Any) -> None:
    """N(0, 0.02^2), the row of padding zero (fairseq's `init_bert_params`)."""
    torch.nn.init.normal_(table.weight, std=0.02)
    with torch.no_grad():
        table.weight[table.pad_idx].zero_()


def draw_linear(linear: Any) -> None:
    """N(0, 0.02^2), the bias zero (fairseq's `init_bert_params`)."""
    torch.nn.init.normal_(linear.weight, std=0.02)
    if linear.bias is not None:
        torch.nn.init.zeros_(linear.bias)


class RobertaFrontend(TransformerFrontend):
    """Embeddings, positions, their norm and dropout.

    Args:
        embed: of tokens.
        pos_encoder: of positions.
        layer_norm: of their sum.
        dropout_p: after it.
    """

    def __init__(
        self, embed: Embedding, pos_encoder: PositionEncoder, layer_norm: LayerNorm, *, dropout_p: float
    ) -> None:
        super().__init__()
        self.embed = embed
        self.pos_encoder = pos_encoder
        self.layer_norm = layer_norm
        self.dropout = Dropout(dropout_p)

    def forward(self, seqs: Tensor, seqs_layout: BatchLayout, *, state_bag: Any = None) -> tuple[Tensor, BatchLayout]:
        hidden = self.pos_encoder(self.embed(seqs), seqs_layout)
        return self.dropout(self.layer_norm(hidden)), seqs_layout


class RobertaHead(Module):
    """The head of masked language modelling: dense, GELU, norm, and a projection tied to the embedding."""

    def __init__(self, dense: Linear, layer_norm: LayerNorm, final_proj: Projection) -> None:
        super().__init__()
        self.dense = dense
        self.layer_norm = layer_norm
        self.final_proj = final_proj

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., H) -> (..., V)."""
        logits: Tensor = self.final_proj(self.layer_norm(gelu(self.dense(hidden))))
        return logits


class RobertaModel(Module):
    """A RoBERTa with its head of masked language modelling (Liu et al. 2019)."""

    def __init__(
        self, encoder_frontend: TransformerFrontend, encoder: TransformerEncoder, lm_head: RobertaHead
    ) -> None:
        super().__init__()
        self.encoder_frontend = encoder_frontend
        self.encoder = encoder
        self.lm_head = lm_head

    def forward(self, seqs: Tensor, seqs_layout: BatchLayout, positions: Tensor | None = None) -> Tensor:
        """Logits.

        Args:
            seqs: token ids, shape (B, T).
            seqs_layout: lengths of the sequences.
            positions: places in the flattened ids, shape (K,); None for all.

        Returns:
            Shape (K, V), or (B, T, V) without `positions`.
        """
        hidden, seqs_layout = self.encoder_frontend(seqs, seqs_layout)
        hidden = self.encoder(hidden, seqs_layout)
        logits: Tensor = self.lm_head(hidden if positions is None else hidden.flatten(0, 1)[positions])
        return logits
