"""Series from YAML files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lit_idim.errors import UserError
from lit_idim.resources import resource_path
from lit_idim.series.extending import EXTENDS, extend
from lit_idim.series.fairseq.source import FairseqSource
from lit_idim.series.fairseq2.source import Fairseq2Source, own_tokenizer
from lit_idim.series.folder import DEFAULT_PATTERN, FolderSource
from lit_idim.series.hub_repository import HubRepositorySource
from lit_idim.series.hub_revision import HubRevisionSource
from lit_idim.series.series import Series
from lit_idim.series.source import Source
from lit_idim.series.steps import expand_steps
from lit_idim.series.tar import TarSource
from lit_idim.series.variants import expand_variants
from lit_idim.yaml_text import parse_yaml

SERIES_FILE = "series.yaml"
CHECKSUMS_FILE = "checksums.yaml"
_MANIFEST = "a map of steps to quoted texts"

# Leaves room in a file name, of 255 bytes, for what is put around it.
_LONGEST_NAME_BYTES = 200
_LONGEST_PART_BYTES = 255
_LONGEST_ADDRESS = 2000
# Fields of `source` by kind.
_SOURCE_FIELDS = {
    "folder": {"path", "pattern"},
    "fairseq": {"path", "dictionary", "bpe"},
    "fairseq2": {"path"},
    "hub_revision": {"repository", "revision", "revision_pattern"},
    "hub_repository": {"repository", "repositories"},
    "tar": {"url", "sha256"},
}
_NEEDED_FIELDS = {
    "folder": {"path"},
    "fairseq": {"path"},
    "fairseq2": {"path"},
    "hub_revision": {"repository"},
    "tar": {"url"},
}
_TEXT_FIELDS = (
    *("architecture", "family_model", "family", "tokens_per_step_reason"),
    *("license", "citation", "url", "notes"),
)
_FIELDS = {"name", "title", "source", "steps", "unit", "tokens_per_step", "tokenizer", "checksums", *_TEXT_FIELDS}


def read_series(path: Path) -> tuple[Series, ...]:
    """The series of a YAML file: one, or several if it has `variants`.

    Raises:
        UserError: if the file cannot be read or says anything that is not understood; the message names it.
    """
    document = _read_yaml(path)
    if EXTENDS in document:
        document = extend(document, _shipped_documents(), where=str(path))
    return tuple(_build(variant, path) for variant in expand_variants(document, where=str(path)))


def _shipped_documents() -> Iterator[dict[str, Any]]:
    for path in sorted(resource_path("checkpoints").glob("*.yaml")):
        yield from expand_variants(_read_yaml(path), where=str(path))


def _read_yaml(path: Path, *, expected: str = "a map with name, source and steps") -> dict[str, Any]:
    try:
        document = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected {expected}, got {type(document).__name__}")
    return document


def _build(document: dict[str, Any], path: Path) -> Series:
    _check_names(document, _FIELDS, {"name", "source"}, str(path))
    name = document["name"]
    if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
        raise UserError(f"{path}: name: expected a word without slashes, got {name!r}")
    if not name.isprintable() or len(name.encode()) > _LONGEST_NAME_BYTES:
        raise UserError(
            f"{path}: name: expected at most {_LONGEST_NAME_BYTES} bytes of printable characters, since folders bear "
            f"it; got {name[:80]!r}"
        )
    where = f"{path}: series {name!r}"
    source = _build_source(document["source"], name, document.get("tokenizer"), path.parent, where)
    texts: dict[str, Any] = {field: document.get(field) for field in (*_TEXT_FIELDS, "title", "unit")}
    for field, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise UserError(f"{where}: {field}: expected a text, got {text!r}")
    tokens_per_step = document.get("tokens_per_step")
    if tokens_per_step is not None and (type(tokens_per_step) is not int or tokens_per_step < 1):
        raise UserError(f"{where}: tokens_per_step: expected a whole number or null, got {tokens_per_step!r}")
    return Series(
        name=name,
        title=texts.pop("title") or name,
        unit=texts.pop("unit") or "steps",
        source=source,
        listed_steps=_listed_steps(document, source, where),
        tokens_per_step=tokens_per_step,
        checksums=_checksums(document, source, where),
        **texts,
    )


def _check_names(document: Any, known: set[str], needed: set[str], where: str) -> None:
    if not isinstance(document, dict):
        raise UserError(f"{where}: expected a map, got {document!r}")
    unknown, missing = set(document) - known, needed - set(document)
    if unknown:
        raise UserError(
            f"{where}: {', '.join(sorted(map(str, unknown)))} is not understood; expected {', '.join(sorted(known))}"
        )
    if missing:
        raise UserError(f"{where}: {', '.join(sorted(missing))} is missing")


def _build_source(entry: Any, series: str, tokenizer: Any, folder: Path, where: str) -> Source:
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in _SOURCE_FIELDS:
        raise UserError(f"{where}: source.kind: expected one of {', '.join(_SOURCE_FIELDS)}, got {kind!r}")
    fields = {key: value for key, value in entry.items() if key != "kind"}
    _check_names(fields, _SOURCE_FIELDS[kind], _NEEDED_FIELDS.get(kind, set()), f"{where}: source")
    for key, value in fields.items():
        expected: type = dict if key in ("repositories", "sha256") else str
        if not isinstance(value, expected):
            raise UserError(f"{where}: source.{key}: expected a {expected.__name__}, got {value!r}")
        if isinstance(value, str):
            _check_address(value, f"{where}: source.{key}")
    if tokenizer is not None and not isinstance(tokenizer, str):
        raise UserError(f"{where}: tokenizer: expected a folder or a name on the hub, got {tokenizer!r}")
    if tokenizer is not None:
        _check_address(tokenizer, f"{where}: tokenizer")
    if tokenizer is not None and (folder / tokenizer).is_dir():
        tokenizer = str(folder / tokenizer)
    if kind == "fairseq2":
        run = _resolved(folder, fields["path"], f"{where}: source.path")
        return Fairseq2Source(series=series, path=run, tokenizer=tokenizer or own_tokenizer(run))
    if kind == "folder":
        path = _resolved(folder, fields["path"], f"{where}: source.path")
        pattern = fields.get("pattern", DEFAULT_PATTERN)
        return FolderSource(series=series, path=path, pattern=pattern, tokenizer=tokenizer)
    if kind == "fairseq":
        if tokenizer is not None:
            raise UserError(f"{where}: tokenizer: that of a fairseq series is its dictionary; leave out {tokenizer!r}")
        paths = {key: _resolved(folder, value, f"{where}: source.{key}") for key, value in fields.items()}
        return FairseqSource(series=series, **paths)  # named as it names its fields
    if kind == "hub_revision":
        return HubRevisionSource(series=series, tokenizer=tokenizer, **fields)
    if kind == "hub_repository":
        return HubRepositorySource(series=series, tokenizer=tokenizer, **fields)
    return TarSource(series=series, tokenizer=tokenizer, **fields)


def _check_address(text: str, where: str) -> None:
    """Refuses what no path, address or name on the hub can be."""
    longest = max(len(part.encode(errors="replace")) for part in text.split("/"))
    if not text.isprintable() or longest > _LONGEST_PART_BYTES or len(text) > _LONGEST_ADDRESS:
        raise UserError(
            f"{where}: expected printable characters, at most {_LONGEST_ADDRESS} and {_LONGEST_PART_BYTES} bytes "
            f"between slashes; got {text[:80]!r}"
        )


def _resolved(folder: Path, text: str, where: str) -> Path:
    """A path in the YAML: relative to its folder, or to a home by `~`; one beside the YAML moves with it."""
    try:
        return folder / Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"{where}: {text!r} names a home that is not known ({error}); write the path out") from error


def _listed_steps(document: dict[str, Any], source: Source, where: str) -> tuple[int, ...] | None:
    steps = document.get("steps")
    asks = isinstance(source, HubRevisionSource) and source.revision_pattern is not None
    if asks != (steps == "query"):
        raise UserError(f"{where}: `steps: query` and source.revision_pattern go together: give both or neither")
    if asks:
        return None
    if steps is None and isinstance(source, FairseqSource | Fairseq2Source | FolderSource):
        return None
    if steps is None and isinstance(source, HubRepositorySource) and source.repositories is not None:
        return source.find_steps()
    return expand_steps(steps, where=f"{where}: steps")


def read_manifest(folder: Path) -> dict[int, str]:
    """The checksums of the weights in `folder/checksums.yaml`, by step; empty if there is no such file.

    Raises:
        UserError: if it is not a map of steps to texts.
    """
    path = folder / CHECKSUMS_FILE
    return _check_checksums(_read_yaml(path, expected=_MANIFEST), str(path)) if path.is_file() else {}


def _checksums(document: dict[str, Any], source: Source, where: str) -> dict[int, str]:
    """Those of the YAML, or else of the manifest in the folder of a local series."""
    checksums = document.get("checksums")
    if checksums is None:
        return read_manifest(source.path) if isinstance(source, FolderSource) else {}
    return _check_checksums(checksums, f"{where}: checksums")


def _check_checksums(checksums: Any, where: str) -> dict[int, str]:
    if not isinstance(checksums, dict) or not all(
        isinstance(step, int) and isinstance(checksum, str) for step, checksum in checksums.items()
    ):
        raise UserError(f"{where}: expected {_MANIFEST}, got {checksums!r}")
    return checksums
