"""The short facts of one cell, beside its scores."""

from collections.abc import Iterator

from lit_idim.report.markup import Markup, element
from lit_idim.report.score_chart import target_score
from lit_idim.report.words import (
    VARIANT_WORDS,
    d90_words,
    rate_words,
    reason_of,
    score_words,
    status_words,
)
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.progress import duration
from lit_idim.text import counted, listed, whole


def facts(row: D90Row, variant: D90Variant) -> Markup:
    """A list of terms and what they are in this cell; what there is nothing to say of is left out."""
    return element(
        "dl", ((element("dt", term), element("dd", words)) for term, words in _facts(row, variant)), class_="facts"
    )


def _facts(row: D90Row, variant: D90Variant) -> Iterator[tuple[str, str]]:
    yield VARIANT_WORDS[variant], d90_words(row, variant).removeprefix(f"{VARIANT_WORDS[variant]} ")
    if variant == "d90" and row.d90_first_crossing is not None:  # of no other target
        yield (
            "first crossing",
            f"{whole(row.d90_first_crossing)} (first d of the grid whose best score reaches the target)",
        )
    yield "status", status_words(row, variant)
    if row.d90_dev_low is not None or row.d90_dev_high is not None:
        low, high = whole(row.d90_dev_low) or "open", whole(row.d90_dev_high) or "open"
        yield "with dev examples", f"interval {low} to {high}"
    if reason := reason_of(row, variant):
        yield "reason", reason
    if row.full_score is not None:
        error = f" (standard error {score_words(row.full_score_se)})" if row.full_score_se is not None else ""
        at_rate = f", at learning rate {rate_words(row.full_learning_rate)}" if row.full_learning_rate else ""
        yield "full score", f"{score_words(row.full_score)}{error}{at_rate}"
    if (target := target_score(row, variant)) is not None:
        yield "target", score_words(target)
    if row.chance_score is not None:
        yield "chance", score_words(row.chance_score)
    if row.head_score is not None:
        yield "head alone", score_words(row.head_score)
    if row.learning_rate_best is not None:
        tried = listed([rate_words(rate) for rate in row.learning_rates_tried])
        yield "learning rate", f"best {rate_words(row.learning_rate_best)}; tried {tried}"
    diverged = f", {row.num_diverged} diverged" if row.num_diverged else ""
    seeds = f"; {counted(row.num_seeds, 'seed')} at the d nearest to d90" if row.num_seeds else ""
    yield "trainings", f"{counted(row.num_trainings, 'training')}{diverged}, {duration(row.seconds)}{seeds}"
    if row.num_parameters is not None:
        yield "D", whole(row.num_parameters)
    if row.notes:
        yield "notes", row.notes
