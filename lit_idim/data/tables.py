"""Examples from a table with named columns: a split of the hub, a parquet file, a `save_to_disk` folder."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lit_idim.data.examples import Examples
from lit_idim.data.labels import labels_from_column
from lit_idim.errors import UserError
from lit_idim.tasks import Split, Task


def table_columns(task: Task, names: Sequence[str], where: str) -> tuple[tuple[str, ...], str | None]:
    """Names of the text columns and of the label column (None if there is none): those of the hub, or of the files.

    Raises:
        UserError: if the table has neither.
    """
    labels = [name for name in (task.label_column, task.file_label_column) if name in names]
    for text_columns in (task.text_columns, task.file_text_columns):
        if text_columns is not None and set(text_columns) <= set(names):
            return text_columns, labels[0] if labels else None
    raise UserError(
        f"{where}: {task.name} expects the text columns {', '.join(task.text_columns)}; "
        f"the table has {', '.join(names)}"
    )


def examples_from_columns(
    task: Task, split: Split, columns: Mapping[str, Sequence[Any]], class_names: Sequence[str] | None, where: str
) -> Examples:
    """The examples of a table.

    Args:
        task: The task.
        split: The split that the table holds.
        columns: The columns by name, each of n values.
        class_names: The table's own names for its class numbers, if it has any.
        where: Names the table in an error.

    Raises:
        UserError: naming the row, for a text that is missing or a label outside the task's set.
    """
    text_columns, label_column = table_columns(task, list(columns), where)
    texts = [list(columns[name]) for name in text_columns]
    for name, column in zip(text_columns, texts, strict=True):
        for row, text in enumerate(column):
            if not isinstance(text, str):
                raise UserError(f"{where}, row {row}: expected a text in column {name}; got {text!r}")
    if not texts[0]:
        raise UserError(f"{where}: expected examples; the table has no rows")
    labels = None if label_column is None else labels_from_column(task, columns[label_column], class_names, where)
    if labels is None and split.labelled:
        raise UserError(
            f"{where}: the {split.name} split of {task.name} must hold labels; column or values are missing"
        )
    return Examples(
        first=texts[0],
        second=texts[1] if task.is_pair else None,
        labels=labels,
        index=np.arange(len(texts[0])),
    )


def examples_from_dataset(task: Task, split: Split, dataset: Any, where: str) -> Examples:
    """The examples of a `datasets.Dataset`."""
    text_columns, label_column = table_columns(task, dataset.column_names, where)
    names = [*text_columns, label_column] if label_column is not None else [*text_columns]
    class_names = getattr(dataset.features[label_column], "names", None) if label_column is not None else None
    return examples_from_columns(task, split, dataset.select_columns(names).to_dict(), class_names, where)
