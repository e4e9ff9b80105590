"""Where in the page a cell is: names that no two cells share."""

import re
from collections.abc import Iterable, Mapping

from lit_idim.figures.score_against_d import CellKey

Links = Mapping[CellKey, str]
"""Name of each cell's panel within the page."""


def panel_names(keys: Iterable[CellKey]) -> dict[CellKey, str]:
    """Names that a link can hold, made from those of the cells.

    >>> list(panel_names([("a", "b", "c/d", "did"), ("a", "b", "c d", "did")]).values())
    ['cell-a-b-c-d-did', 'cell-a-b-c-d-did-2']
    """
    names: dict[CellKey, str] = {}
    taken: set[str] = set()
    for key in keys:
        stem = "cell-" + re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(key))
        name, count = stem, 1
        while name in taken:
            count += 1
            name = f"{stem}-{count}"
        taken.add(name)
        names[key] = name
    return names
