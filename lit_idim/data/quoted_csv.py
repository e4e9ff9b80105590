"""The original CSV files of Yelp polarity: a label and a review a line, both quoted."""

import re
from pathlib import Path

import numpy as np

from lit_idim.data.examples import Examples
from lit_idim.data.labels import labels_array, parse_label
from lit_idim.data.text_lines import read_lines
from lit_idim.errors import UserError
from lit_idim.tasks import Task

_LINE = re.compile(r'"([^"]*)","(.*)"')


def read_quoted_csv(path: Path, task: Task) -> Examples:
    r"""The examples of a file with lines `"label","text"`.

    Escapes inside a review (`""` for a quotation mark, `\n` for a line break) are kept as written, because the hub
    keeps them too: the tokens, and with them d90, must not depend on where the data came from.

    Raises:
        UserError: naming file and line, for a line of another form or an unknown label.
    """
    texts: list[str] = []
    labels: list[float] = []
    for number, line in read_lines(path):
        match = _LINE.fullmatch(line)
        if match is None:
            raise UserError(f'{path}:{number}: expected a line of the form "label","text"; got {line[:80]!r}')
        labels.append(parse_label(task, match[1], f"{path}:{number}"))
        texts.append(match[2].strip())
    return Examples(first=texts, second=None, labels=labels_array(task, labels), index=np.arange(len(texts)))
