"""A fairseq2 checkpoint as a folder in `save_pretrained` format."""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.fairseq2.architecture import RobertaArchitecture
from lit_idim.series.fairseq2.keys import (
    EMBEDDING,
    TIED_EMBEDDING,
    TOKEN_TYPES,
    hugging_face_names,
    tensor_shapes,
)
from lit_idim.series.fairseq2.shards import find_shards, merge_shards
from lit_idim.series.locking import locked
from lit_idim.series.same_bits import same_bits

CONVERSION_VERSION = 1


def to_hugging_face(tensors: dict[str, Tensor], architecture: RobertaArchitecture) -> dict[str, Tensor]:
    """The tensors under the names of `RobertaForMaskedLM`, none changed.

    fairseq's RoBERTa has no token types: the row that transformers adds to every token is zero. Of the embedding and
    the head that is tied to it one is kept.

    Args:
        tensors: of the fairseq2 model, whole.
        architecture: of the model.

    Raises:
        UserError: if the head is not tied to the embedding.
    """
    tied = tensors.get(TIED_EMBEDDING)
    if tied is not None and not same_bits(tied, tensors[EMBEDDING]):
        raise UserError(f"{TIED_EMBEDDING} differs from {EMBEDDING}: the head of a RoBERTa is tied to its embedding")
    converted = {theirs: tensors[ours] for ours, theirs in hugging_face_names(architecture).items()}
    converted[TOKEN_TYPES] = torch.zeros(1, architecture.model_dim, dtype=tensors[EMBEDDING].dtype)
    return converted


def write_converted(model_folder: Path, architecture: RobertaArchitecture, folder: Path) -> None:
    """Writes config.json and model.safetensors, aside and renamed, so that a folder that exists is whole.

    Args:
        model_folder: `step_N/model` of a run.
        architecture: of its model.yaml.
        folder: to write.

    Raises:
        UserError: if the checkpoint is damaged, or the folder cannot be written.
    """
    merged = merge_shards(find_shards(model_folder), tensor_shapes(architecture))
    tensors = {name: tensor.contiguous().clone() for name, tensor in to_hugging_face(merged, architecture).items()}
    config = {
        "architectures": ["RobertaForMaskedLM"],
        "model_type": "roberta",
        **architecture.to_hugging_face(),
        "torch_dtype": str(tensors[TOKEN_TYPES].dtype).removeprefix("torch."),
    }
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / f".{folder.name}.lock"):
            if folder.is_dir() and find_fault(folder) is None:  # another process was faster
                return
            aside.mkdir()
            save_file(tensors, aside / "model.safetensors", metadata={"format": "pt"})
            (aside / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)  # damaged since it was written
            aside.replace(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error}); set LIT_IDIM_CACHE to a folder that can") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
