"""Entry point `fairseq2.extension`: fairseq2 calls `register` when it starts."""

from fairseq2.composition import register_model_family
from fairseq2.error import NotSupportedError
from fairseq2.models.hg import HuggingFaceConverter
from fairseq2.models.utils.ac import apply_layerwise_ac
from fairseq2.models.utils.fsdp import apply_layerwise_fsdp
from fairseq2.nn.fsdp import FSDPWrapper
from fairseq2.runtime.config_registry import ConfigRegistrar
from fairseq2.runtime.dependency import DependencyContainer
from torch.nn import Module

from lit_idim.fairseq2_extension.architectures import ARCHITECTURES
from lit_idim.fairseq2_extension.factory import create_roberta
from lit_idim.fairseq2_extension.model import RobertaModel
from lit_idim.fairseq2_extension.state_dict import RobertaHuggingFaceConverter, convert_roberta_state_dict
from lit_idim.series.fairseq2.architecture import FAMILY, RobertaArchitecture


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
