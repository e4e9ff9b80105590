"""The original JSON-lines files of ANLI."""

import json
from pathlib import Path

import numpy as np

from lit_idim.data.examples import Examples
from lit_idim.data.labels import labels_array, parse_label
from lit_idim.data.text_lines import read_lines
from lit_idim.errors import UserError
from lit_idim.tasks import Task


def read_json_lines(path: Path, task: Task) -> Examples:
    """The examples of a file with one JSON object a line.

    Raises:
        UserError: naming file and line, for a line that is no JSON object, lacks a field, or holds an unknown label.
    """
    text_fields = task.file_text_columns or task.text_columns
    label_field = task.file_label_column or task.label_column
    texts: tuple[list[str], ...] = tuple([] for _ in text_fields)
    labels: list[float] = []
    for number, line in read_lines(path):
        record = _parse_object(line, f"{path}:{number}", (*text_fields, label_field))
        for column, field in zip(texts, text_fields, strict=True):
            column.append(record[field])
        labels.append(parse_label(task, record[label_field], f"{path}:{number}"))
    return Examples(
        first=texts[0],
        second=texts[1] if task.is_pair else None,
        labels=labels_array(task, labels),
        index=np.arange(len(texts[0])),
    )


def _parse_object(line: str, where: str, fields: tuple[str, ...]) -> dict[str, str]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: expected a JSON object; {error}") from None
    if not isinstance(record, dict) or not all(isinstance(record.get(field), str) for field in fields):
        raise UserError(f"{where}: expected a JSON object with the texts {', '.join(fields)}; got {line[:80]!r}")
    return record
