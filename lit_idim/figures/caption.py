"""The sentences under a figure: seeds, protocol, what an interval includes, what was left out."""

from collections import Counter
from collections.abc import Sequence

from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.row_details import has_ended
from lit_idim.text import counted, listed

TARGETS: dict[D90Variant, str] = {
    "d90": "{share} of the checkpoint's own full score",
    "d90_chance_corrected": "chance plus {share} of what the checkpoint's full score is above chance",
    "d90_final_target": "{share} of the last checkpoint's full score",
}
STATUS_WORDS = {
    "above_range": "above range (not reached at d_max)",
    "below_range": "below range (reached at d_min)",
    "trivial": "trivial (chance reaches the target)",
    "no_signal": "without signal (full score not above chance)",
    "failed": "failed",
    "not_measured": "not measured",
    "in_progress": "in progress (search not ended, numbers may still change)",
}


def standing(row: D90Row, variant: D90Variant) -> str:
    """What a d90 counts as.

    Returns:
        Its status; "in_progress" of a search that has not ended, whatever it has found so far, and "not_measured" where
        the variant has no status.
    """
    return (row.status_of(variant) or "not_measured") if has_ended(row) else "in_progress"


def caption(rows: Sequence[D90Row], *, variant: D90Variant = "d90", further: str = "") -> str:
    """What a reader has to know of the rows of a figure.

    Args:
        rows: the rows drawn.
        variant: which d90 is drawn.
        further: sentences of the figure itself.

    Returns:
        English sentences; "" and `further` alone without rows.
    """
    if not rows:
        return further
    sentences = [further] if further else []
    target = TARGETS[variant].format(share=_range([round(100 * row.target_fraction, 3) for row in rows], "%"))
    sentences.append(f"Target: {target}; dev {listed(sorted({row.metric for row in rows}))}.")
    ended = [row for row in rows if has_ended(row)]
    counts: Counter[str] = Counter(standing(row, variant) for row in rows)
    others = [f"{counts[status]} {words}" for status, words in STATUS_WORDS.items() if counts[status]]
    reached = f"{counts['reached']} of {len(rows)} d90 reached"
    sentences.append("; ".join([reached, *others]) + ".")
    includes = sorted({row.interval_includes for row in rows if row.interval_includes})
    of_what = f" ({' / '.join(includes)})" if includes else ""
    sentences.append(f"Intervals: {_range([round(100 * row.interval_level, 3) for row in rows], '%')}{of_what}.")
    methods, projections = {row.method.upper() for row in rows}, {row.projection for row in rows}
    sentences.append(
        f"{listed(sorted(methods))} with {listed(sorted(projections))}, "
        f"{listed(sorted({row.protocol for row in rows}))} protocol, d from {_range([row.d_min for row in rows])} to "
        f"{_range([row.d_max for row in rows])}{_seeds(ended)}{_updates(rows)}."
    )
    open_ends = [row for row in rows if standing(row, variant) == "reached" and None in row.interval_of(variant)]
    if open_ends:
        sentences.append(f"Open at an end of the range of d: {counted(len(open_ends), 'interval')}.")
    if num_unmet := sum(row.tolerance_met is False for row in ended):
        whose = "its" if num_unmet == 1 else "their"
        searches = counted(num_unmet, "search", "searches")
        sentences.append(f"{searches} ended at {whose} budget, wider than the tolerance.")
    if num_edge := sum(row.learning_rate_at_edge is True for row in ended):
        sentences.append(f"In {num_edge} the best learning rate is at the edge of those tried.")
    if num_diverged := sum(row.num_diverged for row in rows):
        sentences.append(f"{counted(num_diverged, 'training')} diverged.")
    toys = {row.task for row in rows if row.task.startswith("toy-")}
    if toys:
        which = "The tasks are" if toys == {row.task for row in rows} else f"{listed(sorted(toys))} are"
        sentences.append(f"{which} in a generated language, not in English.")
    return " ".join(sentences)


def _seeds(rows: Sequence[D90Row]) -> str:
    seeds = [row.num_seeds for row in rows]
    return f", {_range(seeds)} seed{'' if set(seeds) == {1} else 's'} at the d nearest to d90" if seeds else ""


def _updates(rows: Sequence[D90Row]) -> str:
    updates = [row.num_updates for row in rows if row.num_updates is not None]
    return f", {_range(updates)} updates of {_range([row.batch_size for row in rows])} examples" if updates else ""


def _range(numbers: Sequence[float], unit: str = "") -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,.10g}{unit}" if low == high else f"{low:,.10g}-{high:,.10g}{unit}"  # "16-4,096"
