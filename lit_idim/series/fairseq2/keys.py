"""Names and shapes of a RoBERTa's tensors in fairseq2, and their names in transformers.

Shapes: H model_dim, F ffn_inner_dim, V vocab_size, S num_positions.
"""

from lit_idim.series.fairseq2.architecture import RobertaArchitecture

EMBEDDING = "encoder_frontend.embed.weight"
# The same tensor once more: the head is tied to the embedding.
TIED_EMBEDDING = "lm_head.final_proj.weight"
TOKEN_TYPES = "roberta.embeddings.token_type_embeddings.weight"

_OUTSIDE_BLOCKS = {
    EMBEDDING: "roberta.embeddings.word_embeddings.weight",
    "encoder_frontend.pos_encoder.weight": "roberta.embeddings.position_embeddings.weight",
    "encoder_frontend.layer_norm": "roberta.embeddings.LayerNorm",
    "lm_head.dense": "lm_head.dense",
    "lm_head.layer_norm": "lm_head.layer_norm",
    "lm_head.final_proj.bias": "lm_head.bias",
}
_IN_BLOCK = {
    "self_attn.q_proj": "attention.self.query",
    "self_attn.k_proj": "attention.self.key",
    "self_attn.v_proj": "attention.self.value",
    "self_attn.output_proj": "attention.output.dense",
    "self_attn_layer_norm": "attention.output.LayerNorm",
    "ffn.inner_proj": "intermediate.dense",
    "ffn.output_proj": "output.dense",
    "ffn_layer_norm": "output.LayerNorm",
}


def hugging_face_names(architecture: RobertaArchitecture) -> dict[str, str]:
    """The name in `RobertaForMaskedLM` of every tensor of fairseq2's model, the tied one left out.

    Example:
        >>> hugging_face_names(RobertaArchitecture(num_layers=1))["encoder.layers.0.ffn.inner_proj.bias"]
        'roberta.encoder.layer.0.intermediate.dense.bias'
    """
    modules = dict(_OUTSIDE_BLOCKS)
    for layer in range(architecture.num_layers):
        modules |= {
            f"encoder.layers.{layer}.{ours}": f"roberta.encoder.layer.{layer}.{theirs}"
            for ours, theirs in _IN_BLOCK.items()
        }
    names = {}
    for ours, theirs in modules.items():
        if ours.endswith((".weight", ".bias")):
            names[ours] = theirs
        else:
            names |= {f"{ours}.{part}": f"{theirs}.{part}" for part in ("weight", "bias")}
    return names


def tensor_shapes(architecture: RobertaArchitecture) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of fairseq2's model, the tied one included.

    Example:
        >>> tensor_shapes(RobertaArchitecture(num_layers=1))["encoder.layers.0.ffn.inner_proj.weight"]
        (3072, 768)
    """
    wide, inner = architecture.model_dim, architecture.ffn_inner_dim
    shapes: dict[str, tuple[int, ...]] = {TIED_EMBEDDING: (architecture.vocab_size, wide)}
    for name in hugging_face_names(architecture):
        rows = inner if ".ffn.inner_proj." in name else wide
        columns = inner if ".ffn.output_proj." in name else wide
        is_matrix = name.endswith(("proj.weight", "dense.weight"))
        shapes[name] = (rows, columns) if is_matrix else (rows,)
    shapes[EMBEDDING] = (architecture.vocab_size, wide)
    shapes["encoder_frontend.pos_encoder.weight"] = (architecture.num_positions, wide)
    shapes["lm_head.final_proj.bias"] = (architecture.vocab_size,)
    return shapes
