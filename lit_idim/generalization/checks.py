"""What cannot be certified is refused before anything is trained."""

from lit_idim.certificate.message import MAX_D
from lit_idim.errors import UserError
from lit_idim.study.settings import StudySettings
from lit_idim.tasks import get_task


def require_certifiable(settings: StudySettings, d: int | None = None) -> None:
    """Refuses settings whose trainings cannot be certified.

    Args:
        settings: of the study.
        d: trained numbers of the certified subspaces, where they are given.

    Raises:
        UserError: names the setting.
    """
    for name in settings.tasks:
        task = get_task(name)
        if task.is_regression:
            raise UserError(f"tasks: a certificate bounds the error of classes, but {task.name} is a regression")
        if settings.training_of(task.name).score != "last_update":
            raise UserError("training.score: a certificate is of the last update; leave out best_epoch")
    if d is not None and not 1 <= d <= MAX_D:
        raise UserError(f"certificate_d: expected 1 to {MAX_D}, got {d}")
