"""What a row of `d90.csv` says beside the estimates: learning rates, spread of the full score, what to beware of."""

import math
import statistics
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lit_idim.d90 import LEVEL, CellFacts, Estimate, FullScore, Result, SearchSettings, TrainingId, full_score
from lit_idim.d90.crossing import Crossing
from lit_idim.d90.planning import is_settled
from lit_idim.d90.search import whole_numbers
from lit_idim.d90.training import final_scores
from lit_idim.ledger import TrainingRecord
from lit_idim.study.d90_row import D90Row
from lit_idim.study.dev_resampling import crossing_deviation, widened
from lit_idim.study.measured_cell import MeasuredCell

Records = Mapping[TrainingId, TrainingRecord]
Asked = Mapping[TrainingId, Result]

_Z = statistics.NormalDist().inv_cdf(0.5 + LEVEL / 2)
NOT_ENDED = "the search has not ended"
HEAD_FAILED = "WARNING: the head alone failed: "  # the last of the notes: a reason may hold anything
_STANDARD_ERRORS = 2


def has_ended(row: D90Row) -> bool:
    """Whether the search behind a row has ended, or failed."""
    return NOT_ENDED not in row.notes


def full_std(full: FullScore | None, asked: Asked) -> float | None:
    """Standard deviation over the replicates in full at the best rate; None with fewer than two."""
    if full is None:
        return None
    scores = final_scores(asked, full=True).get((None, full.rate), [])
    return statistics.stdev(scores) if len(scores) > 1 else None


def full_learning_rate(full: FullScore | None, records: Records) -> float | None:
    """Peak rate of full fine-tuning at which the full score was reached."""
    if full is None:
        return None
    return next(
        record.learning_rate
        for training, record in records.items()
        if training.d is None and training.rate == full.rate
    )


def head_columns(head: MeasuredCell | None, search: SearchSettings) -> tuple[dict[str, Any], list[str]]:
    """The columns on a head trained alone on the same checkpoint and task, and what a reader must know of them."""
    columns: dict[str, Any] = {"head_score": None, "head_score_se": None, "head_learning_rate": None}
    if head is None:
        return columns, []
    if head.reason is not None:
        return columns, [f"{HEAD_FAILED}{head.reason}"]
    has_ended, asked = head.asked(search, None)
    if not has_ended:
        return columns, ["the trainings of the head alone have not ended"]
    full = full_score(asked)
    if full is None:
        return columns, ["WARNING: no training of the head alone finished"]
    rates = {training.rate for training in asked}
    at_edge = ["the best learning rate of the head alone is at the edge of those tried"]
    return {
        "head_score": full.mean,
        "head_score_se": full.standard_error,
        "head_learning_rate": full_learning_rate(full, head.records),
    }, at_edge if full.rate in (min(rates), max(rates)) else []


def tolerance_met(estimate: Estimate, search: SearchSettings, asked: Asked, least_d: int) -> bool | None:
    """Whether the search ended since it had found what it was to find, not with its budget."""
    if search.protocol == "grid" or estimate.curve is None:
        return None
    return is_settled(asked, estimate.curve, search, least_d)


def learning_rates(estimate: Estimate, records: Records, asked: Asked) -> dict[str, Any]:
    """The columns on learning rates and seeds at the measured d nearest to the crossing."""
    columns: dict[str, Any] = {
        "learning_rate_best": None,
        "learning_rates_tried": (),
        "learning_rate_at_edge": None,
        "num_seeds": 0,
    }
    curve = estimate.curve
    if curve is None:
        return columns
    nearest = int(curve.d[int(np.argmin(np.abs(curve.x - curve.crossing.x)))])
    here = [records[training] for training in asked if training.d == nearest]
    best = [record for record in here if record.rate == curve.rate]
    tried = {training.rate for training in asked if training.d is not None}
    return columns | {
        "learning_rate_best": best[0].learning_rate,
        "learning_rates_tried": tuple(sorted({record.learning_rate for record in here})),
        "learning_rate_at_edge": curve.rate in (min(tried), max(tried)),
        "num_seeds": int(curve.counts[list(curve.d).index(nearest)]),
    }


