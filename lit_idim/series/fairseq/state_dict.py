"""The tensors of a fairseq RoBERTa under the names of transformers' RobertaForMaskedLM, and back.

Three generations of names are understood. The latest (2021) is that of the table below. Before it the layer norm of the
embeddings was `emb_layer_norm`; before that (2020) the model was a `decoder`; and before that (2019) the projections of
queries, keys and values were one tensor each, stacked in this order (`in_proj_weight`, `in_proj_bias`).
"""

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.series.same_bits import same_bits

_ENCODER = "encoder.sentence_encoder"
_HEAD_WEIGHT = "encoder.lm_head.weight"
_EMBEDDING = "roberta.embeddings.word_embeddings.weight"
_TOKEN_TYPES = "roberta.embeddings.token_type_embeddings.weight"
# Tied to others by transformers when a model is loaded.
_TIED = ("lm_head.decoder.weight", "lm_head.decoder.bias")

# fairseq's name of a module: transformers' name; {} is the number of a layer.
_MODULES = {
    f"{_ENCODER}.embed_tokens": "roberta.embeddings.word_embeddings",
    f"{_ENCODER}.embed_positions": "roberta.embeddings.position_embeddings",
    f"{_ENCODER}.layernorm_embedding": "roberta.embeddings.LayerNorm",
    f"{_ENCODER}.layers.{{}}.self_attn.q_proj": "roberta.encoder.layer.{}.attention.self.query",
    f"{_ENCODER}.layers.{{}}.self_attn.k_proj": "roberta.encoder.layer.{}.attention.self.key",
    f"{_ENCODER}.layers.{{}}.self_attn.v_proj": "roberta.encoder.layer.{}.attention.self.value",
    f"{_ENCODER}.layers.{{}}.self_attn.out_proj": "roberta.encoder.layer.{}.attention.output.dense",
    f"{_ENCODER}.layers.{{}}.self_attn_layer_norm": "roberta.encoder.layer.{}.attention.output.LayerNorm",
    f"{_ENCODER}.layers.{{}}.fc1": "roberta.encoder.layer.{}.intermediate.dense",
    f"{_ENCODER}.layers.{{}}.fc2": "roberta.encoder.layer.{}.output.dense",
    f"{_ENCODER}.layers.{{}}.final_layer_norm": "roberta.encoder.layer.{}.output.LayerNorm",
    "encoder.lm_head.dense": "lm_head.dense",
    "encoder.lm_head.layer_norm": "lm_head.layer_norm",
    "encoder.lm_head": "lm_head",
}
_MODULES_BACK = {theirs: ours for ours, theirs in _MODULES.items()}
# Numbers of fairseq's own formats, and heads of tasks: no part of a pretrained model.
_LEFT_OUT = re.compile(r"(.+\.)?version|classification_heads\..+")


def to_hugging_face(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a `RobertaForMaskedLM`, without the tensors that it ties to others.

    Values and types stay bit for bit. The embedding of token types, which fairseq does not have, is one row of zeros.
    `version` buffers and heads of tasks are left out.

    Args:
        state: of fairseq's `RobertaModel`, of any of its generations.

    Returns:
        Names and tensors; those that were split from others are copies.

    Raises:
        UserError: if the head has an embedding of its own, a tensor is there under the names of two generations, or
            there is one that RobertaForMaskedLM has no place for.

    Example:
        >>> embedding = torch.ones(5, 2)
        >>> state = {"decoder.sentence_encoder.embed_tokens.weight": embedding, "decoder.lm_head.bias": torch.ones(5)}
        >>> sorted(to_hugging_face(state))[:2]
        ['lm_head.bias', 'roberta.embeddings.token_type_embeddings.weight']
    """
    latest = _latest_names(state)
    head_weight = latest.pop(_HEAD_WEIGHT, None)
    converted = _renamed(latest, _MODULES, "RobertaForMaskedLM")
    embedding = converted.get(_EMBEDDING)
    if embedding is None:
        raise UserError(f"it has no {_ENCODER}.embed_tokens.weight: pass a checkpoint of fairseq's RobertaModel")
    if embedding.ndim != 2:
        raise UserError(f"its embedding has shape {tuple(embedding.shape)}: expected a row a token")
    if head_weight is not None and not same_bits(head_weight, embedding):
        raise UserError(
            f"{_HEAD_WEIGHT} differs from the embedding of tokens: models trained with --untie-weights-roberta are not "
            "supported"
        )
    converted[_TOKEN_TYPES] = torch.zeros(1, embedding.shape[1], dtype=embedding.dtype)
    return converted


def to_fairseq(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of fairseq's `RobertaModel` in its latest generation: the inverse of `to_hugging_face`.

    Args:
        state: of a `RobertaForMaskedLM`, with or without the tensors that it ties to others.

    Raises:
        UserError: if its embedding of token types is not one row of zeros, or there is a tensor that fairseq has no
            place for.
    """
    rest = {name: tensor for name, tensor in state.items() if name not in (*_TIED, _TOKEN_TYPES)}
    types = state.get(_TOKEN_TYPES)
    if types is not None and (len(types) > 1 or types.any()):
        raise UserError(f"{_TOKEN_TYPES}: expected one row of zeros, since fairseq has no token types")
    converted = _renamed(rest, _MODULES_BACK, "fairseq's RobertaModel")
    if _EMBEDDING in rest:
        converted[_HEAD_WEIGHT] = rest[_EMBEDDING]
    return converted


def is_left_out(name: str) -> bool:
    """Whether a tensor of fairseq's is no part of the pretrained model."""
    return _LEFT_OUT.fullmatch(name) is not None


def _latest_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names of the latest generation; each must be there once."""
    latest: dict[str, Tensor] = {}
    old_names: dict[str, str] = {}
    for old_name, old_tensor in state.items():
        if is_left_out(old_name):
            continue
        for name, tensor in _split(_latest_name(old_name), old_tensor):
            if name in latest:
                raise UserError(
                    f"it holds {name} twice, as {old_names[name]} and as {old_name}: names of two generations of "
                    "fairseq are mixed; remove the one that was not trained"
                )
            latest[name], old_names[name] = tensor, old_name
    return latest


def _latest_name(name: str) -> str:
    name = re.sub(r"^decoder\.", "encoder.", name)
    return name.replace(f"{_ENCODER}.emb_layer_norm.", f"{_ENCODER}.layernorm_embedding.")


def _split(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    module, _, kind = name.rpartition(".self_attn.in_proj_")
    if not module:
        yield name, tensor
        return
    if not tensor.ndim or tensor.shape[0] % 3 or not len(tensor):
        raise UserError(f"{name}: expected three projections of equal size in one tensor, got {tuple(tensor.shape)}")
    for letter, part in zip("qkv", tensor.chunk(3), strict=True):
        yield f"{module}.self_attn.{letter}_proj.{kind}", part.clone()


def _renamed(state: Mapping[str, Tensor], modules: Mapping[str, str], target: str) -> dict[str, Tensor]:
    converted, unknown = {}, []
    for name, tensor in state.items():
        module, _, kind = name.rpartition(".")
        number = re.search(r"(?<=\.)\d+(?=\.)", module)
        there = modules.get(module if number is None else re.sub(r"\.\d+\.", ".{}.", module, count=1))
        if there is None:
            unknown.append(name)
        else:
            converted[f"{there.format(number and number[0])}.{kind}"] = tensor
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise UserError(
            f"it holds tensors that {target} has no place for: {', '.join(sorted(unknown)[:3])}{more}; pass a "
            "checkpoint of a RoBERTa with layer norms after its blocks"
        )
    return converted
