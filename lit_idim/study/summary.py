"""What a study found, as text: a line a d90, and the trend of each task."""

from collections.abc import Sequence

from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.outputs import VARIANT_OF_TARGET, search_failed
from lit_idim.study.row_details import has_ended
from lit_idim.study.settings import StudySettings
from lit_idim.study.trend import Trend, trend
from lit_idim.text import aligned, interval, whole

_HEADINGS = ("series", "step", "task", "method", "full", "d90", "90% interval", "status", "trainings")


def summarize(rows: Sequence[D90Row], settings: StudySettings) -> str:
    """A table of the d90 of the first target that the search aims at, and its trend with pretraining step.

    Args:
        rows: of `d90.csv`.
        settings: of the study.
    """
    variant = VARIANT_OF_TARGET[settings.search.targets[0]]
    lines = [_HEADINGS, *(_line(row, variant) for row in rows)]
    text = aligned(lines)
    text += trend_sentences(rows, settings)
    names = [(f"{row.model}/{row.checkpoint} {row.task} {row.method}", row) for row in rows]
    text += [f"{name}: {row.reason}" for name, row in names if search_failed(row, settings)]
    text += [f"{name}: {row.notes}" for name, row in names if "WARNING" in row.notes]
    return "\n".join(text)


def trend_sentences(rows: Sequence[D90Row], settings: StudySettings) -> list[str]:
    """How d90 of the first target goes with pretraining step: a line a series, task and method of several steps."""
    variant = VARIANT_OF_TARGET[settings.search.targets[0]]
    groups: dict[tuple[str, str, str], list[D90Row]] = {}
    for row in rows:
        if row.pretraining_step is not None and has_ended(row):
            groups.setdefault((row.model, row.task, row.method), []).append(row)
    return [
        f"{variant} on {' '.join(group)}: {_trend(trend(members, variant=variant))}"
        for group, members in groups.items()
        if len(members) > 1
    ]


def _line(row: D90Row, variant: D90Variant) -> tuple[str, ...]:
    d90, low, high = row.interval_of(variant)
    status = row.status_of(variant) or ""
    return (
        row.model,
        "" if row.pretraining_step is None else str(row.pretraining_step),
        row.task,
        row.method,
        "" if row.full_score is None else f"{row.full_score:.3f}",
        whole(d90),
        interval(low, high),
        status,
        str(row.num_trainings),
    )


def _trend(found: Trend) -> str:
    if found.spearman is None:
        return f"no trend ({found.reason})"
    censored = found.num_above_range + found.num_below_range
    interval = f"({found.spearman_low:+.2f} to {found.spearman_high:+.2f})"
    counts = f"{found.num_reached} reached, {censored} censored"
    text = f"rank correlation with pretraining step {found.spearman:+.2f} {interval}, {counts}"
    if found.slope is not None:
        ends = [f"{end:+.2f}" if end is not None else "?" for end in (found.slope_low, found.slope_high)]
        text += f"; slope of ln d90 against ln step {found.slope:+.2f} ({ends[0]} to {ends[1]})"
    if found.intervals_overlap is not None:
        text += "; all intervals overlap" if found.intervals_overlap else "; the intervals do not all overlap"
    return text
