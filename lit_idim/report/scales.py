"""From values to places in an SVG: logarithmic, of pretraining steps, linear."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lit_idim.figures.style import compact, log_ticks

MOST_TICKS = 6


@dataclass(frozen=True, kw_only=True)
class Scale:
    """An axis.

    Attributes:
        place: of a value, in units of the SVG.
        ticks: (place, label).
        break_at: place of a break mark; None without one.
    """

    place: Callable[[float], float]
    ticks: Sequence[tuple[float, str]]
    break_at: float | None = None


def log_scale(low: float, high: float, start: float, end: float, *, most_ticks: int = MOST_TICKS) -> Scale:
    """A logarithmic axis from `low` at `start` to `high` at `end`.

    >>> log_scale(1, 100, 0, 200).place(10)
    100.0
    """

    def place(value: float) -> float:
        return start + (end - start) * math.log(value / low) / math.log(high / low)

    return Scale(place=place, ticks=[(place(tick), compact(tick)) for tick in log_ticks(low, high, most_ticks)])


def value_scale(values: Sequence[float], start: float, end: float, *, most_ticks: int = MOST_TICKS) -> Scale:
    """A logarithmic axis for values above 0, which it names where they are few."""
    low, high = min(values), max(values)
    ratio = max(high / low, 2.0)
    pad = ratio**0.06
    inner = log_scale(low / pad, low * ratio * pad, start, end)
    return Scale(place=inner.place, ticks=_own_ticks(values, inner.place, most_ticks, abs(end - start)))


def step_scale(steps: Sequence[int], start: float, end: float, *, most_ticks: int = MOST_TICKS) -> Scale:
    """The axis of pretraining steps: logarithmic, and step 0 apart at the left, behind a break.

    >>> scale = step_scale([0, 10, 1000], 0, 100)
    >>> scale.place(0) < scale.break_at < scale.place(10) < scale.place(1000)
    True
    """
    positive = sorted({step for step in steps if step > 0})
    if not positive:
        middle = (start + end) / 2
        return Scale(place=lambda _: middle, ticks=[(middle, "0")])
    if 0 not in steps:
        return value_scale(positive, start, end, most_ticks=most_ticks)
    apart = (end - start) / 6
    at_zero = start + 0.35 * apart
    later = value_scale(positive, start + apart, end, most_ticks=most_ticks - 1)

    def place(step: float) -> float:
        return later.place(step) if step > 0 else at_zero

    return Scale(place=place, ticks=[(at_zero, "0"), *later.ticks], break_at=(at_zero + later.place(positive[0])) / 2)


def linear_scale(low: float, high: float, start: float, end: float, *, most_ticks: int = 5) -> Scale:
    """A linear axis with round ticks.

    >>> [label for _, label in linear_scale(0.48, 1.02, 100, 0).ticks]
    ['0.5', '0.6', '0.7', '0.8', '0.9', '1']
    """
    span = high - low if high > low else 1.0

    def place(value: float) -> float:
        return start + (end - start) * (value - low) / span

    rough = span / most_ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda one: abs(one - rough))
    first, last = math.ceil(low / step - 1e-9), math.floor((low + span) / step + 1e-9)
    return Scale(place=place, ticks=[(place(n * step), f"{n * step:.6g}") for n in range(first, last + 1)])


def column_scale(labels: Sequence[str], start: float, end: float) -> Scale:
    """Places 0, 1, ... side by side, each with its label."""
    width = (end - start) / len(labels)

    def place(column: float) -> float:
        return start + (column + 0.5) * width

    return Scale(place=place, ticks=[(place(column), label) for column, label in enumerate(labels)])


def nearest_gaps(places: Iterable[float], most: float) -> dict[float, float]:
    """Distance of each place to its nearest neighbour, at most `most`.

    >>> nearest_gaps([10, 10, 15, 40], 20)
    {10: 5, 15: 5, 40: 20}
    """
    ordered = sorted(set(places))
    between = [b - a for a, b in itertools.pairwise(ordered)]
    return {place: min([most, *between[max(0, n - 1) : n + 1]]) for n, place in enumerate(ordered)}


def _own_ticks(
    values: Sequence[float], place: Callable[[float], float], most: int, length: float
) -> list[tuple[float, str]]:
    """The values themselves, last and first preferred, as far as their names do not touch."""
    ordered = sorted(set(values))
    if len(ordered) > 3 * most:
        return [(place(tick), compact(tick)) for tick in log_ticks(ordered[0], ordered[-1], most)]
    apart = 0.85 * length / most
    kept = [ordered[-1]]
    for value in [ordered[0], *reversed(ordered[:-1])]:
        if all(abs(place(value) - place(other)) >= apart for other in kept):
            kept.append(value)
    return [(place(value), compact(value)) for value in sorted(kept)]
