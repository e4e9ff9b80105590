"""How many trainings a cell is expected to need."""

from lit_idim.d90 import SearchSettings
from lit_idim.d90.search import whole_numbers
from lit_idim.study.cell import Cell

# The mean over 400 simulated cells (`lit_idim.d90.simulation`, study seed 1), whose median is 19.
EXPECTED_ADAPTIVE_TRAININGS = 31.0


def expected_trainings(cell: Cell, search: SearchSettings) -> tuple[float, float]:
    """Whole trainings that a cell is expected to need: without a d, and in subspaces."""
    without_d = len(search.full_learning_rates) + search.full_replicates - 1
    if cell.is_baseline:
        return without_d, 0.0
    if search.protocol == "adaptive":
        return without_d, max(0.0, min(EXPECTED_ADAPTIVE_TRAININGS, search.max_trainings) - without_d)
    grid = whole_numbers(search.d_min, search.d_max, search.grid_points)
    return without_d, len(grid) * len(search.rate_steps) * search.grid_replicates
