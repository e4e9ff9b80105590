"""`config.yaml` and `manifest.json`: what was asked for, and what it was measured with."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from lit_idim.ledger import TrainingRecord
from lit_idim.study.preparation import library_versions
from lit_idim.study.settings import StudySettings


def plain(value: Any) -> Any:
    """As YAML and JSON have it: tuples as lists, paths as text."""
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    return str(value) if isinstance(value, Path) else value


def write_config(folder: Path, settings: StudySettings, **of_the_run: Any) -> None:
    """Writes the resolved settings, which `--config` reads again, to go on in the same folder.

    Args:
        folder: to write `config.yaml` into.
        settings: of the study.
        of_the_run: further arguments of the command; a ledger's address without its password.
    """
    # Most studies have either series or models.
    given = {name: value for name, value in asdict(settings).items() if name not in ("series", "models") or value}
    text = yaml.safe_dump(plain(given | of_the_run), sort_keys=False, width=120, allow_unicode=True)
    write_whole(folder / "config.yaml", text)


def write_manifest(folder: Path, study: str, settings: StudySettings, records: Iterable[TrainingRecord]) -> None:
    """Writes versions, commit, machine, seeds, and the checksums of P, weights and data of all trainings."""
    listed = list(records)
    manifest = {
        "study": study,
        "versions": library_versions(),
        "commit": _commit(),
        "machine": {
            "platform": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "devices": sorted({record.device for record in listed}),
        },
        "study_seed": settings.study_seed,
        "num_trainings": len(listed),
        "weights": _checksums(listed, "weights", lambda record: f"{record.model}/{record.checkpoint}"),
        "data": {split: _checksums(listed, split, lambda record: record.task) for split in ("train", "dev")},
        "projections": _checksums(
            listed, "projection", lambda record: f"{record.model}/{record.task}/{record.method}/d={record.d}"
        ),
        "seeds": {record.key: dict(record.seeds) for record in listed},
    }
    write_whole(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Writes a file aside and renames it, so that a reader never sees half of it."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _checksums(records: Iterable[TrainingRecord], kind: str, name: Any) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for record in records:
        if kind in record.checksums:
            found.setdefault(name(record), set()).add(record.checksums[kind])
    return {key: sorted(values) for key, values in sorted(found.items())}


def _commit() -> str | None:
    """Commit of the checkout that the package runs from; None for an installed package."""
    repository = Path(__file__).resolve().parents[2]
    if not (repository / ".git").exists():
        return None
    try:
        commit = subprocess.run(
            ["git", "-C", str(repository), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.stdout.strip()
