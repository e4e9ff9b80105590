"""Panels of lines: how many names share a panel, and the pattern that selects lines too many to be listed."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from lit_idim.dashboard.panels import Panel

MAX_PANELS = 60
"""Of one section: W&B draws more, but nobody finds one among them."""
MAX_REPORT_PANELS = 12
"""Of one section of the report, which is read from top to bottom; the workspace has them all."""
MAX_LISTED_LINES = 20
"""That a panel names one by one."""
_MAX_ALTERNATIVES = 8

Name = TypeVar("Name")


def grouped(names: Iterable[Name], groupings: Sequence[Callable[[Name], str]]) -> dict[str, list[Name]]:
    """Names by the title of their panel, as finely as `MAX_PANELS` allows.

    >>> sorted(grouped(["a1", "a2", "b1"], [lambda name: name, lambda name: name[0]]))
    ['a1', 'a2', 'b1']

    Args:
        names: of what is drawn.
        groupings: from a name to its panel's title, the finest first; the last one is taken however many it makes.
    """
    known = list(names)
    groups: dict[str, list[Name]] = {}
    for title_of in groupings:
        groups = {}
        for name in known:
            groups.setdefault(title_of(name), []).append(name)
        if len(groups) <= MAX_PANELS:
            break
    return groups


def line_panel(title: str, keys: Iterable[str], *, x: str, y: str, log_x: bool = False, log_y: bool = False) -> Panel:
    """A panel of lines, listed or, if they are many, selected by a pattern.

    Args:
        title: above it.
        keys: of the lines.
        x: their step metric.
        y: label of the axis.
        log_x: whether x is logarithmic.
        log_y: whether y is logarithmic.
    """
    once = tuple(dict.fromkeys(keys))
    pattern = pattern_of(once) if len(once) > MAX_LISTED_LINES else None
    return Panel(kind="lines", title=title, keys=once, pattern=pattern, x=x, y=y, log_x=log_x, log_y=log_y)


def pattern_of(keys: Sequence[str]) -> str:
    """A regular expression that matches keys of equally many parts: a part that differs much may be anything.

    It is written in what all dialects share, since W&B tells of none.

    >>> pattern_of(["score_against_d/bert/step-1/mrpc/did", "score_against_d/bert/step-2/mrpc/did"])
    '^score_against_d/bert/(step-1|step-2)/mrpc/did$'
    """
    columns = zip(*(key.split("/") for key in keys), strict=True)
    return f"^{'/'.join(_alternatives(tuple(dict.fromkeys(column))) for column in columns)}$"


def _alternatives(parts: tuple[str, ...]) -> str:
    if len(parts) > _MAX_ALTERNATIVES:
        return "[^/]+"
    escaped = [part.replace(".", "[.]") for part in parts]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
