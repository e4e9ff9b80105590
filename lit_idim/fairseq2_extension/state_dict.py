"""State dicts of fairseq v1 and fairseq2 and what they become."""

import re
from typing import Any, cast

from fairseq2.models.hg import HuggingFaceConfig, HuggingFaceConverter
from fairseq2.models.utils.checkpoint import convert_fairseq_state_dict
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.series.fairseq2.architecture import RobertaArchitecture
from lit_idim.series.fairseq2.conversion import to_hugging_face
from lit_idim.series.fairseq2.keys import EMBEDDING, TIED_EMBEDDING
from lit_idim.series.same_bits import same_bits

# Releases of fairseq differ in the names of the stack, of the norm of the embeddings and of the projections.
_STACK = r"^(?:en|de)coder\.sentence_encoder\."
_FAIRSEQ_KEYS = {
    _STACK + r"embed_tokens\.": "encoder_frontend.embed.",
    _STACK + r"embed_positions\.": "encoder_frontend.pos_encoder.",
    _STACK + r"(?:emb_layer_norm|layernorm_embedding)\.": "encoder_frontend.layer_norm.",
    _STACK + r"layers\.([0-9]+)\.self_attn\.out_proj\.": r"encoder.layers.\1.self_attn.output_proj.",
    _STACK + r"layers\.([0-9]+)\.fc1\.": r"encoder.layers.\1.ffn.inner_proj.",
    _STACK + r"layers\.([0-9]+)\.fc2\.": r"encoder.layers.\1.ffn.output_proj.",
    _STACK + r"layers\.([0-9]+)\.final_layer_norm\.": r"encoder.layers.\1.ffn_layer_norm.",
    _STACK + r"layers\.([0-9]+)\.": r"encoder.layers.\1.",
    r"^(?:en|de)coder\.lm_head\.(weight|bias)$": r"lm_head.final_proj.\1",
    r"^(?:en|de)coder\.lm_head\.": "lm_head.",
}
_IN_PROJECTION = re.compile(r"(.+\.self_attn\.)in_proj_(weight|bias)")
# Of a fine-tuned model, or a version number.
_LEFT_OUT = re.compile(r"classification_heads\.|(en|de)coder\.(sentence_encoder\.)?version$")


def convert_roberta_state_dict(state_dict: dict[str, object], config: RobertaArchitecture) -> dict[str, object]:
    """A state dict of fairseq v1's RoBERTa, or one of this family, as one of this family.

    Args:
        state_dict: as loaded; `{"model": ...}` is looked into.
        config: architecture of the model (the name is fairseq2's).

    Returns:
        No tensor is changed; those of several projections in one are views of it.

    Raises:
        UserError: if fairseq's embedding is missing, or the head is not tied to it.
    """
    inside = state_dict.get("model")
    if isinstance(inside, dict):
        state_dict = inside
    if not any(re.match(_STACK, key) for key in state_dict):
        return state_dict
    split: dict[str, Any] = {}
    for key, value in state_dict.items():
        match = _IN_PROJECTION.fullmatch(key)
        if match:
            parts = cast(Tensor, value).chunk(3)
            split |= {f"{match[1]}{part}_proj.{match[2]}": parts[i] for i, part in enumerate("qkv")}
        elif not _LEFT_OUT.match(key):
            split[key] = value
    converted = convert_fairseq_state_dict(split, _FAIRSEQ_KEYS)
    embedding = converted.get(EMBEDDING)
    if not isinstance(embedding, Tensor):
        raise UserError("its embedding embed_tokens.weight is missing: the file is damaged, or no RoBERTa of fairseq")
    head = converted.setdefault(TIED_EMBEDDING, embedding)
    if not isinstance(head, Tensor) or not same_bits(head, embedding):
        raise UserError("its head is not tied to its embedding (--untie-weights-roberta), which is not supported")
    return dict(converted)


class RobertaHuggingFaceConverter(HuggingFaceConverter):
    """What `python -m fairseq2.models.utils.hg_export` asks of a model family."""

    def to_hg_config(self, config: object) -> HuggingFaceConfig:
        return HuggingFaceConfig(
            _checked(config).to_hugging_face(), kls_name="RobertaConfig", arch="RobertaForMaskedLM"
        )

    def to_hg_state_dict(self, state_dict: dict[str, object], config: object) -> dict[str, object]:
        tensors = {key: value for key, value in state_dict.items() if isinstance(value, Tensor)}
        return dict(to_hugging_face(tensors, _checked(config)))


def _checked(config: object) -> RobertaArchitecture:
    if not isinstance(config, RobertaArchitecture):
        raise TypeError(f"config: expected a RobertaArchitecture, got {type(config).__name__}")
    return config
