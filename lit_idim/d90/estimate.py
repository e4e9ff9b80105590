"""d90 from the trainings of a cell."""

import functools
import math
from dataclasses import dataclass
from typing import Literal

from lit_idim.d90.crossing import Crossing, find_crossing
from lit_idim.d90.curve import Curve, fit_curve, within_groups
from lit_idim.d90.full import FullScore, full_score
from lit_idim.d90.posterior import Groups, Spread
from lit_idim.d90.settings import SearchSettings, TargetKind
from lit_idim.d90.training import Results, final_scores

Status = Literal["reached", "above_range", "below_range", "trivial", "no_signal", "failed"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A score to be reached by a subspace.

    Attributes:
        kind: what it is derived from.
        score: t.
        variance: of t, by the noise of full fine-tuning.
        reference: the full score that it is derived from.
    """

    kind: TargetKind
    score: float
    variance: float
    reference: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """d90 of a cell for one target.

    Attributes:
        status: "reached"; "above_range" or "below_range" if the curve crosses the target outside [d_min, d_max];
            "trivial" if the chance score reaches the target; "no_signal" if full fine-tuning is not 2 standard errors
            above chance; "failed".
        reason: why, where that is not plain.
        target: the target; None if there is no full score.
        d90: where the curve crosses the target; None unless reached.
        low: lower end of the 90% interval; d_max above the range; None where nothing is known.
        high: upper end; d_min below the range; None if it lies above d_max.
        first_crossing: the paper's estimate: smallest d whose best score reaches the target.
        curve: the fit behind it.
    """

    status: Status
    reason: str | None = None
    target: Target | None = None
    d90: float | None = None
    low: float | None = None
    high: float | None = None
    first_crossing: int | None = None
    curve: Curve | None = None


def target_of(
    kind: TargetKind, full: FullScore, chance: float, settings: SearchSettings, final_full: FullScore | None
) -> Target | None:
    """The target; None for the final one while the last checkpoint's full score is unknown."""
    fraction = settings.target_fraction
    reference = final_full if kind == "final" else full
    if reference is None:
        return None
    # With the chance that another learning rate would have done better.
    doubt = sum(rival.expected_square for rival in reference.rivals)
    variance = fraction**2 * (reference.sd**2 / reference.count + doubt)
    score = fraction * reference.mean + ((1 - fraction) * chance if kind == "chance_corrected" else 0.0)
    return Target(kind=kind, score=score, variance=variance, reference=reference.mean)


def estimate_d90(
    results: Results,
    *,
    kind: TargetKind,
    chance: float,
    settings: SearchSettings,
    final_full: FullScore | None = None,
    num_lambdas: int = 0,
) -> Estimate:
    """Estimates d90 from the finished trainings of a cell, whatever protocol asked for them.

    Args:
        results: of trainings in full and in subspaces.
        kind: which target.
        chance: score of the majority class, 0 for correlations.
        settings: of the search.
        final_full: full score of the last checkpoint, for the final target.
        num_lambdas: m for SAID: d starts above it.
    """
    full = full_score(results)
    if full is None:
        return Estimate(status="failed", reason="no training in full finished")
    target = target_of(kind, full, chance, settings, final_full)
    if target is None:
        return Estimate(status="failed", reason="the last checkpoint has no full score")
    if full.mean - chance < 2 * full.standard_error:
        return Estimate(
            status="no_signal", reason="full fine-tuning is not 2 standard errors above chance", target=target
        )
    if chance >= target.score:
        return Estimate(status="trivial", reason="the chance score reaches the target", target=target)
    d_range = (max(settings.d_min, num_lambdas + 1), settings.d_max)
    if d_range[0] >= d_range[1]:
        return Estimate(status="failed", reason="no d below d_max exceeds the number of lambdas", target=target)
    scores = final_scores(results, full=False)
    if not scores:
        return Estimate(status="failed", reason=_why_no_scores(results, settings), target=target)
    curve = _fit(scores, full, target, chance, d_range)
    return _with_status(curve, target, d_range, first_crossing(scores, target.score))


def _why_no_scores(results: Results, settings: SearchSettings) -> str:
    """All that ended have diverged or failed, or the budget was spent before they could end, or both."""
    of_subspaces = [result for training, result in results.items() if training.d is not None]
    reason = "no training in a subspace finished"
    if any(result.ended for result in of_subspaces):
        reason += ": all that ended have diverged or failed"
    if settings.protocol == "adaptive" and not (of_subspaces and all(result.ended for result in of_subspaces)):
        reason += f"; raise search.max_trainings, which is {settings.max_trainings:g}"
    return reason


def _fit(
    scores: dict[tuple[int | None, int], list[float]],
    full: FullScore,
    target: Target,
    chance: float,
    d_range: tuple[int, int],
) -> Curve:
    by_group = tuple((group, tuple(values)) for group, values in scores.items())
    return _fit_scores(by_group, full.sum_of_squares, full.degrees_of_freedom, full.sd, target, chance, d_range)


# A search asks for the same estimate again as a driver does that tells how far it is.
@functools.lru_cache(maxsize=64)
def _fit_scores(
    by_group: tuple[tuple[tuple[int | None, int], tuple[float, ...]], ...],
    squares_in_full: float,
    freedom_in_full: int,
    sd_in_full: float,
    target: Target,
    chance: float,
    d_range: tuple[int, int],
) -> Curve:
    scores = dict(by_group)
    squares, freedom = within_groups(scores)
    spread = Spread(sum_of_squares=squares + squares_in_full, degrees_of_freedom=freedom + freedom_in_full)
    x_range = (math.log(d_range[0]), math.log(d_range[1]))
    best = max(sum(values) / len(values) for values in scores.values())

    def fit(groups: Groups) -> Crossing:
        def find(sd: float) -> Crossing:
            return find_crossing(
                groups,
                spread=spread,
                target=target.score,
                target_variance=target.variance / sd**2,
                chance=chance,
                full_score=max(target.reference, best),
                x_range=x_range,
            )

        # The target's error is needed in units of the noise of a score, which is estimated together with the crossing.
        # Seeds may matter far more in subspaces than in full, or less.
        return find(find(sd_in_full).sd)

    return fit_curve(scores, spread, fit)


def _with_status(curve: Curve, target: Target, d_range: tuple[int, int], first: int | None) -> Estimate:
    crossing = curve.crossing
    status: Status = "reached"
    d90: float | None = math.exp(crossing.x)
    low, high = math.exp(crossing.low), math.exp(crossing.high)
    bounded: tuple[float | None, float | None] = (
        low if low >= d_range[0] else None,
        high if high <= d_range[1] else None,
    )
    if crossing.x > math.log(d_range[1]):
        status, d90, bounded = "above_range", None, (float(d_range[1]), None)
    elif crossing.x < math.log(d_range[0]):
        status, d90, bounded = "below_range", None, (None, float(d_range[0]))
    return Estimate(
        status=status,
        target=target,
        d90=d90,
        low=bounded[0],
        high=bounded[1],
        first_crossing=first,
        curve=curve,
    )


def first_crossing(scores: dict[tuple[int | None, int], list[float]], target: float) -> int | None:
    """The paper's estimate: the smallest d whose best mean score over the learning rates reaches the target.

    >>> first_crossing({(10, 0): [0.5], (20, 0): [0.7], (20, 1): [0.9], (30, 0): [0.9]}, 0.8)
    20
    """
    reaching = [group[0] for group, values in scores.items() if sum(values) / len(values) >= target]
    return min((d for d in reaching if d is not None), default=None)
