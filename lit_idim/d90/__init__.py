"""d90: the search for it and its estimate, from scores alone."""

from lit_idim.d90.crossing import LEVEL
from lit_idim.d90.estimate import Estimate, Status, estimate_d90
from lit_idim.d90.full import FullScore, full_score
from lit_idim.d90.search import CellFacts, PlayedSearch, error_at_chance, next_round, replay
from lit_idim.d90.settings import RATE_RATIO, TARGET_KINDS, SearchSettings, TargetKind
from lit_idim.d90.training import Request, Result, Results, TrainingId

__all__ = [
    "LEVEL",
    "RATE_RATIO",
    "TARGET_KINDS",
    "CellFacts",
    "Estimate",
    "FullScore",
    "PlayedSearch",
    "Request",
    "Result",
    "Results",
    "SearchSettings",
    "Status",
    "TargetKind",
    "TrainingId",
    "error_at_chance",
    "estimate_d90",
    "full_score",
    "next_round",
    "replay",
]
