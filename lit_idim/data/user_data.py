"""A user's own `datasets` dataset as a task in a folder."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from lit_idim.data.optional_import import import_optional
from lit_idim.errors import UserError
from lit_idim.tasks import Task, register_task
from lit_idim.tasks.user_task import TASK_FILE, make_user_task, write_user_task
from lit_idim.yaml_text import parse_yaml

_DEV_NAMES = ("dev", "validation", "valid", "val")
_UNLABELLED = -1  # as the hub writes it

Columns = dict[str, list[Any]]


def task_from_dataset(
    dataset: Mapping[str, Any],
    folder: Path,
    *,
    name: str,
    text_columns: Sequence[str],
    label_column: str = "label",
    regression: bool = False,
    metric: str | None = None,
) -> Task:
    """Writes a user's dataset into a folder and makes a task of it, known by its name from now on.

    Args:
        dataset: `DatasetDict` or mapping with the splits `train` and `dev` (or `validation`), each with the columns.
        folder: for the examples and `task.yaml`; written only if it does not hold these very examples already.
        name: of the task, in tables.
        text_columns: one column, or two of a pair task.
        label_column: class numbers, class words or, for regression, scores.
        regression: whether labels are scores.
        metric: that is the task's score, as of `lit_idim.tasks.user_task.make_user_task`.

    Raises:
        UserError: names the split, the row and the mend, for columns that are missing, texts that are none, rows
            without a label, a single class, or labels that do not fit the kind of task.
    """
    splits = _splits(dataset)
    columns = {split: _columns(table, text_columns, label_column, split) for split, table in splits.items()}
    for split, values in columns.items():
        _check_texts(values, text_columns, split)
        _check_labelled(values[label_column], split, regression=regression)
    label_names: tuple[str, ...] = ()
    label_range = None
    if regression:
        label_range = _make_scores(columns, label_column)
    else:
        label_names = _make_classes(columns, label_column, _class_names(splits, label_column))
    task = make_user_task(
        name,
        folder.resolve(),
        text_columns=tuple(text_columns),
        label_column=label_column,
        label_names=label_names,
        label_range=label_range,
        metric=metric,
    )
    register_task(task)
    _write(task, columns)
    return task


def _splits(dataset: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(dataset, Mapping):
        raise UserError(
            f"dataset: expected a DatasetDict with the splits train and dev, got {type(dataset).__name__}; a dataset "
            "of one split makes two by dataset.train_test_split(0.1), whose test split can be renamed dev"
        )
    dev = [split for split in _DEV_NAMES if split in dataset]
    if "train" not in dataset or len(dev) != 1:
        raise UserError(
            f"dataset: expected the splits train and one of {', '.join(_DEV_NAMES)}, got {', '.join(dataset) or 'none'}"
        )
    return {"train": dataset["train"], "dev": dataset[dev[0]]}


def _columns(table: Any, text_columns: Sequence[str], label_column: str, split: str) -> Columns:
    if not all(hasattr(table, name) for name in ("column_names", "features", "with_format", "__len__")):
        raise UserError(
            f"dataset: expected a datasets.Dataset as its {split} split, got {type(table).__name__}; make one by "
            "Dataset.from_dict, or of a stream by Dataset.from_list(list(stream))"
        )
    names = list(table.column_names)
    if missing := [column for column in (*text_columns, label_column) if column not in names]:
        raise UserError(
            f"text_columns, label_column: the {split} split has no column {', '.join(missing)}; it has "
            f"{', '.join(names)}"
        )
    if not len(table):
        raise UserError(f"dataset: the {split} split has no rows")
    plain = table.with_format(None)  # Python's own values, whatever the user's format makes of them
    return {column: list(plain[column]) for column in (*text_columns, label_column)}


def _check_texts(columns: Columns, text_columns: Sequence[str], split: str) -> None:
    for column in text_columns:
        for row, text in enumerate(columns[column]):
            if not isinstance(text, str):
                raise UserError(f"text_columns: {split}, row {row}: expected a text in column {column}, got {text!r}")


def _check_labelled(labels: Sequence[Any], split: str, *, regression: bool) -> None:
    for row, label in enumerate(labels):
        is_missing = label is None or label == "" or (isinstance(label, float) and math.isnan(label))
        if is_missing or (not regression and isinstance(label, int) and label == _UNLABELLED):
            raise UserError(
                f"label_column: {split}, row {row} has no label ({label!r}); leave such rows out with dataset.filter, "
                "or number the classes from 0 if -1 is one"
            )


def _class_names(splits: Mapping[str, Any], label_column: str) -> tuple[str, ...] | None:
    """Names of the class numbers, where the dataset has them; they must be the same in both splits."""
    found = {split: getattr(table.features[label_column], "names", None) for split, table in splits.items()}
    if found["train"] != found["dev"]:
        raise UserError(
            f"label_column: the splits name their classes differently, train {found['train']} and dev {found['dev']}; "
            "cast both to one ClassLabel with dataset.cast_column"
        )
    return None if found["train"] is None else tuple(found["train"])


def _make_scores(columns: Mapping[str, Columns], label_column: str) -> tuple[float, float]:
    """Turns labels into floats; the range of all of them."""
    for split, values in columns.items():
        for row, label in enumerate(values[label_column]):
            if isinstance(label, bool) or not isinstance(label, (int, float)) or not math.isfinite(label):
                raise UserError(f"label_column: {split}, row {row}: expected a score for regression, got {label!r}")
        values[label_column] = [float(label) for label in values[label_column]]
    low, high = (end(score for values in columns.values() for score in values[label_column]) for end in (min, max))
    if low == high:
        raise UserError(f"label_column: all scores are {low:g}; there is nothing to learn")
    return low, high


def _make_classes(
    columns: Mapping[str, Columns], label_column: str, class_names: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Turns labels into class numbers; the names of the classes."""
    for split, values in columns.items():
        for row, label in enumerate(values[label_column]):
            if not isinstance(label, (int, str)):
                raise UserError(
                    f"label_column: {split}, row {row}: expected a class number or word, got {label!r}; pass "
                    "regression=True if labels are scores"
                )
    found = set(columns["train"][label_column])
    if len({type(label) for label in found}) > 1:
        raise UserError("label_column: expected class numbers or class words, got both")
    known = range(len(class_names)) if class_names is not None else sorted(found)
    if len(found) < 2:
        raise UserError(
            f"label_column: all training labels are {next(iter(found))!r}; a task needs two or more classes"
        )
    number = {label: i for i, label in enumerate(known)}
    for split, values in columns.items():
        for row, label in enumerate(values[label_column]):
            if label not in number:
                raise UserError(
                    f"label_column: {split}, row {row}: class {label!r} does not occur in the training labels"
                )
        values[label_column] = [number[label] for label in values[label_column]]
    return class_names if class_names is not None else tuple(str(label) for label in known)


