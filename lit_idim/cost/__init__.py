"""What a projection and a training step cost, in time and memory."""

from lit_idim.cost.memory import peak_memory_bytes
from lit_idim.cost.padded_fastfood import PaddedFastfood
from lit_idim.cost.steps import FullStep, SubspaceStep, classifier_for_cost
from lit_idim.cost.timing import median_seconds, time_in_turn

__all__ = [
    "FullStep",
    "PaddedFastfood",
    "SubspaceStep",
    "classifier_for_cost",
    "median_seconds",
    "peak_memory_bytes",
    "time_in_turn",
]
