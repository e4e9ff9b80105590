"""One YAML file for several series that differ in a few words."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from lit_idim.errors import UserError

_MOST_VARIANTS = 10_000  # a few short lists combine to any number


def expand_variants(document: dict[str, Any], *, where: str) -> Iterator[dict[str, Any]]:
    """The documents that a document with `variants` stands for, the fields put into its texts.

    Args:
        document: `variants` is a map of fields to their values, of which every combination is a series, or a list of
            maps, of which each is one. A text that is nothing but a field becomes its value, numbers included.
        where: names the file in errors.

    Example:
        >>> document = {"name": "pythia-{size}", "tokens": "{tokens}", "variants": [{"size": "14m", "tokens": 2}]}
        >>> list(expand_variants(document, where="pythia.yaml"))
        [{'name': 'pythia-14m', 'tokens': 2}]

    Raises:
        UserError: if `variants` is neither.
    """
    rest = {key: value for key, value in document.items() if key != "variants"}
    if "variants" not in document:
        yield rest
        return
    for fields in _combinations(document["variants"], where):
        yield _fill_in(rest, fields)


def _combinations(variants: Any, where: str) -> list[dict[str, Any]]:
    if isinstance(variants, dict) and variants and all(isinstance(values, list) for values in variants.values()):
        if (number := math.prod(map(len, variants.values()))) > _MOST_VARIANTS:
            raise UserError(f"{where}: variants: expected at most {_MOST_VARIANTS:,} combinations, got {number:,}")
        return [dict(zip(variants, values, strict=True)) for values in itertools.product(*variants.values())]
    if isinstance(variants, list) and variants and all(isinstance(fields, dict) for fields in variants):
        return variants
    raise UserError(f"{where}: variants: expected a map of lists or a list of maps, got {variants!r}")


def _fill_in(value: Any, fields: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _fill_in(inner, fields) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill_in(inner, fields) for inner in value]
    if isinstance(value, str):
        for name, content in fields.items():
            if value == f"{{{name}}}":
                return content
            value = value.replace(f"{{{name}}}", "" if content is None else str(content))
    return value
