"""What a certificate is asked for."""

from dataclasses import dataclass

from lit_idim.certificate.seeds import derived_seeds
from lit_idim.errors import UserError
from lit_idim.study.training_request import TrainingRequest
from lit_idim.tasks import get_task
from lit_idim.training.checks import SUBSPACE


@dataclass(frozen=True, kw_only=True)
class CertificateRequest:
    """A training of a study whose trained subspace is to be certified.

    Attributes:
        training: in a subspace, with seeds as the study derives them, see `derived_seeds`.
        series: name of the checkpoint series.
        step: of pretraining.
        study_seed: from which the seeds derive.
        replicate: number of the seeds.
        rate: rung of the training's learning rate on the ladder.
        holdout_fraction: of the train examples, or of the groups of a task whose examples are phrases.
        holdout_seed: of the held-out part.
        relative_steps: of the grids to be tried, in root mean squares of theta_d and of the lambdas minus 1.
        num_further_updates: with rounded numbers in the forward pass, for each grid; half the training's if None.
        further_rate: their peak learning rate, as a share of the training's; it falls to 0.
        delta: probability with which the bounds may fail.

    Raises:
        UserError: if the task is a regression, the method has no subspace, the training starts or ends midway, the
            seeds do not derive from the study's, or a number is out of range.
    """

    training: TrainingRequest
    series: str
    step: int
    study_seed: int
    replicate: int
    rate: int
    holdout_fraction: float = 0.1
    holdout_seed: int = 0
    relative_steps: tuple[float, ...] = (2.0, 1.0, 0.5)
    num_further_updates: int | None = None
    further_rate: float = 0.3
    delta: float = 0.05

    def __post_init__(self) -> None:
        training, task = self.training, get_task(self.training.task)
        if task.is_regression:
            raise UserError(f"task: a certificate bounds the error of classes, but {task.name} is a regression")
        if training.method not in SUBSPACE:
            raise UserError(f"method: expected one of {', '.join(SUBSPACE)} for a certificate, got {training.method!r}")
        if training.state is not None or training.stop_after is not None or training.evaluate_at:
            raise UserError("state, stop_after, evaluate_at have no effect on a certificate; leave them out")
        if training.settings.score != "last_update":
            raise UserError("training.score has no effect on a certificate, which takes the last update; leave it out")
        if not self.relative_steps or not all(0 < step < float("inf") for step in self.relative_steps):
            raise UserError(f"relative_steps: expected at least one positive number, got {self.relative_steps}")
        if self.num_further_updates is not None and self.num_further_updates < 0:
            raise UserError(f"num_further_updates: expected at least 0, got {self.num_further_updates}")
        if not 0 < self.further_rate <= 1:
            raise UserError(f"further_rate: expected a share of the learning rate up to 1, got {self.further_rate}")
        if not 0 < self.delta < 1:
            raise UserError(f"delta: expected a probability between 0 and 1, both excluded, got {self.delta}")
        derived = derived_seeds(
            study_seed=self.study_seed,
            series=self.series,
            step=self.step,
            task=task.name,
            method=training.method,
            d=training.d,
            replicate=self.replicate,
        )
        if dict(training.seeds) != derived:
            raise UserError(
                f"seeds: expected those that derive from study_seed {self.study_seed}, {self.series}/{self.step}, d "
                f"and replicate {self.replicate}, {derived}; got {dict(training.seeds)}, which a message cannot name"
            )
