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


def whole(value: float | None, *, unknown: str = "") -> str:
    """A number without its fraction, or the text for one that is not known.

    >>> whole(1661.7), whole(None), whole(None, unknown="?")
    ('1,662', '', '?')
    """
    return unknown if value is None else f"{value:,.0f}"


def interval(low: float | None, high: float | None) -> str:
    """The ends of an interval, "?" for one that is open; "" if both are.

    >>> interval(189.0, 18581.5), interval(12.2, None), interval(None, None)
    ('189 to 18,582', '12 to ?', '')
    """
    return "" if low is None and high is None else f"{whole(low, unknown='?')} to {whole(high, unknown='?')}"


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, whose columns are as wide as their longest word.

    >>> aligned([("task", "d90"), ("sst2", "791"), ("mnli", "")])
    ['task  d90', 'sst2  791', 'mnli']
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
