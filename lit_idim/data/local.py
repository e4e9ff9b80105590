"""Splits from a local folder: the original files, `datasets.save_to_disk` folders, or parquet files."""

from pathlib import Path

from lit_idim.data.examples import Examples, concatenate
from lit_idim.data.json_lines import read_json_lines
from lit_idim.data.optional_import import import_optional
from lit_idim.data.parquet import parquet_shards, read_parquet
from lit_idim.data.quoted_csv import read_quoted_csv
from lit_idim.data.tables import examples_from_dataset
from lit_idim.data.tsv import read_tsv
from lit_idim.errors import UserError
from lit_idim.tasks import Split, Task
from lit_idim.tasks.registry import normalised_name


def load_from_folder(task: Task, split: Split, data_dir: Path) -> Examples:
    """The examples of a split from `data_dir/<TASK>/` or, without such a subfolder, from `data_dir` itself.

    The subfolder may go by any of the task's names, without regard to case and punctuation (`SST-2`, `sst2`). In it,
    the original files come first, then `save_to_disk` folders, then parquet files.

    Raises:
        UserError: if nothing is there (the message lists what was looked for), or for malformed content.
    """
    if not data_dir.is_dir():
        raise UserError(f"data_dir: expected a folder; {str(data_dir)!r} is none")
    folder = _task_folder(task, data_dir)
    for load in (_load_published_files, _load_saved_dataset, _load_parquet):
        examples = load(task, split, folder)
        if examples is not None:
            return examples
    names = [name for group in _table_names(split) for name in group]
    remark = f" (which has no subfolder {task.title}/)" if folder == data_dir else ""
    raise UserError(
        f"data_dir: no {split.name} split of {task.name} in {str(folder)!r}{remark}; looked for "
        f"{', '.join(split.files)}, for folders of datasets.save_to_disk named {', '.join(names)}, and for "
        f"{', '.join(f'{name}.parquet' for name in names)} (also NAME-00000-of-0000N.parquet). "
        f"Pass data_dir=FOLDER that holds these, or {task.title}/ with these."
    )


def _task_folder(task: Task, data_dir: Path) -> Path:
    aliases = {normalised_name(name) for name in (task.name, task.title, *task.folder_names)}
    found = sorted(child for child in data_dir.iterdir() if child.is_dir() and normalised_name(child.name) in aliases)
    if len(found) > 1:
        raise UserError(
            f"data_dir: {' and '.join(child.name for child in found)} in {str(data_dir)!r} both go for {task.name}; "
            f"pass the one to use, such as data_dir={found[0]}"
        )
    return found[0] if found else data_dir


def _table_names(split: Split) -> list[tuple[str, ...]]:
    """Names that a split's table may go by, the hub's first; a group of several is concatenated."""
    groups = [*([split.hub_splits] if split.hub_splits else []), (split.name,)]
    if split.name == "dev":
        groups.append(("validation",))
    return list(dict.fromkeys(groups))


def _load_published_files(task: Task, split: Split, folder: Path) -> Examples | None:
    paths = [folder / name for name in split.files]
    missing = [path for path in paths if not path.is_file()]
    if len(missing) == len(paths):
        return None
    if missing:
        raise UserError(
            f"data_dir: the {split.name} split of {task.name} consists of {', '.join(split.files)}; missing: "
            f"{', '.join(map(str, missing))}"
        )
    parts = []
    for path in paths:
        if task.file_format == "jsonl":
            parts.append(read_json_lines(path, task))
        elif task.file_format == "quoted_csv":
            parts.append(read_quoted_csv(path, task))
        else:
            parts.append(read_tsv(path, task, split))
    return concatenate(parts, str(folder))


def _load_saved_dataset(task: Task, split: Split, folder: Path) -> Examples | None:
    for group in _table_names(split):
        if all((folder / name / "state.json").is_file() for name in group):
            return concatenate([_read_saved_dataset(task, split, folder / name) for name in group], str(folder))
    return None


def _read_saved_dataset(task: Task, split: Split, folder: Path) -> Examples:
    datasets = import_optional("datasets", package="datasets", purpose="Reading a save_to_disk folder")
    try:
        dataset = datasets.load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: cannot be read as a datasets.save_to_disk folder ({error})") from error
    return examples_from_dataset(task, split, dataset, str(folder))


def _load_parquet(task: Task, split: Split, folder: Path) -> Examples | None:
    subfolders = [folder, folder / "data", *([folder / task.hub_config] if task.hub_config else [])]
    for group in _table_names(split):
        for subfolder in subfolders:
            shards = [parquet_shards(subfolder, name) for name in group]
            if all(shards):
                return concatenate(
                    [read_parquet(task, split, path) for paths in shards for path in paths], str(subfolder)
                )
    return None
