"""Series to YAML files."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from lit_idim.errors import UserError
from lit_idim.series.fairseq2.source import Fairseq2Source
from lit_idim.series.folder import DEFAULT_PATTERN, FolderSource
from lit_idim.series.reading import SERIES_FILE
from lit_idim.series.series import Series

_TEXT_FIELDS = (
    *("tokens_per_step_reason", "architecture", "family_model", "family"),
    *("license", "citation", "url", "notes"),
)


def write_series(series: Series, folder: str | Path) -> Path:
    """Writes `folder/series.yaml`, which describes the `step-N/` folders beside it. Written aside and renamed.

    Steps are not written unless the series lists them: they are then those whose folders are complete, so that the file
    can be written before the first checkpoint is.

    Args:
        series: with a source of kind folder or fairseq2. Its path is written relative to `folder` where it lies inside.
        folder: made if need be.

    Returns:
        The path of the file.

    Raises:
        UserError: if the series has another kind of source, or the folder cannot be written.
    """
    folder = Path(folder)
    if not isinstance(series.source, (Fairseq2Source, FolderSource)):
        raise UserError(f"series {series.name!r}: only a series of local folders is written, not {series.source.kind}")
    path = folder / SERIES_FILE
    aside = folder / f".{SERIES_FILE}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside.write_text(
            yaml.safe_dump(_document(series, series.source, folder), sort_keys=False, allow_unicode=True, width=120),
            encoding="utf-8",
        )
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise UserError(f"{path} cannot be written ({error}); free some space, or pass a folder that can be") from error
    return path


def _document(series: Series, source: Fairseq2Source | FolderSource, folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": series.name,
        "title": series.title,
        "source": {"kind": source.kind, "path": _relative(source.path, folder)},
        "unit": series.unit,
        "tokens_per_step": series.tokens_per_step,
    }
    if isinstance(source, FolderSource) and source.pattern != DEFAULT_PATTERN:
        document["source"]["pattern"] = source.pattern
    if series.listed_steps is not None:
        document["steps"] = list(series.listed_steps)
    if source.tokenizer is not None:
        is_folder = Path(source.tokenizer).is_dir()
        document["tokenizer"] = _relative(Path(source.tokenizer), folder) if is_folder else source.tokenizer
    document |= {field: getattr(series, field) for field in _TEXT_FIELDS if getattr(series, field) is not None}
    if series.checksums:
        document["checksums"] = dict(series.checksums)
    return document


def _relative(path: Path, folder: Path) -> str:
    """So that a folder that is moved as a whole stays readable."""
    path, folder = path.resolve(), folder.resolve()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
