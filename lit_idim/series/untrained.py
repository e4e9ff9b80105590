"""Step 0 of a series of our own: a seed instead of a file of random numbers."""

import copy
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from lit_idim.cache import default_cache_dir
from lit_idim.errors import UserError

UNTRAINED_FILE = "untrained.json"


def write_untrained(folder: Path, *, seed: int, dtype: str) -> None:
    """Writes, beside a config.json, how the untrained weights are drawn (`initialize_parameters`) and rounded.

    Args:
        folder: of the checkpoint.
        seed: of the draw.
        dtype: of the weights, as torch names it.
    """
    (folder / UNTRAINED_FILE).write_text(json.dumps({"seed": seed, "dtype": dtype}) + "\n")


def made_folder(folder: Path) -> Path:
    """Where in the cache the untrained weights of a folder are, or would be, made."""
    from lit_idim.subspace.initialization import INITIALIZATION_VERSION  # imports torch

    digest = hashlib.sha256(f"{INITIALIZATION_VERSION}".encode())
    for path in sorted(folder.iterdir()):  # the tokenizer's files too: they are copied
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return default_cache_dir() / "checkpoints" / "untrained" / digest.hexdigest()[:16]


def make_untrained(folder: Path) -> Path:
    """The checkpoint in the cache, with its weights drawn anew if they are not there.

    Args:
        folder: with config.json and untrained.json.

    Returns:
        A folder in `save_pretrained` format; other files of `folder`, such as the tokenizer's, are copied.

    Raises:
        UserError: if a file is damaged, or the cache cannot be written.
    """
    made = made_folder(folder)
    if (made / "model.safetensors").is_file():
        return made
    aside = made.with_name(f".{made.name}.{os.getpid()}")
    try:
        aside.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.name not in ("config.json", UNTRAINED_FILE):
                shutil.copyfile(path, aside / path.name)
        _write_drawn(folder, aside)
        try:
            aside.replace(made)
        except OSError:
            if not made.exists():  # if it does, another process was faster
                raise
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{folder} does not say how to draw its untrained weights: {error}") from error
    except OSError as error:
        raise UserError(f"{made} cannot be written ({error}); set LIT_IDIM_CACHE to a folder that can") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return made


def _write_drawn(folder: Path, aside: Path) -> None:
    from lit_idim.subspace.loading import quiet_transformers

    with quiet_transformers():
        _draw(folder).save_pretrained(aside)
    shutil.copyfile(
        folder / "config.json", aside / "config.json"
    )  # as it is at the other steps, not as read and written


def _draw(folder: Path) -> Any:
    import torch
    import transformers

    from lit_idim.subspace.initialization import initialize_parameters

    recipe = json.loads((folder / UNTRAINED_FILE).read_text())
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    architecture = getattr(transformers, config.architectures[0])
    if not (isinstance(architecture, type) and issubclass(architecture, transformers.PreTrainedModel)):
        raise TypeError(f"{config.architectures[0]} is no model of transformers")
    drawn = copy.deepcopy(config)
    drawn.dtype = torch.float32
    with torch.random.fork_rng(devices=[]):
        model = architecture(drawn)
    initialize_parameters(model, [name for name, _ in model.named_parameters()], seed=recipe["seed"])
    return model.to(getattr(torch, recipe["dtype"]))
