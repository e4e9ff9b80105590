"""The score of full fine-tuning: the mean over replicates at the best learning rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from lit_idim.d90.curve import within_groups
from lit_idim.d90.posterior import Spread
from lit_idim.d90.training import Results, final_scores

_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A learning rate of full fine-tuning that is not the best as far as known.

    Attributes:
        rate: its place on the ladder.
        gap: its mean score less that of the best rate.
        error: standard error of the gap.
    """

    rate: int
    gap: float
    error: float

    @property
    def expected_gain(self) -> float:
        """Expectation of max(0, true gap), with a normal error: what may be lost by not taking this rate."""
        z = self.gap / self.error
        return self.error * (_NORMAL.pdf(z) + z * _NORMAL.cdf(z))

    @property
    def expected_square(self) -> float:
        """Expectation of max(0, true gap) squared."""
        z = self.gap / self.error
        return self.error**2 * ((1 + z**2) * _NORMAL.cdf(z) + z * _NORMAL.pdf(z))


@dataclass(frozen=True, kw_only=True)
class FullScore:
    """Of full fine-tuning.

    Attributes:
        mean: over the replicates at the best rate.
        count: of replicates.
        rate: the best rate, as its place among `full_learning_rates`.
        sd: of a score: replicates of all rates pooled with the prior.
        sum_of_squares: of scores about the mean of their rate.
        degrees_of_freedom: of that sum.
        rivals: the other rates.
    """

    mean: float
    count: int
    rate: int
    sd: float
    sum_of_squares: float
    degrees_of_freedom: int
    rivals: tuple[Rival, ...] = ()

    @property
    def standard_error(self) -> float:
        """Of the mean."""
        return self.sd / math.sqrt(self.count)


def strongest(rivals: Sequence[Rival]) -> Rival | None:
    """The rival by which most may be lost."""
    return max(rivals, key=lambda rival: rival.expected_gain, default=None)


def full_score(results: Results) -> FullScore | None:
    """The score of full fine-tuning as far as known; None without any finished training.

    The rate with the best mean among those with two trainings or more, where there are any: a single lucky training at
    another rate is no reason to prefer it.
    """
    by_rate = {rate: values for (_, rate), values in final_scores(results, full=True).items()}
    if not by_rate:
        return None
    most = max(len(values) for values in by_rate.values())
    eligible = {rate: values for rate, values in by_rate.items() if len(values) >= min(most, 2)}
    rate = max(eligible, key=lambda rate: (sum(eligible[rate]) / len(eligible[rate]), -rate))
    squares, freedom = within_groups({(None, rate): values for rate, values in by_rate.items()})
    sd = math.sqrt(Spread(sum_of_squares=squares, degrees_of_freedom=freedom).variance)
    mean, count = sum(eligible[rate]) / len(eligible[rate]), len(eligible[rate])
    rivals = tuple(
        Rival(rate=other, gap=sum(values) / len(values) - mean, error=sd * math.sqrt(1 / len(values) + 1 / count))
        for other, values in sorted(by_rate.items())
        if other != rate
    )
    return FullScore(
        mean=mean,
        count=count,
        rate=rate,
        sd=sd,
        rivals=rivals,
        sum_of_squares=squares,
        degrees_of_freedom=freedom,
    )
