"""Tasks of users: a folder with a `task.yaml` and the splits beside it."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from lit_idim.errors import UserError
from lit_idim.tasks.task import Split, Task
from lit_idim.yaml_text import parse_yaml

TASK_FILE = "task.yaml"
CLASSIFICATION_METRICS = ("accuracy", "matthews", "f1")
CORRELATIONS = ("pearson", "spearman", "pearson_spearman_mean")
_KEYS = (
    "name",
    "title",
    "text_columns",
    "label_column",
    "label_names",
    "label_range",
    "metric",
    "citation",
    "license_note",
)


def make_user_task(
    name: str,
    folder: Path,
    *,
    text_columns: tuple[str, ...],
    label_column: str = "label",
    label_names: tuple[str, ...] = (),
    label_range: tuple[float, float] | None = None,
    metric: str | None = None,
    title: str | None = None,
    citation: str = "",
    license_note: str = "",
) -> Task:
    """A task whose splits are in a folder: `train` and `dev`, as TSV, parquet or `datasets.save_to_disk`.

    A further split `test`, if there is one, may be without labels: it can be predicted.

    Args:
        name: in tables.
        folder: with the splits.
        text_columns: one, or two of a pair task.
        label_column: of the labels.
        label_names: words of the classes in class order; empty for regression.
        label_range: lowest and highest score; for regression only.
        metric: that is the task's score: accuracy by default, or matthews, or f1 of two classes; for regression the
            mean of Pearson's and Spearman's correlations by default, or one of them.
        title: in print.
        citation: the paper to cite.
        license_note: what is known of the licence.

    Raises:
        UserError: names what does not fit.
    """
    where = f"task {name!r}"
    if not any(letter.isalnum() for letter in name) or not all(letter.isalnum() or letter in "-_." for letter in name):
        raise UserError(f"name: expected letters or digits, and '-', '_' or '.' between them, got {name!r}")
    if len(text_columns) not in (1, 2) or len(set(text_columns)) < len(text_columns):
        raise UserError(f"text_columns: expected one name, or two for a pair task, got {list(text_columns)}")
    if label_column in text_columns:
        raise UserError(f"label_column: expected another column than the texts', got {label_column!r}")
    if (label_range is None) == (not label_names):
        raise UserError(f"{where}: expected either label_names (classes) or label_range (regression)")
    if label_range is None and (len(label_names) < 2 or len(set(label_names)) < len(label_names)):
        raise UserError(f"label_names: expected two or more different classes, got {list(label_names)}")
    if label_range is not None and (len(label_range) != 2 or not label_range[0] < label_range[1]):
        raise UserError(f"label_range: expected the lowest and the highest score, got {list(label_range)}")
    known = CLASSIFICATION_METRICS if label_range is None else CORRELATIONS
    headline = metric or (known[0] if label_range is None else known[-1])
    if headline not in known or (headline == "f1" and len(label_names) != 2):
        raise UserError(
            f"metric: expected one of {', '.join(known)} for {where} (f1 of two classes only), got {headline!r}"
        )
    metrics = CORRELATIONS if label_range is not None else tuple(dict.fromkeys((headline, "accuracy")))
    return Task(
        name=name,
        title=title or name,
        text_columns=tuple(text_columns),
        label_column=label_column,
        label_names=tuple(label_names),
        label_range=label_range,
        metrics=metrics,  # type: ignore[arg-type]
        headline_metric=headline,  # type: ignore[arg-type]
        splits=tuple(
            Split(name=split, files=(f"{split}.tsv",), labelled=split != "test") for split in ("train", "dev", "test")
        ),
        data_folder=str(folder),
        citation=citation,
        license_note=license_note,
    )


def read_user_task(folder: Path) -> Task:
    """The task that a folder's `task.yaml` describes.

    Raises:
        UserError: names the file and what is wrong in it.
    """
    path = folder / TASK_FILE
    try:
        found = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read as YAML ({error})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected keys {', '.join(_KEYS)}, got {type(found).__name__}")
    if unknown := sorted(set(map(str, found)) - {*_KEYS, "checksum"}):
        raise UserError(f"{path}: {', '.join(unknown)} is no key of a task; expected {', '.join(_KEYS)}")
    if "text_columns" not in found:
        raise UserError(f"{path}: text_columns is missing; expected the names of one or two columns")
    arguments: dict[str, Any] = {key: found[key] for key in _KEYS if found.get(key) is not None}
    for key in ("text_columns", "label_names", "label_range"):
        if key in arguments:
            if not isinstance(arguments[key], list):
                raise UserError(f"{path}: {key} must be a list, got {arguments[key]!r}")
            _require_kind(arguments[key], f"{path}: {key}", numbers=key == "label_range")
            arguments[key] = tuple(arguments[key] if key == "label_range" else map(str, arguments[key]))
    name = str(arguments.pop("name", folder.resolve().name))
    try:
        return make_user_task(name, folder.resolve(), **arguments)
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: {error}") from error


def _require_kind(values: list[Any], where: str, *, numbers: bool) -> None:
    """YAML reads an unquoted yes or no as true or false, which no file of labels has."""
    for value in values:
        if isinstance(value, bool) or value is None:
            raise UserError(f"{where}: YAML reads one of its words as {value}; put quotes around it")
        if numbers and not isinstance(value, (int, float)):
            raise UserError(f"{where}: expected two numbers, got {value!r}")


def write_user_task(task: Task, *, checksum: str) -> None:
    """Writes `task.yaml` into the task's folder.

    Args:
        task: of `make_user_task`.
        checksum: of the examples beside it, by which their writer knows them again.
    """
    values = {entry.name: getattr(task, entry.name) for entry in fields(task)}
    stored: dict[str, Any] = {key: values[key] for key in _KEYS if key in values and values[key] not in ((), None, "")}
    stored |= {key: list(value) for key, value in stored.items() if isinstance(value, tuple)}
    stored |= {"metric": task.headline_metric, "checksum": checksum}
    assert task.data_folder is not None
    text = yaml.safe_dump(stored, sort_keys=False, allow_unicode=True)
    (Path(task.data_folder) / TASK_FILE).write_text(text, encoding="utf-8")
