"""The original TSV files of GLUE.

They know no quoting: a quotation mark is text, and a cell ends at a tab or at the end of the line.
"""

from pathlib import Path

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn

from lit_idim.data.examples import Examples
from lit_idim.data.labels import labels_array, parse_label
from lit_idim.data.text_lines import read_lines
from lit_idim.errors import UserError
from lit_idim.tasks import Split, Task

_MAX_LINES_NAMED = 30


def read_tsv(path: Path, task: Task, split: Split) -> Examples:
    """The examples of one TSV file.

    A line with a wrong number of columns is an error. Only of a task whose published file is known to have a few (QQP,
    where some questions contain line breaks) they are left out, as the hub leaves them out, and a warning names them.

    Raises:
        UserError: naming file and line, for a wrong number of columns, missing columns, a label outside the task's set,
            a score that is no number or out of range, text that is not UTF-8, or a file without examples.
    """
    lines = read_lines(path)
    names = split.columns_without_header or tuple(next(lines)[1].split("\t"))
    text_positions, label_position = _column_positions(path, task, split, names)
    texts: tuple[list[str], ...] = tuple([] for _ in text_positions)
    labels: list[float] = []
    malformed: list[int] = []
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != len(names):
            # In a split to be submitted a line left out would shift the predictions of all that follow.
            if task.max_malformed_fraction == 0 or split.submission_name is not None:
                raise UserError(
                    f"{path}:{number}: expected {len(names)} columns separated by tabs ({', '.join(names)}); "
                    f"got {len(cells)}: {line[:80]!r}"
                )
            malformed.append(number)
            continue
        for column, position in zip(texts, text_positions, strict=True):
            column.append(cells[position])
        if label_position is not None:
            labels.append(parse_label(task, cells[label_position], f"{path}:{number}"))
    _report_malformed(path, task, len(names), malformed, len(texts[0]))
    if not texts[0]:
        raise UserError(f"{path}: expected examples; the file holds only its header line")
    return Examples(
        first=texts[0],
        second=texts[1] if task.is_pair else None,
        labels=None if label_position is None else labels_array(task, labels),
        index=np.arange(len(texts[0])),
    )


def _column_positions(path: Path, task: Task, split: Split, names: tuple[str, ...]) -> tuple[list[int], int | None]:
    """Positions of the text columns and of the label column; None for the label of a split published without."""
    text_columns = task.file_text_columns or task.text_columns
    label_column = task.file_label_column or task.label_column
    needed = (*text_columns, label_column) if split.labelled else text_columns
    missing = [name for name in needed if name not in names]
    if missing:
        raise UserError(
            f"{path}:1: the header line of {task.name}'s {split.name} split must name the columns {', '.join(needed)}; "
            f"{', '.join(missing)} missing among {', '.join(name[:40] for name in names)}"
        )
    label_position = names.index(label_column) if label_column in names else None
    return [names.index(name) for name in text_columns], label_position


def _report_malformed(path: Path, task: Task, num_columns: int, malformed: list[int], num_examples: int) -> None:
    """Warn of the lines left out, or raise if they are more than the published file is known to have."""
    if not malformed:
        return
    named = ", ".join(map(str, malformed[:_MAX_LINES_NAMED])) + (", ..." if len(malformed) > _MAX_LINES_NAMED else "")
    message = (
        f"{len(malformed)} of {num_examples + len(malformed)} lines do not have {num_columns} columns: line {named}"
    )
    if len(malformed) > task.max_malformed_fraction * (num_examples + len(malformed)):
        raise UserError(
            f"{path}:{malformed[0]}: {message}. The published {task.title} has at most "
            f"{task.max_malformed_fraction:.1%} of such lines; is this the original file?"
        )
    rank_zero_warn(f"{path}: {message}. They are left out.")
