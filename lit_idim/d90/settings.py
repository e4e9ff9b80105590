"""Settings of the d90 search."""

from dataclasses import dataclass
from typing import Literal

from lit_idim.errors import UserError

Protocol = Literal["adaptive", "grid"]
TargetKind = Literal["full_fraction", "chance_corrected", "final"]
TARGET_KINDS: tuple[TargetKind, ...] = ("full_fraction", "chance_corrected", "final")

RATE_RATIO = 10**0.5  # between neighbouring learning rates of a ladder: four of them span a factor of 32


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How d90 is searched for.

    Attributes:
        protocol: "adaptive", or "grid" as in the paper.
        target_fraction: of the full score that d90 must reach.
        targets: which targets the adaptive search aims at, in turn. The others are estimated from the trainings that
            these need.
        d_min: smallest d.
        d_max: largest d.
        full_learning_rates: of full fine-tuning, ascending; extended at the edge by factors of 3.2.
        full_replicates: trainings in full at the best of them; the adaptive search adds more where they decide.
        rate_steps: learning rates of a subspace, as steps of a factor 3.2 from the rate that the rule gives; extended
            at the edge.
        tolerance: half the width of the 90% interval of ln d90 at which the adaptive search stops.
        max_trainings: budget of a cell in whole trainings, those in full included, which are run whatever is left; an
            early-stopped one counts its part.
        early_fraction: share of the updates after which the adaptive search looks at learning rates to drop.
        grid_points: d values of the grid.
        grid_replicates: trainings of each d and learning rate of the grid.
    """

    protocol: Protocol = "adaptive"
    target_fraction: float = 0.9
    targets: tuple[TargetKind, ...] = ("full_fraction",)
    d_min: int = 10
    d_max: int = 10_000
    full_learning_rates: tuple[float, ...] = (1e-5, 2e-5, 5e-5)
    full_replicates: int = 3
    rate_steps: tuple[int, ...] = (-2, -1, 0, 1)
    tolerance: float = 0.31
    max_trainings: float = 80.0
    early_fraction: float = 0.34
    grid_points: int = 100
    grid_replicates: int = 1

    def __post_init__(self) -> None:
        if self.protocol not in ("adaptive", "grid"):
            raise UserError(f"search.protocol: expected adaptive or grid, got {self.protocol!r}")
        if not 0 < self.target_fraction < 1:
            raise UserError(f"search.target_fraction: expected a number between 0 and 1, got {self.target_fraction}")
        if not self.targets or not set(self.targets) <= set(TARGET_KINDS):
            raise UserError(f"search.targets: expected some of {', '.join(TARGET_KINDS)}, got {self.targets}")
        if not 1 <= self.d_min < self.d_max:
            raise UserError(
                f"search.d_min, search.d_max: expected 1 <= d_min < d_max, got d_min={self.d_min}, d_max={self.d_max}"
            )
        rates = self.full_learning_rates
        if len(rates) < 2 or any(not 0 < rate < float("inf") for rate in rates) or list(rates) != sorted(set(rates)):
            raise UserError(
                f"search.full_learning_rates: expected two or more different positive rates, ascending, got {rates}"
            )
        if not self.rate_steps or list(self.rate_steps) != sorted(set(self.rate_steps)):
            raise UserError(f"search.rate_steps: expected different whole numbers, ascending, got {self.rate_steps}")
        for name, least in (("full_replicates", 2), ("max_trainings", 1), ("grid_points", 2), ("grid_replicates", 1)):
            if not getattr(self, name) >= least:
                raise UserError(f"search.{name}: expected at least {least}, got {getattr(self, name)}")
        if not self.tolerance > 0:
            raise UserError(f"search.tolerance: expected a positive number, got {self.tolerance}")
        if not 0 < self.early_fraction < 1:
            raise UserError(f"search.early_fraction: expected a number between 0 and 1, got {self.early_fraction}")
