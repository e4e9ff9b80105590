"""What a certificate is asked for."""

from dataclasses import dataclass

from lit_idim.certificate.settings import CertificateSettings
from lit_idim.errors import UserError
from lit_idim.study.seeds import derived_seeds
from lit_idim.study.training_request import TrainingRequest
from lit_idim.tasks import get_task
from lit_idim.training.checks import SUBSPACE


@dataclass(frozen=True, kw_only=True)
class CertificateRequest(CertificateSettings):
    """A training of a study whose trained subspace is to be certified, and how.

    Attributes:
        training: in a subspace, with seeds as the study derives them, see `derived_seeds`.
        series: name of the checkpoint series.
        step: of pretraining.
        study_seed: from which the seeds derive.
        replicate: number of the seeds.
        rate: rung of the training's learning rate on the ladder.

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

    def __post_init__(self) -> None:
        super().__post_init__()
        training, task = self.training, get_task(self.training.task)
        if task.is_regression:
            raise UserError(f"task: a certificate bounds the error of classes, but {task.name} is a regression")
        if training.method not in SUBSPACE:
            raise UserError(f"method: expected one of {', '.join(SUBSPACE)} for a certificate, got {training.method!r}")
        if training.state is not None or training.stop_after is not None or training.evaluate_at:
            raise UserError("state, stop_after, evaluate_at have no effect on a certificate; leave them out")
        if training.settings.score != "last_update":
            raise UserError("training.score has no effect on a certificate, which takes the last update; leave it out")
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
