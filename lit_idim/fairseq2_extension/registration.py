"""Entry point `fairseq2.extension`: fairseq2 calls `register` when it starts."""

from dataclasses import replace

from fairseq2.composition import register_model_family
from fairseq2.error import NotSupportedError
from fairseq2.models.hg import HuggingFaceConverter
from fairseq2.models.utils.ac import apply_layerwise_ac
from fairseq2.models.utils.fsdp import apply_layerwise_fsdp
from fairseq2.nn.fsdp import FSDPWrapper
from fairseq2.runtime.config_registry import ConfigRegistrar
from fairseq2.runtime.dependency import DependencyContainer
from torch.nn import Module

from lit_idim.fairseq2_extension.factory import create_roberta
from lit_idim.fairseq2_extension.model import RobertaModel
from lit_idim.fairseq2_extension.state_dict import RobertaHuggingFaceConverter, convert_roberta_state_dict
from lit_idim.series.fairseq2.architecture import FAMILY, RobertaArchitecture

TOY_VOCAB_SIZE = 620
_BASE = RobertaArchitecture()


def _toy(num_layers: int, width: int, num_heads: int) -> RobertaArchitecture:
    return RobertaArchitecture(
        num_layers=num_layers,
        model_dim=width,
        num_attn_heads=num_heads,
        ffn_inner_dim=4 * width,
        max_seq_len=32,
        vocab_size=TOY_VOCAB_SIZE,
        dropout_p=0.0,
    )


# Those of configs/pretrain, by name, and RoBERTa-large (Liu et al. 2019, table 9).
ARCHITECTURES = {
    "base": _BASE,
    "large": replace(_BASE, model_dim=1024, num_layers=24, num_attn_heads=16, ffn_inner_dim=4096),
    "small": replace(
        _BASE, model_dim=384, num_layers=6, num_attn_heads=6, ffn_inner_dim=1536, vocab_size=4096, max_seq_len=128
    ),
    "mini": RobertaArchitecture(
        model_dim=192,
        num_layers=4,
        num_attn_heads=3,
        ffn_inner_dim=768,
        vocab_size=4096,
        max_seq_len=128,
        dropout_p=0.0,
    ),
    "toy-L1-H64": _toy(1, 64, 1),
    "toy-L2-H128": _toy(2, 128, 2),
    "toy-L2-H64": _toy(2, 64, 1),
    "toy-L2-H96": _toy(2, 96, 2),
    "toy-L3-H144": _toy(3, 144, 3),
    "toy-L4-H192": _toy(4, 192, 3),
}


def register(container: DependencyContainer) -> None:
    """Registers the model family `roberta`.

    Args:
        container: of fairseq2.
    """
    register_model_family(
        container,
        FAMILY,
        kls=RobertaModel,
        config_kls=RobertaArchitecture,
        factory=create_roberta,
        supports_meta=False,  # the tie of head and embedding is made once
        state_dict_converter=convert_roberta_state_dict,
        fsdp_applier=_apply_fsdp,
        layerwise_ac_applier=_apply_ac,
    )
    arch = ConfigRegistrar(container, RobertaArchitecture)
    for name, architecture in ARCHITECTURES.items():
        arch(name)(lambda architecture=architecture: architecture)
    container.register_type(HuggingFaceConverter, RobertaHuggingFaceConverter, key=FAMILY)


def _apply_fsdp(model: RobertaModel, granularity: str, wrapper: FSDPWrapper) -> Module:
    if granularity == "layer":
        apply_layerwise_fsdp(model.encoder.layers, wrapper)
    elif granularity == "stack":
        model.register_module("encoder", wrapper(model.encoder))
    else:
        raise NotSupportedError(f"granularity: expected layer or stack, got {granularity}")
    return model


def _apply_ac(model: RobertaModel, every_nth_layer: int) -> Module:
    apply_layerwise_ac(model.encoder.layers, every_nth_layer)
    return model
