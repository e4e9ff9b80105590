"""The paper's protocol: every d of a grid at every learning rate."""

from collections.abc import Iterable

from lit_idim.d90.search import CellFacts, Rounds, full_rounds, whole_numbers
from lit_idim.d90.settings import SearchSettings
from lit_idim.d90.training import Request, TrainingId


def grid_rounds(settings: SearchSettings, facts: CellFacts) -> Rounds:
    """Full fine-tuning, then the whole grid in one round (AZG20, section 4.1).

    Values of d that do not exceed the number of lambdas are skipped: SAID pays for these out of d.
    """
    yield from full_rounds(settings)
    grid = grid_values(settings, facts)
    if grid:
        yield tuple(
            Request(TrainingId(d, rate, replicate))
            for replicate in range(settings.grid_replicates)
            for d in grid
            for rate in settings.rate_steps
        )


def grid_values(settings: SearchSettings, facts: CellFacts) -> tuple[int, ...]:
    """The values of d that are run."""
    return tuple(_above(whole_numbers(settings.d_min, settings.d_max, settings.grid_points), facts.num_lambdas))


def _above(values: Iterable[int], bound: int) -> Iterable[int]:
    return (value for value in values if value > bound)
