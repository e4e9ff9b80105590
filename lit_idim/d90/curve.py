"""From the scores of all learning rates to the curve s(d) = max over learning rates of the mean over replicates.

The largest of several noisy means is too large on average, the more so the fewer trainings they are of. So the best
rate is not chosen anew at each d: near the crossing one rate is taken to be the best, and every rate's probability of
being that one is found from all scores around it, together with the curve (`lit_idim.d90.posterior`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lit_idim.d90.crossing import Crossing
from lit_idim.d90.posterior import Floats, Groups, Spread

Scores = Mapping[tuple[int | None, int], Sequence[float]]
Fit = Callable[[Groups], Crossing]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The curve near the crossing, and the scores of the best rate there; shapes (n,), d ascending.

    Attributes:
        rate: the best rate near the crossing.
        d: trained numbers at which the best rate was run.
        means: mean score.
        counts: of replicates.
        groups: scores of all rates.
        spread: noise within replicates of all rates.
        crossing: where the curve crosses the target.
    """

    rate: int
    d: npt.NDArray[np.int64]
    means: Floats
    counts: Floats
    groups: Groups
    spread: Spread
    crossing: Crossing

    @property
    def x(self) -> Floats:
        """ln d."""
        values: Floats = np.log(self.d.astype(np.float64))
        return values


def within_groups(scores: Scores) -> tuple[float, int]:
    """Sum of squares about the means of the groups, and its degrees of freedom.

    >>> within_groups({(10, 0): [0.5, 0.7], (10, 1): [0.4]})
    (0.02, 1)
    """
    squares = sum(sum((score - sum(group) / len(group)) ** 2 for score in group) for group in scores.values())
    return round(squares, 15), sum(len(group) - 1 for group in scores.values())


def fit_curve(scores: Scores, spread: Spread, fit: Fit) -> Curve:
    """Fits the curve of the best learning rate through the scores of all rates.

    Args:
        scores: final scores by d and rate; at least one.
        spread: noise within replicates.
        fit: estimates the crossing from groups of scores.
    """
    groups = sorted(scores.items(), key=lambda item: (item[0][0] or 0, item[0][1]))
    d = np.array([group[0] for group, _ in groups], dtype=np.int64)
    all_groups = Groups(
        x=np.log(d.astype(np.float64)),
        rate=np.array([group[1] for group, _ in groups], dtype=np.int64),
        means=np.array([sum(values) / len(values) for _, values in groups]),
        counts=np.array([float(len(values)) for _, values in groups]),
    )
    crossing = fit(all_groups)
    best = max(crossing.rates, key=lambda rate: (crossing.rates[rate], -rate))
    chosen = np.flatnonzero(all_groups.rate == best)
    return Curve(
        rate=best,
        d=d[chosen],
        means=all_groups.means[chosen],
        counts=all_groups.counts[chosen],
        groups=all_groups,
        spread=spread,
        crossing=crossing,
    )