def dev_interval(
    estimate: Estimate,
    full: FullScore | None,
    records: Records,
    asked: Asked,
    labels: npt.NDArray[np.generic] | None,
    search: SearchSettings,
    least_d: int,
    study_seed: int,
) -> tuple[float | None, float | None]:
    """The interval that resamples dev examples too; empty where d90 or the labels are not there."""
    if labels is None or full is None or estimate.status != "reached":
        return None, None
    deviation = crossing_deviation(
        estimate,
        full,
        {training: records[training] for training in asked},
        labels,
        target_fraction=search.target_fraction,
        seed=study_seed,
    )
    return (None, None) if deviation is None else widened(estimate, deviation, _Z, (least_d, search.d_max))


def num_grid_values_skipped(search: SearchSettings, facts: CellFacts) -> int:
    """Values of d of the grid that do not exceed the number of lambdas."""
    if search.protocol != "grid":
        return 0
    grid = whole_numbers(search.d_min, search.d_max, search.grid_points)
    return sum(d <= facts.num_lambdas for d in grid)


def _of(estimate: Estimate) -> str:
    """Names the target where it is not d90's own."""
    target = estimate.target
    return "" if target is None or target.kind == "full_fraction" else f" of the target {target.kind}"


def _undecided(estimate: Estimate, crossing: Crossing, d_range: tuple[int, int]) -> Iterator[str]:
    """That a crossing beyond the range may as well lie within it."""
    status = estimate.status
    low, high = math.exp(crossing.low), math.exp(crossing.high)
    if (status == "above_range" and low > d_range[1]) or (status == "below_range" and high < d_range[0]):
        return
    told = f"begins at {low:,.0f}" if status == "above_range" else f"ends at {high:,.0f}"
    if low < d_range[0] and high > d_range[1]:
        told = "covers all of it"
    within = f"d90{_of(estimate)} may lie within the range"
    yield f"WARNING: {within}: the interval of the fit {told}; raise search.max_trainings"


def notes(
    cell: MeasuredCell,
    has_ended: bool,
    asked: Asked,
    full: FullScore | None,
    search: SearchSettings,
    least_d: int,
    estimate: Estimate,
) -> Iterator[str]:
    """What a reader must know of the row."""
    if cell.reason is None and not has_ended:
        yield NOT_ENDED
    elif estimate.status == "reached" and estimate.low is None and estimate.high is None:
        yield (
            f"WARNING: the interval{_of(estimate)} is open at both ends, so that no d is ruled out: "
            "raise search.max_trainings"
        )
    elif estimate.status in ("above_range", "below_range") and estimate.curve is not None:
        yield from _undecided(estimate, estimate.curve.crossing, (least_d, search.d_max))
    if full is None:
        return
    facts = cell.facts(None)
    at_chance = [
        cell.records[training].learning_rate
        for training, result in asked.items()
        if training.d is None
        and result.score is not None
        and result.score - facts.chance < _STANDARD_ERRORS * facts.chance_error
    ]
    if at_chance:
        rates = ", ".join(f"{rate:.2g}" for rate in sorted(set(at_chance)))
        yield f"{len(at_chance)} trainings in full ended at chance (rates {rates})"
    if full.rate in (
        min(training.rate for training in asked if training.d is None),
        max(training.rate for training in asked if training.d is None),
    ):
        yield "the best full learning rate is at the edge of those tried"
    extended = {training.rate for training in asked if training.d is not None} - set(search.rate_steps)
    if extended:
        yield f"the ladder of learning rates was extended by {len(extended)}"
    for (d, _), scores in final_scores(asked, full=False).items():
        error = full.sd * math.hypot(1 / math.sqrt(len(scores)), 1 / math.sqrt(full.count))
        if statistics.fmean(scores) > full.mean + _STANDARD_ERRORS * error:
            yield f"WARNING: d = {d} scores above full fine-tuning by more than 2 standard errors: is that under-tuned?"
            return
