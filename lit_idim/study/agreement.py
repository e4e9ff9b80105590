"""In which settings all runs on one ledger must agree."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lit_idim.errors import UserError
from lit_idim.study.provenance import plain
from lit_idim.study.settings import StudySettings

# What may change between runs on a ledger: which cells are measured, and how far a search goes. A search that goes
# another way asks for other trainings, and reuses those that it has in common. Everything else would mix trainings or
# estimates of two kinds in one table.
_FREE = ("series", "steps", "tasks", "methods", "data_dir")
_FREE_IN_SEARCH = ("tolerance", "max_trainings", "targets")


def settings_to_agree(settings: StudySettings) -> dict[str, Any]:
    """The settings that are stored with a ledger and compared by every later run on it."""
    agreed = {name: value for name, value in asdict(settings).items() if name not in _FREE}
    agreed["search"] = {name: value for name, value in agreed["search"].items() if name not in _FREE_IN_SEARCH}
    stored: dict[str, Any] = plain(agreed)
    return stored


def require_agreement(stored: Mapping[str, Any], settings: StudySettings) -> None:
    """Refuses to read a ledger under settings that it was not made with.

    Raises:
        UserError: names what differs.
    """
    came = settings_to_agree(settings)
    different = [name for name in sorted({*stored, *came}) if stored.get(name) != came.get(name)]
    if different:
        words = "; ".join(f"{name}: the ledger has {stored.get(name)}, came {came.get(name)}" for name in different)
        raise UserError(f"the ledger was made with other settings ({words}); give those, as its config.yaml has them")
