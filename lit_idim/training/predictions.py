"""Predictions as files, in the format of the GLUE server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import BasePredictionWriter

from lit_idim.errors import UserError
from lit_idim.tasks import Task, get_split


class GLUESubmissionWriter(BasePredictionWriter):
    """Writes predictions as a TSV with the columns `index` and `prediction`, one line an example, in the split's order.

    The file bears the name that the GLUE server expects for the split (`MNLI-m.tsv`), or task and split where it
    expects none. Classes are written as the task's words, scores with three decimals within the task's range. With
    several devices the main process gathers and writes.

    Args:
        folder: where the file goes; made if missing.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(write_interval="epoch")
        self.folder = Path(folder)
        self.path: Path | None = None

    def write_on_epoch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        predictions: Sequence[Any],
        batch_indices: Sequence[Any],
    ) -> None:
        pairs = [
            (int(index), prediction)
            for batch in predictions
            for index, prediction in zip(batch["index"].tolist(), batch["predictions"].tolist(), strict=True)
        ]
        if trainer.world_size > 1:
            gathered: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(gathered, pairs)
            pairs = [pair for part in gathered for pair in part]
        if not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        split = get_split(data.task, data.predict_split)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / f"{split.submission_name or f'{data.task.name}-{split.name}'}.tsv"
        self.path.write_text(submission(data.task, sorted(pairs)), encoding="utf-8")


def submission(task: Task, pairs: Sequence[tuple[int, float]]) -> str:
    r"""The text of a submission.

    Args:
        task: gives the words of the classes, or the range of the scores.
        pairs: position in the split and predicted class or score, sorted, each position once.

    Raises:
        UserError: if a position comes twice.

    Example:
        >>> from lit_idim.tasks import get_task
        >>> submission(get_task("rte"), [(0, 1), (1, 0)])
        'index\tprediction\n0\tnot_entailment\n1\tentailment\n'
    """
    positions = [index for index, _ in pairs]
    if len(set(positions)) < len(positions):
        raise UserError("predictions must hold each example of the split once; some came from several devices")
    lines = [f"{index}\t{_word(task, prediction)}" for index, prediction in pairs]
    return "\n".join(["index\tprediction", *lines]) + "\n"


def _word(task: Task, prediction: float) -> str:
    if task.label_range is None:
        return task.label_names[int(prediction)]
    low, high = task.label_range
    return f"{min(max(prediction, low), high):.3f}"