def _write(task: Task, columns: Mapping[str, Columns]) -> None:
    """Examples first, `task.yaml` with their checksum last: a folder that was left half written is written again."""
    assert task.data_folder is not None
    folder = Path(task.data_folder)
    ordered = [[split, name, values[name]] for split, values in columns.items() for name in values]
    content = json.dumps([asdict(task), ordered], sort_keys=True, ensure_ascii=False)
    checksum = hashlib.sha256(content.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]
    if _written_checksum(folder) == checksum:
        return
    datasets = import_optional("datasets", package="datasets", purpose="Writing a dataset")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TASK_FILE).unlink(missing_ok=True)
        for split, values in columns.items():
            _save(datasets, values, folder / split)
        write_user_task(task, checksum=checksum)
    except OSError as error:
        raise UserError(f"out: {folder} cannot be written ({error.strerror or error}); pass another folder") from error


def _save(datasets: Any, values: Columns, folder: Path) -> None:
    """Without a progress bar: it takes a moment."""
    shows_bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        datasets.Dataset.from_dict(values).save_to_disk(str(folder))
    finally:
        if shows_bars:
            datasets.enable_progress_bars()


def _written_checksum(folder: Path) -> str | None:
    try:
        found = parse_yaml((folder / TASK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return found.get("checksum") if isinstance(found, dict) else None
