"""A fairseq checkpoint as a folder in `save_pretrained` format, kept in the cache folder."""

import hashlib
import os
import reprlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from lit_idim.cache import default_cache_dir
from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.fairseq.architecture import make_config, read_architecture
from lit_idim.series.fairseq.dictionary import DICTIONARY_FILE, read_dictionary
from lit_idim.series.fairseq.gpt2_bpe import ENCODER_FILE, MERGES_FILE, read_bpe
from lit_idim.series.fairseq.options import read_num_updates, read_options
from lit_idim.series.fairseq.reading import read_checkpoint
from lit_idim.series.fairseq.state_dict import is_left_out, to_hugging_face
from lit_idim.series.fairseq.tokenizer import make_tokenizer
from lit_idim.series.file_digest import digest_of_file
from lit_idim.series.locking import locked

if TYPE_CHECKING:
    from transformers import RobertaConfig

# A new one for every change that changes what is written.
_VERSION = "fairseq-1"
_WEIGHT_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def convert_checkpoint(path: Path, *, step: int, dictionary: Path, bpe: Path) -> Path:
    """A checkpoint in `save_pretrained` format: `RobertaForMaskedLM` and its tokenizer.

    It is written once, into a folder of the cache that is named by the contents of all files that it is made of.

    Args:
        path: of the `.pt` file.
        step: number of updates that its name says.
        dictionary: path of `dict.txt`.
        bpe: folder with `encoder.json` and `vocab.bpe`.

    Raises:
        UserError: if a file is missing, damaged, of another model, or contradicts another, or the cache cannot be
            written.
    """
    tokens, encoding = read_dictionary(dictionary), read_bpe(bpe)
    try:
        sources = (path, dictionary, bpe / ENCODER_FILE, bpe / MERGES_FILE)
        # transformers 4 does not read the tokenizers that transformers 5 writes.
        versions = (_VERSION, transformers.__version__.partition(".")[0])
        digest = hashlib.sha256("\0".join([*versions, *map(digest_of_file, sources)]).encode()).hexdigest()
        folder = default_cache_dir() / "checkpoints" / "fairseq" / digest[:16]
        if find_fault(folder) is None:
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / f".{folder.name}.lock"):
            if find_fault(folder) is None:  # another process was faster
                return folder
            checkpoint = read_checkpoint(path)
            _check_step(checkpoint, step)
            architecture = read_architecture(read_options(checkpoint))
            config = make_config(architecture, vocab_size=len(tokens))
            tensors = _convert(checkpoint["model"], config)
            _write(folder, config, tensors, make_tokenizer(tokens, encoding, max_length=architecture.max_positions))
    except OSError as error:
        raise UserError(
            f"{path} could not be converted into the cache folder {default_cache_dir()} ({error}); free some space, or "
            "set LIT_IDIM_CACHE to a folder that has it"
        ) from error
    return folder


def _check_step(checkpoint: Mapping[str, Any], step: int) -> None:
    num_updates = read_num_updates(checkpoint)
    if num_updates is not None and num_updates != step:
        raise UserError(f"its name says {step} updates, its optimizer has made {num_updates}; give it its name back")


def _convert(state: Mapping[str, Any], config: "RobertaConfig") -> dict[str, Tensor]:
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise UserError(f"its {name if isinstance(name, str) else reprlib.repr(name)} is no tensor")
        if value.layout != torch.strided or (not value.ndim and not name.endswith("version")):
            raise UserError(f"its {name} is sparse or a single number: the file is damaged, or no RoBERTa")
        if value.dtype not in _WEIGHT_DTYPES and not is_left_out(name):
            raise UserError(f"its {name} holds {value.dtype}: expected weights in floating point, of 16 bits or more")
    tensors = to_hugging_face(state)
    _check_shapes(tensors, config)
    return tensors


def _check_shapes(tensors: dict[str, Tensor], config: "RobertaConfig") -> None:
    """Compares with the model that the config stands for."""
    from transformers import RobertaForMaskedLM

    with torch.device("meta"):
        model = RobertaForMaskedLM(config)
    expected = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    embedding = "roberta.embeddings.word_embeddings.weight"
    if found[embedding] != expected[embedding] and found[embedding][1:] == expected[embedding][1:]:
        raise UserError(
            f"its embedding has {found[embedding][0]} rows, {DICTIONARY_FILE} stands for {config.vocab_size} "
            "(its lines and the special tokens): pass the dictionary of this run"
        )
    for name in sorted(set(expected) | set(found)):
        if expected.get(name) != found.get(name):
            raise UserError(
                f"its tensors contradict the options of its run: {name} has shape {found.get(name, 'missing')} instead "
                f"of {expected.get(name, 'none')}"
            )


def _write(folder: Path, config: "RobertaConfig", tensors: dict[str, Tensor], tokenizer: Any) -> None:
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        aside.mkdir()
        contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, aside / "model.safetensors", metadata={"format": "pt"})
        config.dtype = tensors["lm_head.bias"].dtype
        config.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        shutil.rmtree(folder, ignore_errors=True)  # damaged since it was written
        aside.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
