"""The tasks that d90 is measured on."""

from lit_idim.tasks.registry import TASKS, get_split, get_task, register_task
from lit_idim.tasks.task import Metric, Split, Task

__all__ = ["TASKS", "Metric", "Split", "Task", "get_split", "get_task", "register_task"]
