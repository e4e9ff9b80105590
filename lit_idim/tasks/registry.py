"""Tasks and splits by name."""

import difflib
import re
from pathlib import Path

from lit_idim.errors import UserError
from lit_idim.tasks.further import FURTHER_TASKS
from lit_idim.tasks.glue import GLUE_TASKS
from lit_idim.tasks.task import Split, Task
from lit_idim.tasks.toy_tasks import TOY_TASKS
from lit_idim.tasks.user_task import TASK_FILE, read_user_task

TASKS: dict[str, Task] = {task.name: task for task in (*GLUE_TASKS, *FURTHER_TASKS, *TOY_TASKS)}


def normalised_name(name: str) -> str:
    """A task or folder name without case and punctuation, so that `SST-2` and `sst2` compare equal.

    Example:
        >>> normalised_name("SST-2")
        'sst2'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


# By name; filled by `get_task` and `register_task`.
_USER_TASKS: dict[str, Task] = {}


def register_task(task: Task) -> None:
    """Makes a user's task known to this process by its name; it takes the place of an earlier one of that name.

    Raises:
        UserError: if a task that ships with the package has the name.
    """
    if task.name in TASKS:
        raise UserError(f"task: one that ships with lit-idim is named {task.name!r}, too; give yours another name")
    _USER_TASKS[task.name] = task


def get_task(name: str) -> Task:
    """The task of that name, or in that folder.

    Args:
        name: of a task that ships with the package; a folder with a `task.yaml`; or the name of a user's task that this
            process has had from its folder before.

    Raises:
        UserError: if there is none; the message lists all names and the nearest one.

    Example:
        >>> get_task("mnli").label_names
        ('entailment', 'neutral', 'contradiction')
    """
    if name in TASKS:
        return TASKS[name]
    if name in _USER_TASKS:
        return _USER_TASKS[name]
    if (Path(name) / TASK_FILE).is_file():
        task = read_user_task(Path(name))
        register_task(task)
        return task
    known = {
        normalised_name(alias): task.name
        for task in TASKS.values()
        for alias in (task.name, task.title, *task.folder_names)
    }
    nearest = difflib.get_close_matches(normalised_name(name), known, n=1, cutoff=0.5)
    suggestion = f" Did you mean {known[nearest[0]]!r}?" if nearest else ""
    raise UserError(
        f"task: expected one of {', '.join(TASKS)}; got {name!r}.{suggestion} A task of your own is a folder with a "
        f"{TASK_FILE}."
    )


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
