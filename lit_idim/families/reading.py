"""Reading the YAML file of one family."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from lit_idim.errors import UserError
from lit_idim.families.model import Family, FamilyModel

FAMILY_KEYS = ("name", "title", "licence", "citation", "model_type", "config", "models")
MODEL_KEYS = ("repository", "revision", "config")


def read_family(path: Path) -> Family:
    """The family that a file describes.

    The keys of `config` in the file are shared by all models; those in a model's own `config` come on top.

    Args:
        path: a YAML file with the keys name, title, licence, citation, model_type, config and models (a mapping from
            a model's name to its repository and, if it has them, its revision and config).

    Raises:
        UserError: if the file is missing or no YAML, or a key is missing, unknown, given twice or of the wrong kind;
            the message names the file and the key.
    """
    content = _load(path)
    _check_keys(path, "", content, FAMILY_KEYS)
    name = _text(path, "name", content.get("name"))
    if name != path.stem:
        raise UserError(f"{path}: name: expected {path.stem!r}, as the file is called, got {name!r}")
    licence = _text(path, "licence", content.get("licence"))
    model_type = _text(path, "model_type", content.get("model_type"))
    shared = _mapping(path, "config", content.get("config", {}))
    described = _mapping(path, "models", content.get("models"))
    if not described:
        raise UserError(f"{path}: models: expected at least one model, got none")
    models = []
    for model_name, value in described.items():
        key = f"models.{model_name}"
        model = _mapping(path, key, value)
        _check_keys(path, f"{key}.", model, MODEL_KEYS)
        revision = model.get("revision")
        models.append(
            FamilyModel(
                name=model_name,
                family=name,
                repository=_text(path, f"{key}.repository", model.get("repository")),
                revision=None if revision is None else _text(path, f"{key}.revision", revision),
                model_type=model_type,
                config=MappingProxyType(shared | _mapping(path, f"{key}.config", model.get("config", {}))),
                licence=licence,
            )
        )
    return Family(
        name=name,
        title=_text(path, "title", content.get("title")),
        licence=licence,
        citation=_text(path, "citation", content.get("citation")),
        model_type=model_type,
        models=tuple(models),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        tree = loader.get_single_node()
        content = None if tree is None else loader.construct_document(tree)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the family's file cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from error
    _check_no_key_twice(path, "", tree)
    return _mapping(path, "the file", content)


def _check_no_key_twice(path: Path, prefix: str, node: Any) -> None:
    """YAML keeps the last of two equal keys, which would lose a model without a word."""
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        if key.value in seen:
            raise UserError(f"{path}: {prefix}{key.value}: given twice, again in line {key.start_mark.line + 1}")
        seen.add(key.value)
        _check_no_key_twice(path, f"{prefix}{key.value}.", value)


def _check_keys(path: Path, prefix: str, content: dict[str, Any], known: tuple[str, ...]) -> None:
    for key in content:
        if key not in known:
            raise UserError(f"{path}: {prefix}{key}: unknown key, expected one of {', '.join(known)}")


def _text(path: Path, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{path}: {key}: expected a text, got {'nothing' if value is None else repr(value)}")
    return value.strip()


def _mapping(path: Path, key: str, value: object) -> dict[str, Any]:
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return value
    got = "nothing" if value is None else repr(value)
    raise UserError(f"{path}: {key}: expected a mapping from names to values, got {got}")
