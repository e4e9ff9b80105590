"""D of an architecture from its config alone: no weights, no network, and no memory of D numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lit_idim.errors import UserError

# Every width in the configs of transformers, and what it is in the narrow twin: two heads of eight. The vocabulary, the
# positions and the depth stay, since special tokens and the layers are numbered by them.
HIDDEN, EMBEDDING = 16, 8
NARROW_WIDTHS = {
    **dict.fromkeys(("hidden_size", "dim", "d_model", "pooler_hidden_size"), HIDDEN),
    **dict.fromkeys(("num_attention_heads", "n_heads", "n_head", "num_heads"), 2),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("d_head", "d_kv"), 8),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_inner", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"), 24),
}


@dataclass(frozen=True, kw_only=True)
class ParameterCount:
    """How many numbers full fine-tuning of a classifier trains.

    Attributes:
        D: trainable scalars with a gradient path to the logits, tied ones once, the head included.
        D_without_embeddings: D less the tables that tokens, positions and segments are looked up in (every
            `nn.Embedding`, tied tables once), as Kaplan et al. 2020 (arXiv 2001.08361, section 1.3) count. What is not
            a table of vectors stays: norms, factorised projections, and the relative position biases of T5 and MPNet,
            which hold one number a head.
        m: layers, each with one lambda in SAID.
    """

    D: int
    D_without_embeddings: int
    m: int


def count_parameters(model_type: str, config: Mapping[str, Any], *, num_labels: int) -> ParameterCount:
    """Counts the parameters of a sequence classification model without its weights.

    The numbers of parameters come from the model on the meta device. Which of them count shows a forward pass, which
    not every architecture can make there (BART looks for the end of the text, DeBERTa reads a tensor's value), and
    which at full width costs minutes. So a narrow twin makes it: same depth, same names, same ties, real weights.

    Args:
        model_type: the architecture, a `model_type` of transformers.
        config: keys of its config; those left out have the default of transformers.
        num_labels: classes, or 1 for regression.

    Returns:
        The count of the model at full width.

    Raises:
        UserError: if the architecture has no sequence classification head, does not run, or depends on its widths in
            more than its shapes.
    """
    from lit_idim.subspace.layout import find_layout
    from lit_idim.subspace.loading import quiet_transformers

    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        with torch.device("meta"):
            full = _build(model_type, config, num_labels)
        twin = _build(model_type, {**config, **_narrow_widths(full.config)}, num_labels)
        _check_twin(full, twin)
        layout = find_layout(twin)
    counted = {parameter.name: parameter.aliases for parameter in layout.parameters}
    numbers = {name: full.get_parameter(name).numel() for name in counted}
    tables = [name for name, aliases in counted.items() if any(_is_table(full, alias) for alias in aliases)]
    D = sum(numbers.values())
    return ParameterCount(D=D, D_without_embeddings=D - sum(numbers[name] for name in tables), m=layout.m)


def build_config(model_type: str, config: Mapping[str, Any], num_labels: int) -> Any:
    """The config object of transformers.

    Raises:
        UserError: if transformers does not know the architecture, refuses a value, or num_labels is not positive.
    """
    from transformers import AutoConfig

    if num_labels < 1:
        raise UserError(f"num_labels: expected at least 1 (1 for regression), got {num_labels}")
    try:
        return AutoConfig.for_model(model_type, **config, num_labels=num_labels)
    except Exception as error:  # transformers 4 and 5 refuse with errors of many kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"model_type {model_type!r} with config {dict(config)} makes no config: {reason}") from error


def _build(model_type: str, config: Mapping[str, Any], num_labels: int) -> Any:
    from transformers import AutoModelForSequenceClassification

    built = build_config(model_type, config, num_labels)
    try:
        # Eager attention is the one that every architecture has, and every device: ModernBERT would take flash
        # attention where that is installed, which a twin on the CPU cannot run.
        return AutoModelForSequenceClassification.from_config(built, attn_implementation="eager")
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"model_type {model_type!r} makes no sequence classification model: {reason}") from error


def _narrow_widths(config: Any) -> dict[str, int]:
    known = config.to_dict()
    narrow = {name: width for name, width in NARROW_WIDTHS.items() if name in known}
    if "embedding_size" in known:  # a projection follows the embeddings only where they differ from the hidden size
        narrow["embedding_size"] = HIDDEN if known["embedding_size"] == known["hidden_size"] else EMBEDDING
    return narrow


def _check_twin(full: nn.Module, twin: nn.Module) -> None:
    """What counts in the twin counts in the model only if they have the same tensors under the same names."""
    if _ties(full) != _ties(twin):
        raise UserError(
            f"model: the parameters of {type(full).__name__} depend on its widths in more than their shapes, so they "
            "cannot be counted without weights"
        )


def _ties(model: nn.Module) -> list[tuple[str, ...]]:
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return sorted(tuple(aliases) for aliases in names.values())


def _is_table(model: nn.Module, name: str) -> bool:
    owner = name.rpartition(".")[0]
    return isinstance(model.get_submodule(owner), nn.Embedding) and not owner.endswith("relative_attention_bias")
