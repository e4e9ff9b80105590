"""What cannot be certified is refused before anything is trained."""

from lit_idim.certificate.message import MAX_D
from lit_idim.errors import UserError
from lit_idim.study.settings import StudySettings
from lit_idim.tasks import get_task
from lit_idim.training.distributed import num_launched_processes


def require_certifiable(settings: StudySettings, d: int | None = None, *, devices_per_training: int = 1) -> None:
    """Refuses settings whose trainings cannot be certified.

    Args:
        settings: of the study.
        d: trained numbers of the certified subspaces, where they are given.
        devices_per_training: of each worker.

    Raises:
        UserError: names the setting.
    """
    number, variable = num_launched_processes()
    if number > 1:
        raise UserError(
            f"{variable}={number}: a certificate is computed on one device; start this study without --devices, and as "
            "often as you have devices with one --ledger"
        )
    if devices_per_training != 1:
        raise UserError(
            f"devices_per_training: a certificate is computed on one device, got {devices_per_training}; leave it out, "
            "and pass --workers"
        )
    for name in settings.tasks:
        task = get_task(name)
        if task.is_regression:
            raise UserError(f"tasks: a certificate bounds the error of classes, but {task.name} is a regression")
        if settings.training_of(task.name).score != "last_update":
            raise UserError("training.score: a certificate is of the last update; leave out best_epoch")
    if d is not None and not 1 <= d <= MAX_D:
        raise UserError(f"certificate_d: expected 1 to {MAX_D}, got {d}")
