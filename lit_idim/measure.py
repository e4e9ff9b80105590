"""`measure_d90`: one d90 of one model on one task, for a notebook or a program."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lit_idim.d90 import SearchSettings
from lit_idim.data.user_data import task_from_dataset
from lit_idim.errors import UserError
from lit_idim.series import Series, single_model
from lit_idim.series.hub import hub_address
from lit_idim.study.d90_row import D90Row
from lit_idim.study.reporting import write_study_report
from lit_idim.study.run import measure
from lit_idim.study.settings import Method, StudySettings, TrainingSettings
from lit_idim.tasks import get_task

OUTPUT_FOLDER = Path("outputs/measure_d90")


def measure_d90(
    model: str,
    task: str | Mapping[str, Any],
    *,
    text_columns: Sequence[str] | None = None,
    label_column: str = "label",
    regression: bool = False,
    metric: str | None = None,
    task_name: str = "my-task",
    data_dir: str | None = None,
    revision: str | None = None,
    method: Method = "said",
    projection: str = "fastfood",
    training: TrainingSettings | None = None,
    search: SearchSettings | None = None,
    study_seed: int = 0,
    out: str | Path | None = None,
    ledger: str | None = None,
    workers: int = 1,
    threads: int | None = None,
) -> D90Row:
    """Measures d90 of a model on a task: how many trained numbers reach 90% of full fine-tuning.

    Every training is a row of a ledger in `out`; called again with the same arguments it goes on where it was, and
    returns at once where it was done. Tables and figures are written there as well.

    Args:
        model: folder in `save_pretrained` format, model of `lit_idim.families`, or name on the hub, that
            `AutoModelForSequenceClassification` loads; a head that it lacks is drawn, one of the task's size is kept,
            and one of another size refused.
        task: name of a task such as "mrpc", folder with a `task.yaml`, or a `datasets.DatasetDict` of your own with the
            splits train and dev (or validation).
        text_columns: of your dataset: one column, or two for pairs.
        label_column: of your dataset: class numbers, class words or, for regression, scores.
        regression: whether your labels are scores.
        metric: score of your task: accuracy by default, matthews or f1; correlations for regression.
        task_name: of your dataset, in tables.
        data_dir: folder with the files of a task such as "mrpc"; the data hub if None.
        revision: branch, tag or commit of the model on the hub.
        method: "said" or "did".
        projection: name of P.
        training: of every training; 3 epochs of batches of 32, at most 128 tokens an example, if None.
        search: of d90; by default 10 <= d <= 10,000, full rates 1e-5, 2e-5 and 5e-5, up to 80 trainings. Small encoders
            want full rates decades higher.
        study_seed: from which the seeds of all trainings derive.
        out: folder for ledger, tables and figures; `outputs/measure_d90/MODEL-TASK` if None.
        ledger: address of a ledger to share, as `postgresql://user@host/database`.
        workers: processes that run trainings side by side, this one included.
        threads: CPU threads of each of them; torch's default if None.

    Returns:
        The row of `d90.csv`: d90, its interval and status, the full score and what it was measured with.

    Raises:
        UserError: for input that you can mend. A model that cannot be loaded or trained gives a row with status
            "failed" and a reason.

    Example:
        A measurement in five lines::

            from lit_idim import measure_d90
            from datasets import load_dataset
            row = measure_d90("distilroberta-base", load_dataset("my/reviews"), text_columns=["text"])
            print(row.status, row.d90, row.d90_low, row.d90_high)
    """
    series = single_model(model, revision=revision)
    name = get_task(task).name if isinstance(task, str) else task_name
    folder = _default_folder(series, name) if out is None else Path(out)
    tells_columns = text_columns is not None or label_column != "label" or regression or metric is not None
    if isinstance(task, str) and tells_columns:
        raise UserError(
            f"text_columns, label_column, regression, metric: they describe a dataset of your own, and {task!r} is the "
            "name of a task; leave them out"
        )
    if not isinstance(task, str):
        if text_columns is None:
            raise UserError(
                'text_columns: expected the column of your dataset that holds the texts, as text_columns=["text"], or '
                "the two of pairs; got None"
            )
        place = folder / "data" / name
        task_from_dataset(
            task,
            place,
            name=name,
            text_columns=text_columns,
            label_column=label_column,
            regression=regression,
            metric=metric,
        )
        task = str(place)
    elif Path(task).is_dir():
        task = str(Path(task).resolve())  # the folder, whatever other task had its name before
    settings = StudySettings(
        models=(hub_address(model, revision),),
        tasks=(task,),
        methods=(method,),
        projection=projection,
        data_dir=data_dir,
        study_seed=study_seed,
        training=training or TrainingSettings(epochs=3),
        search=search or SearchSettings(),
    )
    result = measure(settings, folder, study="measure_d90", ledger=ledger, workers=workers, threads=threads)
    write_study_report(folder, settings, result.rows, result.records, result.curves)
    (row,) = result.rows
    return row


def _default_folder(series: Series, task: str) -> Path:
    """Another one for each model: folders of the same last name are told apart by a hash of their paths."""
    origin = series.source.origin(series.steps[0])
    path = f"-{hashlib.sha256(origin.encode()).hexdigest()[:8]}" if Path(origin).is_dir() else ""
    return OUTPUT_FOLDER / f"{series.name.replace('/', '--')}{path}-{task}"
