"""What a study of generalization found, as text."""

from collections.abc import Callable, Sequence

import numpy as np

from lit_idim.generalization.row import GeneralizationRow
from lit_idim.study.rank_correlation import spearman
from lit_idim.tasks import get_task
from lit_idim.text import aligned

MIN_POINTS = 4
LEVEL = 0.9
NUM_RESAMPLES = 1000
_HEADINGS = (
    "series",
    "step",
    "task",
    "method",
    "d90",
    "gap",
    "bits",
    "n",
    "on sample",
    "held out",
    "dev",
    "bound",
    "majority",
)


def summarize_generalization(rows: Sequence[GeneralizationRow]) -> str:
    """A line a cell, and how d90 goes with accuracy and gap over all cells of a task and method."""
    lines = [_HEADINGS, *(_line(row) for row in rows)]
    text = aligned(lines)
    for task, method in dict.fromkeys((row.task, row.method) for row in rows):
        group = [row for row in rows if (row.task, row.method) == (task, method)]
        for words, value in (
            ("dev accuracy of full fine-tuning", lambda row: row.full_dev_accuracy),
            ("relative generalization gap of full fine-tuning", lambda row: row.full_generalization_gap),
        ):
            text.append(f"d90 on {task} {method} and {words}: {_correlation(group, value)}")
        if left_out := [row for row in group if row.d90 is None]:
            text.append(f"left out for want of a d90 on {task} {method}: {len(left_out)} of {len(group)} cells")
    certified = [row for row in rows if row.kl_bound is not None]
    non_vacuous = sum(row.is_non_vacuous is True for row in certified)
    broken = [row for row in certified if (row.held_out_error or 0.0) > (row.kl_bound or 0.0)]
    text.append(
        f"bounds: {non_vacuous} of {len(certified)} below the error of the majority class; {len(broken)} below the "
        "error on held-out examples"
    )
    if of_pairs := sorted({row.task for row in certified if get_task(row.task).is_pair}):
        text.append(
            f"WARNING: the bounds on {', '.join(of_pairs)} take every pair for independent of the others; where pairs "
            "share a text (docs/method.md, certificates) they are too low by an unknown amount"
        )
    for row in rows:
        if row.reason is not None:
            what = "no certificate" if row.num_bits is None else "without full fine-tuning"
            text.append(f"{row.model}/{row.checkpoint} {row.task} {row.method}: {what}: {row.reason}")
    return "\n".join(text)


def _line(row: GeneralizationRow) -> tuple[str, ...]:
    return (
        row.model,
        "" if row.pretraining_step is None else str(row.pretraining_step),
        row.task,
        row.method,
        f"{row.d90:,.0f}" if row.d90 is not None else row.status.replace("_", " "),
        _number(row.full_generalization_gap),
        "" if row.num_bits is None else f"{row.num_bits:,}",
        "" if row.num_examples is None else f"{row.num_examples:,}",
        *(_number(value) for value in (row.sample_error, row.held_out_error, row.dev_error)),
        *(_number(value) for value in (row.kl_bound, row.majority_error)),
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _correlation(rows: Sequence[GeneralizationRow], value: Callable[[GeneralizationRow], float | None]) -> str:
    """Spearman's rho with the bootstrap interval over cells."""
    pairs = [(row.d90, value(row)) for row in rows if row.d90 is not None and value(row) is not None]
    if len(pairs) < MIN_POINTS:
        return f"no correlation ({len(pairs)} cells, at least {MIN_POINTS} are needed)"
    x, y = np.array(pairs, dtype=np.float64).T
    if len(set(x)) < 2 or len(set(y)) < 2:
        return "no correlation (all cells are tied)"

    drawn = np.random.default_rng(0).integers(len(x), size=(NUM_RESAMPLES, len(x)))
    rho = float(spearman(x, y[None])[0])
    low, high = np.nanquantile(spearman(x[drawn], y[drawn]), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return f"rank correlation {rho:+.2f} ({low:+.2f} to {high:+.2f}, over {len(pairs)} cells drawn again)"
