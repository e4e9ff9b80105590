"""Reading labels: the words of a file, or the numbers of a table, into class numbers or scores."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lit_idim.data.examples import Labels
from lit_idim.errors import UserError
from lit_idim.tasks import Task

UNPUBLISHED = -1  # what the hub writes in place of a label that is kept secret


def parse_label(task: Task, word: str, where: str) -> float:
    """The class number or score that a word of a published file stands for; `where` names file and line in an error.

    Raises:
        UserError: if the word is not in the task's label set, or the score is not a number in the task's range.

    Example:
        >>> from lit_idim.tasks import get_task
        >>> parse_label(get_task("mnli"), "contradiction", "dev.tsv:7")
        2
    """
    if task.label_range is None:
        if word not in task.labels_in_files:
            known = ", ".join(repr(name) for name in task.labels_in_files)
            raise UserError(f"{where}: label {word!r} is outside {task.name}'s label set; expected one of {known}")
        return task.labels_in_files.index(word)
    try:
        score = float(word)
    except ValueError:
        raise UserError(f"{where}: the score of {task.name} must be a number; got {word!r}") from None
    _check_score(task, score, where)
    return score


def labels_array(task: Task, labels: Sequence[float]) -> Labels:
    """Labels as the array that `Examples` holds: int64 class numbers or float32 scores, shape (n,)."""
    return np.array(labels, dtype=np.float32) if task.is_regression else np.array(labels, dtype=np.int64)


def labels_from_column(
    task: Task, column: Sequence[object], class_names: Sequence[str] | None, where: str
) -> Labels | None:
    """Labels from the column of a table; None if the column says -1 throughout, as the hub does for secret labels.

    Args:
        task: The task.
        column: n class numbers, label words or scores.
        class_names: Names that the table itself gives its class numbers; numbers follow them where they are the task's
            words in another order.
        where: Names the table in an error.

    Raises:
        UserError: naming the row, if a label is outside the task's label set or range.
    """
    if all(value == UNPUBLISHED for value in column):
        return None
    renumber = _renumbering(task, class_names)
    labels = []
    for row, value in enumerate(column):
        place = f"{where}, row {row}"
        if isinstance(value, str):
            labels.append(_parse_word(task, value, place))
        elif isinstance(value, (int, float)) and task.is_regression:
            _check_score(task, float(value), place)
            labels.append(float(value))
        elif isinstance(value, int) and 0 <= value < task.num_labels:
            labels.append(renumber[value])
        else:
            expected = f"a number from {task.label_range}" if task.is_regression else f"0 to {task.num_labels - 1}"
            raise UserError(f"{place}: label {value!r} is outside {task.name}'s label set; expected {expected}")
    return labels_array(task, labels)


def _parse_word(task: Task, word: str, where: str) -> float:
    if word in task.label_names:
        return task.label_names.index(word)
    return parse_label(task, word, where)


def _renumbering(task: Task, class_names: Sequence[str] | None) -> npt.NDArray[np.int64]:
    """Class number of the task for each class number of the table, shape (num_labels,)."""
    if class_names is not None and sorted(class_names) == sorted(task.label_names):
        return np.array([task.label_names.index(name) for name in class_names], dtype=np.int64)
    return np.arange(task.num_labels)


def _check_score(task: Task, score: float, where: str) -> None:
    low, high = task.label_range or (-math.inf, math.inf)
    if not low <= score <= high:
        raise UserError(f"{where}: the score of {task.name} must lie between {low:g} and {high:g}; got {score:g}")
