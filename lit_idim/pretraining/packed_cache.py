"""A corpus as packed token ids on disk, tokenised once for all runs that use it."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn

from lit_idim.cache import default_cache_dir
from lit_idim.errors import UserError
from lit_idim.pretraining.corpus import corpus_identity, read_corpus
from lit_idim.pretraining.packing import Tokens, pack_corpus

_FORMAT_VERSION = 1


def load_packed(
    corpus: Sequence[str],
    tokenizer: Any,
    *,
    sequence_length: int,
    cache_dir: str | Path | None = None,
) -> Tokens:
    """The packed corpus, shape (num_sequences, sequence_length), as a read-only memory map of its file in the cache.

    Args:
        corpus: sources of text (`read_corpus`).
        tokenizer: the tokenizer.
        sequence_length: tokens of a sequence.
        cache_dir: folder of the cache; `$LIT_IDIM_CACHE` or the user's cache folder by default.

    Raises:
        UserError: for a corpus that cannot be read.
    """
    vocabulary = hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest()
    identity = json.dumps([_FORMAT_VERSION, corpus_identity(corpus), vocabulary, sequence_length])
    folder = Path(cache_dir) if cache_dir is not None else default_cache_dir()
    path = folder / "packed" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.npy"
    packed = _open(path, sequence_length)
    if packed is None:
        packed = pack_corpus(read_corpus(corpus), tokenizer, sequence_length=sequence_length)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f".{path.name}.{os.getpid()}")
            with aside.open("wb") as file:
                np.save(file, packed)
            aside.replace(path)
        except OSError as error:
            raise UserError(f"cache_dir: {path} cannot be written ({error}); pass a folder that can") from error
        packed = np.load(path, mmap_mode="r")
    return packed


def _open(path: Path, sequence_length: int) -> Tokens | None:
    """The memory map of a file; None where there is none, or a damaged one, which will be made again."""
    try:
        packed: Tokens = np.load(path, mmap_mode="r")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, EOFError, OSError) as error:
        rank_zero_warn(f"{path} is damaged ({error}) and will be made again")
        return None
    return packed if packed.ndim == 2 and packed.shape[1] == sequence_length else None
