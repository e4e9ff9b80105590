"""Cells whose d90 is known: how far off the search is, how often its intervals cover, and what it costs.

A simulated cell has a rising curve of the score against ln d of one of four shapes, a best learning rate that drifts
with d, seed noise, trainings that diverge, and full fine-tuning with an unknown best rate of its own. Nothing of it is
fitted to the estimator: the shapes other than the logistic one are not in its family.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lit_idim.d90.search import CellFacts, protocol_rounds
from lit_idim.d90.settings import SearchSettings
from lit_idim.d90.training import Request, Result, TrainingId
from lit_idim.randomness import stream_key

Shape = Literal["logistic", "saturating", "gompertz", "power"]
SHAPES: tuple[Shape, ...] = ("logistic", "saturating", "gompertz", "power")


_EARLY_NOISE = 1.5  # standard deviation of an early score, in that of a final one


@dataclass(frozen=True, kw_only=True)
class SimulatedCell:
    """A cell whose truth is known.

    Attributes:
        shape: of the curve of the best learning rate.
        ln_d: where that curve crosses the target of the envelope over all real learning rates.
        slope: at the target, score per nat of d.
        sd: of a score over seeds.
        chance: score of the majority class.
        full: mean score of full fine-tuning at its best rate of the ladder.
        plateau: highest score of a subspace.
        rate: best rate in the middle of the range of d, in steps of the ladder.
        drift: of the best rate, steps per nat of d.
        sharpness: loss of gain over chance per squared step from the best rate.
        full_rate: best rate of full fine-tuning, in steps of its ladder.
        full_sharpness: as `sharpness`.
        diverging: probability that a training diverges.
        early_share: gain over chance at the early evaluation, as a share of the final gain.
        seed: of this cell's noise.
    """

    shape: Shape
    ln_d: float
    slope: float
    sd: float
    chance: float
    full: float
    plateau: float
    rate: float
    drift: float
    sharpness: float
    full_rate: float
    full_sharpness: float
    diverging: float
    early_share: float
    seed: int

    @property
    def facts(self) -> CellFacts:
        """For the search; an early score at chance errs as every early score does."""
        return CellFacts(chance=self.chance, chance_error=_EARLY_NOISE * self.sd)

    @property
    def target(self) -> float:
        """90% of the true full score."""
        return 0.9 * self.full

    def envelope(self, x: float) -> float:
        """Mean score at x = ln d with the best of all real learning rates."""
        return _SHAPES[self.shape](self, x - self.ln_d)

    def mean(self, x: float, rate: int) -> float:
        """Mean score at x = ln d with a rate of the ladder."""
        best = self.rate + self.drift * (x - 5.8)
        return self.chance + (self.envelope(x) - self.chance) * max(0.0, 1 - self.sharpness * (rate - best) ** 2)

    def full_mean(self, rate: int) -> float:
        """Mean score of full fine-tuning with a rate of its ladder."""
        loss = self.full_sharpness * ((rate - self.full_rate) ** 2 - (round(self.full_rate) - self.full_rate) ** 2)
        return self.chance + (self.full - self.chance) * max(0.0, 1 - loss)

    @property
    def true_ln_d90(self) -> float:
        """Where the best rate of an unlimited ladder of whole steps reaches the target."""
        low, high = self.ln_d - 1.0, self.ln_d + 4.0
        for _ in range(50):
            middle = (low + high) / 2
            best = round(self.rate + self.drift * (middle - 5.8))
            low, high = (low, middle) if self.mean(middle, best) >= self.target else (middle, high)
        return high

    def run(self, request: Request, settings: SearchSettings) -> Result:
        """One training, by its own random numbers: the same whenever it is asked for."""
        key = stream_key(self.seed, f"simulation/{request.training}")
        random = np.random.default_rng(key)
        diverges, noise, early_noise = random.random() < self.diverging, random.normal(), random.normal()
        d, rate, _ = request.training
        if diverges:
            return Result(cost=0.5)
        mean = self.full_mean(rate) if d is None else self.mean(math.log(d), rate)
        early = self.chance + self.early_share * (mean - self.chance) + _EARLY_NOISE * self.sd * early_noise
        if request.early:
            return Result(early_score=early, ended=False, cost=settings.early_fraction)
        return Result(score=mean + self.sd * noise, early_score=early)


def _logistic(cell: SimulatedCell, u: float) -> float:
    rise, share = cell.plateau - cell.chance, (cell.target - cell.chance) / (cell.plateau - cell.chance)
    width = rise * share * (1 - share) / cell.slope
    return cell.chance + rise / (1 + math.exp(-min(60, u / width + math.log(share / (1 - share)))))


def _saturating(cell: SimulatedCell, u: float) -> float:
    """An exponential approach to the plateau that starts at chance."""
    gap = cell.plateau - cell.target
    return max(cell.chance, cell.plateau - gap * math.exp(min(60, -u * cell.slope / gap)))


def _gompertz(cell: SimulatedCell, u: float) -> float:
    rise, share = cell.plateau - cell.chance, (cell.target - cell.chance) / (cell.plateau - cell.chance)
    width = rise * share * -math.log(share) / cell.slope
    return cell.chance + rise * math.exp(math.log(share) * math.exp(min(60, -u / width)))


def _power(cell: SimulatedCell, u: float) -> float:
    """A slow approach to the plateau, as of an arctangent."""
    rise, share = cell.plateau - cell.chance, (cell.target - cell.chance) / (cell.plateau - cell.chance)
    start = math.tan(math.pi * (share - 0.5))
    width = rise / math.pi / (1 + start**2) / cell.slope
    return cell.chance + rise * (0.5 + math.atan(u / width + start) / math.pi)


_SHAPES: dict[str, Callable[[SimulatedCell, float], float]] = {
    "logistic": _logistic,
    "saturating": _saturating,
    "gompertz": _gompertz,
    "power": _power,
}


def draw_cell(number: int, *, study_seed: int = 0) -> SimulatedCell:
    """A cell of the family.

    Slope 0.03 to 0.15 score per nat, seed noise 0.3 to 3 points, 4 rates of which any may be the best, 5% of the
    trainings diverge, d90 between 20 and 4000.
    """
    random = np.random.default_rng(stream_key(study_seed, f"simulated cell/{number}"))
    chance = random.choice([1 / 3, 0.5, 0.5, 0.63])
    full = random.uniform(max(0.72, chance + 0.2), 0.95)
    plateau = random.uniform(0.96, 1.01) * full
    return SimulatedCell(
        shape=SHAPES[number % len(SHAPES)],
        ln_d=random.uniform(math.log(20), math.log(4000)),
        slope=random.uniform(0.03, 0.15),
        sd=random.uniform(0.003, 0.03),
        chance=chance,
        full=full,
        plateau=plateau,
        rate=random.uniform(-2.4, 1.4),
        drift=random.normal() * 0.1,
        sharpness=random.uniform(0.05, 0.3),
        full_rate=random.uniform(-0.4, 2.4),
        full_sharpness=random.uniform(0.02, 0.2),
        diverging=0.05,
        early_share=random.uniform(0.4, 0.95),
        seed=int(random.integers(2**31)),
    )


def run_search(cell: SimulatedCell, settings: SearchSettings) -> tuple[CellFacts, dict[TrainingId, Result], int]:
    """The results of a search on a simulated cell, and after how many rounds."""
    facts = cell.facts
    results: dict[TrainingId, Result] = {}
    num_rounds = 0
    rounds = protocol_rounds(settings, facts)
    try:
        requests = next(rounds)
        while True:
            num_rounds += 1
            for request in requests:
                results[request.training] = cell.run(request, settings)
            requests = rounds.send(dict(results))
    except StopIteration:
        return facts, results, num_rounds


def oracle_error(cell: SimulatedCell, num_trainings: float, *, seed: int) -> float:
    """ln(estimate / truth) of one who knows the curve's shape and the best rates and has only its place to find.

    All trainings are made at the true d90 and in full, in the proportion that is best; the difference of the means over
    the slope is what is left to err.
    """
    num_full = max(1, round(num_trainings * 0.9 / 1.9))
    num_subspace = max(1, round(num_trainings) - num_full)
    random = np.random.default_rng(stream_key(seed, f"oracle/{cell.seed}"))
    error = cell.sd * math.sqrt(0.81 / num_full + 1 / num_subspace) / cell.slope
    return float(random.normal()) * error
