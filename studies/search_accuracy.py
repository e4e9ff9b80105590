"""How accurate the adaptive search is, on cells whose d90 is known.

    lightning run studies/search_accuracy.py [--num_cells 10000] [--workers 2] [--out outputs/search_accuracy]

A simulated cell (`lit_idim.d90.simulation`) has a rising curve of the score against ln d of one of four shapes
(logistic, exponential approach, Gompertz, arctangent), slope 0.03 to 0.15 score per nat of d at the target, seed noise
of 0.3 to 3 points, d90 between 20 and 4000, learning rates of which any of four or a neighbour may be the best and
which drift with d, 5% diverging trainings, and full fine-tuning with an unknown best rate of its own. The oracle knows
the curve's shape and the best rates, makes as many trainings as the search did, and errs by seed noise alone.
Deterministic in `seed`.
"""

import csv
import math
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt

from lit_idim.commands.study import run_study
from lit_idim.d90 import CellFacts, SearchSettings
from lit_idim.d90.accuracy import (
    ACCEPTED_BIAS,
    ACCEPTED_COST_SHARE,
    ACCEPTED_COVERAGE,
    Accuracy,
    measure_cell,
    strata,
    summarise,
)
from lit_idim.d90.grid import grid_values
from lit_idim.errors import UserError


def search_accuracy(
    num_cells: int = 1000,
    workers: int = 1,
    seed: int = 0,
    search: SearchSettings | None = None,
    out: Path = Path("outputs/search_accuracy"),
) -> None:
    """Searches simulated cells and writes `accuracy.csv` (one row a stratum), `statuses.csv` and `accuracy.png`.

    Args:
        num_cells: Cells to simulate.
        workers: Processes.
        seed: Of the family's draws.
        search: Settings of the search; the defaults if left out.
        out: Folder for the results.
    """
    if num_cells < 20 or workers < 1:
        raise UserError(
            f"--num_cells must be at least 20 and --workers at least 1; got num_cells={num_cells}, workers={workers}"
        )
    settings = search or SearchSettings()
    with ProcessPoolExecutor(workers) as executor:
        measure = partial(measure_cell, settings=settings, study_seed=seed)
        outcomes = list(executor.map(measure, range(num_cells), chunksize=10))
    num_grid_trainings = len(grid_values(settings, CellFacts(chance=0.0))) * len(settings.rate_steps)
    rows = [summarise(name, part, num_grid_trainings) for name, part in strata(outcomes).items()]
    out.mkdir(parents=True, exist_ok=True)
    _print(rows)
    _write(out / "accuracy.csv", rows)
    statuses = Counter(outcome.status for outcome in outcomes)
    with (out / "statuses.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("status", "cells"), *sorted(statuses.items())])
    _draw(rows, out / "accuracy.png", num_cells, seed)
    print(f"statuses: {dict(sorted(statuses.items()))}; written to {out}")


def _print(rows: list[Accuracy]) -> None:
    print(
        f"{'stratum':<18}{'cells':>6}  {'error':>6}{'bound':>7}{'oracle':>8}{'bias':>8}{'cover':>7}{'cost':>7}", end=""
    )
    print(f"{'of grid':>9}{'rounds':>8}")
    for row in rows:
        print(
            f"{row.stratum:<18}{row.num_cells:>6}  {row.error:>6.3f}{row.accepted_error:>7.3f}{row.oracle_error:>8.3f}"
            f"{row.bias:>+8.3f}{row.coverage:>7.3f}{row.cost:>7.2f}{row.grid_share:>9.4f}{row.num_rounds:>8.0f}"
        )
    low, high = ACCEPTED_COVERAGE
    print(f"accepted: |bias| <= {ACCEPTED_BIAS}, coverage {low} to {high}, cost <= {ACCEPTED_COST_SHARE} of grid")


def _write(path: Path, rows: list[Accuracy]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Accuracy)])
        writer.writeheader()
        writer.writerows({name: _rounded(value) for name, value in asdict(row).items()} for row in rows)


def _rounded(value: object) -> object:
    return round(value, 6) if isinstance(value, float) and math.isfinite(value) else value


def _draw(rows: list[Accuracy], path: Path, num_cells: int, seed: int) -> None:
    """The error's quantile beside the oracle's, and the coverage, by stratum."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 0.36 * len(rows) + 1.6), sharey=True, layout="constrained")
    places = range(len(rows))
    left.scatter([row.error for row in rows], places, label="search")
    left.scatter([row.oracle_error for row in rows], places, marker="x", label="oracle")
    left.scatter([row.accepted_error for row in rows], places, marker="|", s=120, color="black", label="bound")
    left.set(yticks=list(places), yticklabels=[row.stratum for row in rows], xlabel="90% quantile of |ln(d90 / truth)|")
    left.invert_yaxis()
    left.legend()
    right.axvspan(*ACCEPTED_COVERAGE, color="0.9")
    errors = [2 * math.sqrt(row.coverage * (1 - row.coverage) / row.num_cells) for row in rows]
    right.errorbar([row.coverage for row in rows], places, xerr=errors, fmt="o")
    right.set(xlabel="coverage of the 90% interval (2 standard errors; accepted range shaded)")
    figure.suptitle(f"{num_cells} simulated cells, seed {seed}")
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(run_study(search_accuracy))
