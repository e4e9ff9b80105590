"""Tasks and splits by name."""

import difflib
import re

from lit_idim.errors import UserError
from lit_idim.tasks.further import FURTHER_TASKS
from lit_idim.tasks.glue import GLUE_TASKS
from lit_idim.tasks.task import Split, Task
from lit_idim.tasks.toy_tasks import TOY_TASKS

TASKS: dict[str, Task] = {task.name: task for task in (*GLUE_TASKS, *FURTHER_TASKS, *TOY_TASKS)}


def normalised_name(name: str) -> str:
    """A task or folder name without case and punctuation, so that `SST-2` and `sst2` compare equal.

    Example:
        >>> normalised_name("SST-2")
        'sst2'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        UserError: if there is none; the message lists all names and the nearest one.

    Example:
        >>> get_task("mnli").label_names
        ('entailment', 'neutral', 'contradiction')
    """
    if name in TASKS:
        return TASKS[name]
    known = {
        normalised_name(alias): task.name
        for task in TASKS.values()
        for alias in (task.name, task.title, *task.folder_names)
    }
    nearest = difflib.get_close_matches(normalised_name(name), known, n=1, cutoff=0.5)
    suggestion = f" Did you mean {known[nearest[0]]!r}?" if nearest else ""
    raise UserError(f"task: expected one of {', '.join(TASKS)}; got {name!r}.{suggestion}")


def get_split(task: Task, name: str) -> Split:
    """The split of that name.

    Raises:
        UserError: if the task has none such; the message lists those it has.

    Example:
        >>> get_split(get_task("mnli"), "dev").files
        ('dev_matched.tsv',)
    """
    for split in task.splits:
        if split.name == name:
            return split
    nearest = difflib.get_close_matches(name, task.split_names, n=1, cutoff=0.5)
    suggestion = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise UserError(f"split: {task.name} has {', '.join(task.split_names)}; got {name!r}.{suggestion}")
