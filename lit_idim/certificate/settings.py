"""How certificates are made: all of it is fixed before the sample is seen."""

from dataclasses import dataclass

from lit_idim.errors import UserError


@dataclass(frozen=True, kw_only=True)
class CertificateSettings:
    """The same for all certificates of a study; no message names them.

    Attributes:
        holdout_fraction: of the train examples, or of the groups of a task whose examples are phrases.
        holdout_seed: of the held-out part.
        relative_steps: of the grids to be tried, in root mean squares of theta_d and of the lambdas minus 1.
        num_further_updates: with rounded numbers in the forward pass, for each grid; half the training's if None.
        further_rate: their peak learning rate, as a share of the training's; it falls to 0.
        delta: probability with which the bounds may fail.

    Raises:
        UserError: if a number is out of range.
    """

    holdout_fraction: float = 0.1
    holdout_seed: int = 0
    relative_steps: tuple[float, ...] = (2.0, 1.0, 0.5)
    num_further_updates: int | None = None
    further_rate: float = 0.3
    delta: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.holdout_fraction < 1:
            raise UserError(
                f"certificate.holdout_fraction: expected a share between 0 and 1, got {self.holdout_fraction}"
            )
        if not self.relative_steps or not all(0 < step < float("inf") for step in self.relative_steps):
            raise UserError(
                f"certificate.relative_steps: expected at least one positive number, got {self.relative_steps}"
            )
        if self.num_further_updates is not None and self.num_further_updates < 0:
            raise UserError(f"certificate.num_further_updates: expected at least 0, got {self.num_further_updates}")
        if not 0 < self.further_rate <= 1:
            raise UserError(
                f"certificate.further_rate: expected a share of the learning rate up to 1, got {self.further_rate}"
            )
        if not 0 < self.delta < 1:
            raise UserError(
                f"certificate.delta: expected a probability between 0 and 1, both excluded, got {self.delta}"
            )
