"""Words and tables as a user reads them."""

from collections.abc import Sequence


def listed(words: Sequence[str]) -> str:
    """Words with commas and an "and".

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "cell"), counted(2_000, "cell"), counted(2, "search", "searches")
    ('1 cell', '2,000 cells', '2 searches')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def whole_or_unknown(value: float | None) -> str:
    """A number without its fraction; "?" if it is not known.

    >>> whole_or_unknown(1234.5), whole_or_unknown(None)
    ('1,234', '?')
    """
    return "?" if value is None else f"{value:,.0f}"


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, whose columns are as wide as their longest word.

    >>> aligned([("task", "d90"), ("sst2", "791"), ("mnli", "")])
    ['task  d90', 'sst2  791', 'mnli']
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
