"""d90 against model size as a table (`trends.csv`) and as text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.model_sizes import ModelSize, SizeAxis, SizeKey, size_key
from lit_idim.study.size_trend import SizeTrend
from lit_idim.study.tables import write_table
from lit_idim.text import aligned, interval, whole

SIZE_WORDS: dict[SizeAxis, str] = {
    "num_parameters": "D",
    "num_parameters_without_embeddings": "D without embeddings",
}
_HEADINGS = ("model", "family", "D", "without embeddings", "step", "task", "method", "d90", "interval", "status")


def write_size_trends(path: Path, trends: Iterable[SizeTrend]) -> None:
    """Writes one row a trend, in the order given; every field of `SizeTrend` is a column."""
    columns = [entry.name for entry in fields(SizeTrend)]
    write_table(path, columns, ([getattr(trend, name) for name in columns] for trend in trends))


def summarize_sizes(
    rows: Sequence[D90Row],
    sizes: Mapping[SizeKey, ModelSize],
    trends: Sequence[SizeTrend],
    *,
    variant: D90Variant = "d90",
) -> str:
    """A line a d90, small models first, then the trends, and what went wrong.

    Args:
        rows: of `d90.csv`.
        sizes: of the rows.
        trends: of the rows.
        variant: which d90.
    """
    ordered = sorted(rows, key=lambda row: (row.task, row.method, _number_of_parameters(row, sizes), row.model))
    lines = [_HEADINGS, *(_line(row, sizes.get(size_key(row)), variant) for row in ordered)]
    text = aligned(lines)
    text += [
        f"{trend.variant} on {trend.task} {trend.method} against {SIZE_WORDS[trend.x]}: {describe_trend(trend)}"
        for trend in trends
    ]
    unknown = {
        f"{size.model}/{size.checkpoint}: D without embeddings is not known: {size.reason}"
        for row in ordered
        if (size := sizes.get(size_key(row))) is not None and size.reason is not None
    }
    text += sorted(unknown)
    names = [(f"{row.model}/{row.checkpoint} {row.task} {row.method}", row) for row in ordered]
    text += [f"{name}: {row.reason}" for name, row in names if row.status_of(variant) == "failed"]
    text += [f"{name}: {row.notes}" for name, row in names if "WARNING" in row.notes]
    return "\n".join(text)


def describe_trend(trend: SizeTrend) -> str:
    """Rank correlation and slope, each with its bootstrap interval, and how many models they are of."""
    censored = trend.num_above_range + trend.num_below_range
    parts = [
        _statistic("rank correlation", trend.spearman, trend.spearman_low, trend.spearman_high, trend.reason),
        _statistic("slope", trend.slope, trend.slope_low, trend.slope_high, trend.slope_reason),
        f"{trend.num_reached} reached, {censored} censored",
    ]
    reasons = dict.fromkeys(reason for reason in (trend.interval_reason, trend.slope_interval_reason) if reason)
    return "; ".join([*parts, *(f"no interval, since {reason}" for reason in reasons)])


def _statistic(name: str, value: float | None, low: float | None, high: float | None, reason: str | None) -> str:
    if value is None:
        return f"no {name} ({reason})"
    return f"{name} {value:+.2f}" if low is None or high is None else f"{name} {value:+.2f} ({low:+.2f} to {high:+.2f})"


def _number_of_parameters(row: D90Row, sizes: Mapping[SizeKey, ModelSize]) -> int:
    size = sizes.get(size_key(row))
    return (size.num_parameters if size else row.num_parameters) or 0


def _line(row: D90Row, size: ModelSize | None, variant: D90Variant) -> tuple[str, ...]:
    d90, low, high = row.interval_of(variant)
    D, without = (size.num_parameters, size.num_parameters_without_embeddings) if size else (row.num_parameters, None)
    return (
        row.model,
        size.family if size else "",
        whole(D, unknown="?"),
        whole(without, unknown="?"),
        "" if row.pretraining_step is None else str(row.pretraining_step),
        row.task,
        row.method,
        whole(d90),
        interval(low, high),
        row.status_of(variant) or "",
    )
