"""Series by name or by path."""

import difflib
from pathlib import Path

from lit_idim.errors import UserError
from lit_idim.resources import find_resource, resource_path
from lit_idim.series.folder import FolderSource
from lit_idim.series.reading import SERIES_FILE, read_manifest, read_series
from lit_idim.series.series import Series


def registered_series() -> tuple[str, ...]:
    """Names of the series that lit-idim ships, in the order of their files.

    Raises:
        UserError: if a file of the registry is damaged, or two name the same series.
    """
    return tuple(read_registry())


def read_registry() -> dict[str, Series]:
    """The series that lit-idim ships, by name.

    Raises:
        UserError: if a file of the registry is damaged, or two name the same series.
    """
    registered: dict[str, Series] = {}
    for path in sorted(resource_path("checkpoints").glob("*.yaml")):
        for series in read_series(path):
            if series.name in registered:
                raise UserError(f"{path}: another file names a series {series.name!r}, too; give it another name")
            registered[series.name] = series
    return registered


def load_series(name_or_path: str | Path) -> Series:
    """A series by its registered name, or by the path of its files. Never uses the network.

    Args:
        name_or_path: a registered name, which wins over a folder of that name (write `./name` for the folder); a YAML
            file; a folder with a `series.yaml`; or a plain folder of `step-N/` in `save_pretrained` format.

    Raises:
        UserError: if there is no such series; the message lists names close to it.
    """
    registered = read_registry()
    if str(name_or_path) in registered:
        return registered[str(name_or_path)]
    try:
        path = find_resource(name_or_path)
    except UserError as error:
        close = difflib.get_close_matches(str(name_or_path), registered, n=5, cutoff=0.4)
        hint = f"did you mean {', '.join(close)}? " if close else ""
        raise UserError(
            f"series {str(name_or_path)!r} is neither registered nor a file or folder; {hint}`lit-idim checkpoints "
            "list` shows all names"
        ) from error
    if path.is_dir() and not (path / SERIES_FILE).is_file():
        return _plain_folder(path)
    file = path / SERIES_FILE if path.is_dir() else path
    found = read_series(file)
    if len(found) > 1:
        raise UserError(f"{file} holds several series: pass one of {', '.join(series.name for series in found)}")
    return found[0]


def _plain_folder(path: Path) -> Series:
    name = path.resolve().name
    source = FolderSource(series=name, path=path)
    if not source.find_folders():
        raise UserError(
            f"series {str(path)!r}: the folder has neither a {SERIES_FILE} nor checkpoints; expected folders step-N/ "
            f"in save_pretrained format (files of fairseq are described by a {SERIES_FILE}: source.kind fairseq)"
        )
    return Series(
        name=name,
        title=name,
        source=source,
        checksums=read_manifest(path),
        tokens_per_step_reason=f"a folder without {SERIES_FILE} does not say how many tokens a step is",
    )
