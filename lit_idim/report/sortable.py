"""Tables that sort: a button in each heading, numbers as numbers."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lit_idim.report.markup import Child, Markup, element

_NUMBER = re.compile(r"[-+]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell whose text is not what it sorts by, or that holds more than text.

    Attributes:
        shown: what stands in it.
        key: what it sorts by; "" is last.
    """

    shown: Child
    key: str


def sortable_table(header: Sequence[str], rows: Sequence[Sequence[str | Cell]], *, title: str) -> Markup:
    """A table within a container of its own that scrolls.

    A column sorts as numbers if all that it holds are numbers. Empty cells come last in either direction.

    Args:
        header: names of the columns.
        rows: of cells, as many as there are columns.
        title: what the table is, for those who cannot see it.
    """
    columns = [[row[column] for row in rows] for column in range(len(header))]
    numeric = [all(_is_number(_key(cell)) for cell in cells) for cells in columns]
    aligned = [all(isinstance(cell, str) and _is_number(cell) for cell in cells) for cells in columns]
    heads = [
        element(
            "th",
            element("button", name, type="button"),
            scope="col",
            class_="number" if on_right else None,
            data_kind="number" if is_number else None,
        )
        for name, is_number, on_right in zip(header, numeric, aligned, strict=True)
    ]
    lines = [
        element("tr", [_cell(cell, on_right) for cell, on_right in zip(row, aligned, strict=True)]) for row in rows
    ]
    table = element(
        "table", element("thead", element("tr", heads)), element("tbody", lines), class_="sortable", aria_label=title
    )
    return element("div", table, class_="scroll", role="region", aria_label=title, tabindex="0")


def _cell(cell: str | Cell, on_right: bool) -> Markup:
    of_kind = "number" if on_right else None
    if isinstance(cell, Cell):
        return element("td", cell.shown, class_=of_kind, data_key=cell.key)
    return element("td", cell, class_=of_kind)


def _key(cell: str | Cell) -> str:
    return cell.key if isinstance(cell, Cell) else cell


def _is_number(text: str) -> bool:
    """Whether the script can read it as a number; an empty cell does not speak against it.

    >>> [_is_number(text) for text in ("1,662", "-.5", "1e-05", "", "step-0", "-", "e5", "1e999")]
    [True, True, True, True, False, False, False, False]
    """
    return not text or (_NUMBER.fullmatch(text) is not None and math.isfinite(float(text.replace(",", ""))))
