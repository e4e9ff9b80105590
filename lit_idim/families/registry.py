"""Families and models by name."""

import difflib
import functools
from collections.abc import Sequence

from lit_idim.errors import UserError
from lit_idim.families.model import Family, FamilyModel
from lit_idim.families.reading import read_family
from lit_idim.resources import resource_path


def family_names() -> tuple[str, ...]:
    """The families that ship with the package, in alphabetical order."""
    return tuple(sorted(path.stem for path in (resource_path("checkpoints") / "families").glob("*.yaml")))


def registered_families() -> tuple[Family, ...]:
    """Every family that ships with the package, in alphabetical order.

    Raises:
        UserError: if a file of the registry is damaged; the message names the file and the key.
    """
    return tuple(load_family(name) for name in family_names())


def load_family(name: str) -> Family:
    """The family of that name.

    Raises:
        UserError: if there is none (the message lists all and the nearest), or its file is damaged.

    Example:
        >>> [model.name for model in load_family("roberta").models]
        ['roberta-base', 'roberta-large']
    """
    names = family_names()
    if name not in names:
        raise UserError(f"family: expected one of {', '.join(names)}; got {name!r}.{_nearest(name, names)}")
    return _read(resource_path("checkpoints") / "families" / f"{name}.yaml")


def find_model(name: str) -> FamilyModel:
    """The model of that name, or of that repository on the hub.

    Raises:
        UserError: if there is none; the message lists the nearest names.

    Example:
        >>> find_model("roberta-base").repository
        'FacebookAI/roberta-base'
        >>> find_model("FacebookAI/roberta-base").name
        'roberta-base'
    """
    models = [model for family in registered_families() for model in family.models]
    found = {model.repository: model for model in models} | {model.name: model for model in models}
    if name not in found:
        raise UserError(
            f"model: {name!r} is in no family of the registry.{_nearest(name, list(found))} "
            "`lit-idim checkpoints list --families` lists all models"
        )
    return found[name]


# The files ship with the package and do not change while it runs; reading them all takes a tenth of a second.
_read = functools.cache(read_family)


def _nearest(name: str, names: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(near) for near in nearest)}?" if nearest else ""
