"""How many parameters a classifier on a checkpoint has, told without a network."""

import functools
import json
from pathlib import Path
from typing import Any

from lit_idim.errors import UserError
from lit_idim.families import ParameterCount, find_model
from lit_idim.families.counting import count_parameters
from lit_idim.series.folder import FolderSource
from lit_idim.series.series import Series

# Of a config.json what says nothing about the shapes of a classifier with labels of its own.
_INCIDENTAL_KEYS = {
    *("model_type", "architectures", "transformers_version", "_name_or_path", "auto_map"),
    *("dtype", "torch_dtype", "num_labels", "id2label", "label2id", "problem_type"),
}


def count_checkpoint_parameters(series: Series, step: int, num_labels: int) -> ParameterCount | None:
    """D with and without embeddings and m of a classifier on a checkpoint. Never uses the network.

    They come from the checkpoint's own config.json where it is on this machine, or else from the family model that the
    series names (`family_model`). No weights are read or drawn.

    Args:
        series: of checkpoints.
        step: one of its steps.
        num_labels: classes, or 1 for regression; the head is a part of D.

    Returns:
        The count; None if the checkpoint is not downloaded and the series names no family model.

    Raises:
        UserError: if config.json is damaged, the family model does not exist, or either has no classifier.
    """
    config = _find_config(series, step)
    if config is not None:
        return _count_from_file(config, num_labels)
    if series.family_model is None:
        return None
    return _count_family_model(series.family_model, num_labels)


def _find_config(series: Series, step: int) -> Path | None:
    if not series.is_cached(step):
        return None
    # Fetching an untrained checkpoint of a local series would draw its weights.
    is_local = isinstance(series.source, FolderSource)
    folder = series.source.origin(step) if is_local else series.fetch(step, offline=True).model
    return Path(folder) / "config.json"


def _count_from_file(path: Path, num_labels: int) -> ParameterCount:
    try:
        text = path.read_text(encoding="utf-8")
        config: dict[str, Any] = json.loads(text)
        model_type = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} does not tell the architecture ({type(error).__name__}: {error})") from error
    shapes = {key: value for key, value in config.items() if key not in _INCIDENTAL_KEYS}
    return _count_config(model_type, json.dumps(shapes, sort_keys=True), num_labels)


# A count takes a second or two, and the checkpoints of a series share it.
@functools.cache
def _count_config(model_type: str, config: str, num_labels: int) -> ParameterCount:
    return count_parameters(model_type, json.loads(config), num_labels=num_labels)


@functools.cache
def _count_family_model(name: str, num_labels: int) -> ParameterCount:
    return find_model(name).count_parameters(num_labels)
