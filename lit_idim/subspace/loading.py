"""Loading a pretrained encoder with a classification head whose missing parameters are ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from struct import error as StructError
from typing import Any

import torch
from safetensors import SafetensorError

from lit_idim.errors import UserError
from lit_idim.resources import shipped_folder
from lit_idim.subspace.blocks import Blocks
from lit_idim.subspace.initialization import initialize_parameters

# What a damaged file makes transformers and torch raise depends on the damage.
_UNREADABLE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, EOFError),
    *(UnpicklingError, SafetensorError, StructError),
)


def load_classifier(
    model: str,
    *,
    num_labels: int,
    head_seed: int = 0,
    revision: str | None = None,
    random_weights: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Any:
    """A transformers sequence classification model in training mode.

    Everything that the checkpoint does not hold (the head, as a rule) is drawn by `initialize_parameters`.

    Args:
        model: a folder in `save_pretrained` format (or one that ships with the package, as
            `checkpoints/toy-L2-H128/step-4000`), or a name on the model hub.
        num_labels: classes, or 1 for regression.
        head_seed: names the draw of the missing parameters.
        revision: branch, tag or commit on the hub.
        random_weights: take the architecture alone and draw every parameter: the untrained encoder.
        dtype: of the weights. float32 holds every checkpoint's values exactly; small updates vanish in bfloat16.

    Raises:
        UserError: if the model is not found, or has no sequence classification form.
    """
    loaded, missing = load_pretrained(
        model, num_labels=num_labels, revision=revision, random_weights=random_weights, dtype=dtype
    )
    initialize_parameters(loaded, missing, seed=head_seed)
    return loaded.train()


def load_pretrained(
    model: str,
    *,
    num_labels: int,
    revision: str | None = None,
    random_weights: bool = False,
    dtype: torch.dtype = torch.float32,
) -> tuple[Any, list[str]]:
    """The model of `load_classifier`, and the names of the parameters that are still to be drawn."""
    try:
        with quiet_transformers():
            return _load(shipped_folder(model), num_labels, revision, random_weights, dtype)
    except UserError:
        raise
    except _UNREADABLE as error:
        raise UserError(_explanation(model, revision, num_labels, error)) from error


def _load(
    model: str, num_labels: int, revision: str | None, random_weights: bool, dtype: torch.dtype
) -> tuple[Any, list[str]]:
    """The model, and the names of the parameters that its checkpoint does not hold."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    config = AutoConfig.from_pretrained(model, revision=revision, num_labels=num_labels, trust_remote_code=False)
    with torch.random.fork_rng(devices=[]):
        if random_weights:
            loaded = AutoModelForSequenceClassification.from_config(config, dtype=dtype)
            return loaded, [name for name, _ in loaded.named_parameters()]
        loaded, report = AutoModelForSequenceClassification.from_pretrained(
            model, revision=revision, config=config, dtype=dtype, output_loading_info=True, trust_remote_code=False
        )
    known = dict(loaded.named_parameters(remove_duplicate=False))
    missing = [name for name in report["missing_keys"] if name in known]
    _check_encoder_is_there(model, loaded, missing, sorted(report["unexpected_keys"]))
    return loaded, missing


def _check_encoder_is_there(model: str, loaded: Any, missing: list[str], unexpected: list[str]) -> None:
    """Refuses a checkpoint without some of the encoder's blocks: they would silently be trained from random weights."""
    blocks = Blocks(loaded)
    absent = [name for name in missing if blocks.of(name) is not None]
    if absent:
        found = f"; it holds {', '.join(unexpected[:3])} ... instead" if unexpected else ""
        raise UserError(
            f"model {model!r} lacks weights of the encoder's blocks: {len(absent)} tensors, as {absent[0]}{found}. "
            "Pass a checkpoint of this architecture, or random_weights to start from an untrained encoder"
        )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silences the reports and progress bars of transformers: what a checkpoint lacks is drawn here, by design."""
    from transformers.utils import logging

    verbosity, progress = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if progress:
            logging.enable_progress_bar()


def _explanation(model: str, revision: str | None, num_labels: int, error: Exception) -> str:
    where = "folder" if Path(model).exists() else "name on the hub"
    at = f" at revision {revision!r}" if revision else ""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"model {model!r} ({where}){at} does not load as a classifier of {num_labels} labels: {reason}. "
        "Pass a folder in save_pretrained format (config.json, model.safetensors) or, with a network, a name on the hub"
    )
