"""How accurate the search is on simulated cells, beside an oracle: per stratum of what makes a cell hard."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lit_idim.d90.estimate import Status, estimate_d90
from lit_idim.d90.settings import SearchSettings
from lit_idim.d90.simulation import Shape, draw_cell, oracle_error, run_search
from lit_idim.d90.training import total_cost

ACCEPTED_ERROR = math.log(1.25)
ACCEPTED_RATIO = 1.5  # of the error's quantile to the oracle's
ACCEPTED_BIAS = 0.05
ACCEPTED_COVERAGE = (0.85, 0.95)
ACCEPTED_COST_SHARE = 1 / 20  # of one replicate of the grid


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A search on a simulated cell.

    Attributes:
        status: of the estimate.
        error: ln(estimate / truth), of the fit's median where no number is reported; infinite without a fit.
        oracle_error: of one who knows the curve's shape and the best rates, with as many trainings.
        is_covered: whether the reported interval holds the truth.
        cost: in whole trainings.
        num_full: trainings in full.
        num_rounds: of the search.
        shape: of the cell's curve.
        sd: of a score.
        slope: at the target, score per nat.
        truth: true ln d90.
    """

    status: Status
    error: float
    oracle_error: float
    is_covered: bool
    cost: float
    num_full: int
    num_rounds: int
    shape: Shape
    sd: float
    slope: float
    truth: float


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Of the cells of a stratum.

    Attributes:
        stratum: its name.
        num_cells: in it.
        error: 90% quantile of |ln(estimate / truth)|.
        oracle_error: the oracle's.
        bias: median of ln(estimate / truth).
        coverage: of the 90% interval.
        cost: median, in whole trainings.
        grid_share: median of the cost over that of one replicate of the grid with as many trainings in full.
        num_rounds: median.
    """

    stratum: str
    num_cells: int
    error: float
    oracle_error: float
    bias: float
    coverage: float
    cost: float
    grid_share: float
    num_rounds: float

    @property
    def accepted_error(self) -> float:
        """Bound of `error`."""
        return max(ACCEPTED_ERROR, ACCEPTED_RATIO * self.oracle_error)


def measure_cell(number: int, settings: SearchSettings, study_seed: int = 0) -> Outcome:
    """Searches a simulated cell and holds the estimate against the truth."""
    cell = draw_cell(number, study_seed=study_seed)
    _, results, num_rounds = run_search(cell, settings)
    estimate = estimate_d90(results, kind="full_fraction", chance=cell.chance, settings=settings)
    truth, cost = cell.true_ln_d90, total_cost(results.values())
    low = -math.inf if estimate.low is None else math.log(estimate.low)
    high = math.inf if estimate.high is None else math.log(estimate.high)
    return Outcome(
        status=estimate.status,
        error=math.inf if estimate.curve is None else estimate.curve.crossing.x - truth,
        oracle_error=oracle_error(cell, cost, seed=study_seed),
        is_covered=low <= truth <= high,
        cost=cost,
        num_full=sum(training.d is None for training in results),
        num_rounds=num_rounds,
        shape=cell.shape,
        sd=cell.sd,
        slope=cell.slope,
        truth=truth,
    )


def summarise(stratum: str, outcomes: Sequence[Outcome], num_grid_trainings: int) -> Accuracy:
    """Accuracy over outcomes, at least one.

    Args:
        stratum: their name.
        outcomes: of cells.
        num_grid_trainings: of one replicate of the grid, those in full aside.
    """
    errors = np.array([outcome.error for outcome in outcomes])
    return Accuracy(
        stratum=stratum,
        num_cells=len(outcomes),
        error=float(np.quantile(np.abs(errors), 0.9)),
        oracle_error=float(np.quantile([abs(outcome.oracle_error) for outcome in outcomes], 0.9)),
        bias=float(np.median(errors)),
        coverage=float(np.mean([outcome.is_covered for outcome in outcomes])),
        cost=float(np.median([outcome.cost for outcome in outcomes])),
        grid_share=float(np.median([outcome.cost / (num_grid_trainings + outcome.num_full) for outcome in outcomes])),
        num_rounds=float(np.median([outcome.num_rounds for outcome in outcomes])),
    )


def strata(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """All outcomes; by shape; and by terciles of noise, slope and truth."""
    parts: dict[str, list[Outcome]] = {"all": list(outcomes)}
    for shape in sorted({outcome.shape for outcome in outcomes}):
        parts[f"shape {shape}"] = [outcome for outcome in outcomes if outcome.shape == shape]
    for name in ("sd", "slope", "truth"):
        values = np.array([getattr(outcome, name) for outcome in outcomes])
        tercile: npt.NDArray[np.int64] = np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values)
        for position, word in enumerate(("low", "middle", "high")):
            parts[f"{name} {word}"] = [o for o, of in zip(outcomes, tercile, strict=True) if of == position]
    return {name: part for name, part in parts.items() if part}
