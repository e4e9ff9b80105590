"""A row and a training in words: what a hover, a table and a screen reader say."""

import textwrap

from lit_idim.ledger.record import TrainingRecord
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.progress import duration
from lit_idim.study.row_details import has_ended
from lit_idim.text import whole

VARIANT_WORDS: dict[D90Variant, str] = {
    "d90": "d90",
    "d90_chance_corrected": "chance-corrected d90",
    "d90_final_target": "final-target d90",
}
BETWEEN = "; "  # between the lines of a hover
MAX_REASON = 160  # letters of a reason in a hover; the cell's facts hold all of it


def score_words(value: float | None, digits: int = 3) -> str:
    """A score; "" for None."""
    return "" if value is None else f"{value:.{digits}f}"


def rate_words(value: float | None) -> str:
    """A learning rate; "" for None."""
    return "" if value is None else f"{value:.3g}"


def cell_words(row: D90Row) -> str:
    """Which cell: model, checkpoint, task and method."""
    return f"{row.model}, {row.checkpoint}, {row.task}, {row.method.upper()}"


def status_words(row: D90Row, variant: D90Variant) -> str:
    """The status as the tables of a study name it, and whether it may still change."""
    status = row.status_of(variant)
    if has_ended(row):
        return status or "not measured"
    return "in progress" if status in ("failed", None) else f"{status}, so far"


def reason_of(row: D90Row, variant: D90Variant) -> str | None:
    """Why there is no d90; None of a search that goes on, and of a variant if the reason is of d90 itself."""
    return row.reason if has_ended(row) and (variant == "d90" or row.status_of(variant) == "failed") else None


def interval_words(row: D90Row, variant: D90Variant) -> str:
    """The interval of a reached d90, its open ends named; "" for any other."""
    if row.status_of(variant) != "reached":
        return ""
    _, low, high = row.interval_of(variant)
    level = f"{100 * row.interval_level:g}% interval"
    if low is None and high is None:
        return f"{level} open at both ends"
    if low is None:
        return f"{level} open below, up to {whole(high)}"
    if high is None:
        return f"{level} from {whole(low)}, open above"
    return f"{level} {whole(low)} to {whole(high)}"


def d90_words(row: D90Row, variant: D90Variant) -> str:
    """d90 with its interval, or why there is none."""
    name, status = VARIANT_WORDS[variant], row.status_of(variant)
    if status == "reached":
        so_far = "" if has_ended(row) else ", so far"
        return f"{name} {whole(row.interval_of(variant)[0])} ({interval_words(row, variant)}){so_far}"
    if not has_ended(row):
        return f"no {name} yet: the search has not ended"
    reasons = {
        "above_range": f"target not reached at d_max = {whole(row.d_max)}",
        "below_range": f"target already reached at d_min = {whole(row.d_min)}",
        "trivial": "chance reaches the target",
        "no_signal": "full score not above chance",
        "failed": textwrap.shorten(reason_of(row, variant) or "it could not be measured", MAX_REASON, placeholder=" …"),
    }
    return f"no {name}: {reasons.get(status or '', 'not measured')}"


def row_lines(row: D90Row, variant: D90Variant) -> list[str]:
    """What a hover says of a row."""
    trainings = f"{whole(row.num_trainings)} training{'' if row.num_trainings == 1 else 's'}"
    size = [] if row.num_parameters is None else [f"D = {whole(row.num_parameters)}"]
    full = [] if row.full_score is None else [f"full {row.metric} {score_words(row.full_score)}"]
    return [
        cell_words(row),
        d90_words(row, variant),
        f"status: {status_words(row, variant)}",
        f"{trainings}, {duration(row.seconds)}",
        *size,
        *full,
    ]


def training_lines(record: TrainingRecord) -> list[str]:
    """What a hover says of a training in a subspace."""
    score = f"dev {record.metric} {score_words(record.score)}" if record.score is not None else "no score"
    return [
        f"d = {whole(record.d)}",
        f"{score}, {record.status}",
        f"learning rate {rate_words(record.learning_rate)} (ladder step {record.rate:+d})",
        f"replicate {record.replicate}",
        duration(record.seconds),
    ]
