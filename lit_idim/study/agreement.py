"""In which settings all runs on one ledger must agree."""

from dataclasses import asdict
from typing import Any

from lit_idim.study.cell import TRAINING_VERSION
from lit_idim.study.provenance import plain
from lit_idim.study.settings import StudySettings

# What may change between runs on a ledger: which cells are measured, and how far a search goes. A search that goes
# another way asks for other trainings, and reuses those that it has in common. Everything else would mix trainings or
# estimates of two kinds in one table.
_FREE = ("series", "models", "steps", "tasks", "methods", "head_baseline", "data_dir")
_FREE_IN_SEARCH = ("tolerance", "max_trainings", "targets")


def settings_to_agree(settings: StudySettings) -> dict[str, Any]:
    """The settings that are stored with a ledger and compared by every later run on it."""
    agreed = {name: value for name, value in asdict(settings).items() if name not in _FREE}
    # Of the tasks that this run measures; another's may be others.
    agreed["task_training"] = {task: settings.task_training.get(task, {}) for task in settings.task_names}
    agreed["search"] = {name: value for name, value in agreed["search"].items() if name not in _FREE_IN_SEARCH}
    stored: dict[str, Any] = plain(agreed | {"training_version": TRAINING_VERSION})
    return stored
