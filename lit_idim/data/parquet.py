"""Parquet files with a split of a task, as the hub has them or as a user exported them."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from lit_idim.data.examples import Examples
from lit_idim.data.optional_import import import_optional
from lit_idim.data.tables import examples_from_columns, table_columns
from lit_idim.errors import UserError
from lit_idim.tasks import Split, Task

_SHARD = re.compile(r"-\d+-of-(\d+)\.parquet$")


def parquet_shards(folder: Path, name: str) -> list[Path]:
    """`name.parquet`, or all of `name-00000-of-0000N.parquet`, or what lies in `name/`; empty if there is nothing.

    Raises:
        UserError: if a shard is missing.
    """
    single = folder / f"{name}.parquet"
    if single.is_file():
        return [single]
    shards = sorted(path for path in folder.glob(f"{name}-*.parquet") if _SHARD.search(path.name))
    for path in shards:
        match = _SHARD.search(path.name)
        if match is not None and int(match[1]) != len(shards):
            raise UserError(f"data_dir: expected {int(match[1])} files like {path}; found {len(shards)}")
    return shards or sorted((folder / name).glob("*.parquet"))


def read_parquet(task: Task, split: Split, path: Path) -> Examples:
    """The examples of one parquet file.

    Raises:
        UserError: without the package `pyarrow`, for a damaged file, or for content that is not the task's.
    """
    parquet = import_optional("pyarrow.parquet", package="pyarrow", purpose="Reading parquet files")
    try:
        table = parquet.read_table(path, partitioning=None)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a parquet file ({error})") from error
    text_columns, label_column = table_columns(task, table.column_names, str(path))
    names = [*text_columns, label_column] if label_column is not None else [*text_columns]
    class_names = _class_names(table.schema.metadata, label_column)
    return examples_from_columns(task, split, table.select(names).to_pydict(), class_names, str(path))


def _class_names(metadata: dict[bytes, bytes] | None, label_column: str | None) -> Sequence[str] | None:
    """The names that `datasets` writes into a parquet file's metadata for the class numbers."""
    if not metadata or b"huggingface" not in metadata:
        return None
    features = json.loads(metadata[b"huggingface"]).get("info", {}).get("features", {})
    names: Sequence[str] | None = features.get(label_column, {}).get("names")
    return names
