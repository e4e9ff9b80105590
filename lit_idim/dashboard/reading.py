"""The description of a study, from the folder of its outputs."""

import csv
import json
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from lit_idim.dashboard.description import CellName, StudyDescription
from lit_idim.errors import UserError
from lit_idim.study.cell import load_cells
from lit_idim.study.config_file import read_config
from lit_idim.study.outputs import VARIANT_OF_TARGET
from lit_idim.study.size_table import SIZE_WORDS, describe_trend
from lit_idim.study.size_trend import SizeTrend
from lit_idim.study.summary import summarize
from lit_idim.study.tables import read_d90

_NOT_SENT = ("trials",)
"""Tables that stay at home: the ledger's rows, of which W&B has the history."""


def read_study(folder: Path, *, name: str | None = None, group: str | None = None) -> StudyDescription:
    """Describes a study, also one that still runs; nothing is written.

    Args:
        folder: of its outputs.
        name: as its runs carry it; that of its manifest if None, or of the folder until there is one.
        group: of its runs; of all studies of this name if None.

    Raises:
        UserError: if the folder holds no study, or it is damaged.
    """
    settings = read_config(folder).settings
    table = folder / "d90.csv"
    rows = read_d90(table) if table.is_file() else []
    return StudyDescription(
        name=name or _name(folder),
        group=group,
        variant=VARIANT_OF_TARGET[settings.search.targets[0]],
        cells=tuple(
            CellName(
                model=cell.series.name,
                checkpoint=cell.checkpoint,
                pretraining_step=cell.pretraining_step,
                task=cell.task,
                method=cell.method,
            )
            for cell in load_cells(settings)
            if not cell.is_baseline
        ),
        target_fraction=settings.search.target_fraction,
        tables=tuple(stem for stem in _stems(folder, "*.csv") if stem not in _NOT_SENT),
        figures=_stems(folder / "figures", "*.png"),
        summary=summarize(rows, settings) if rows else "",
        size_trends=tuple(_size_trends(folder / "trends.csv")),
    )


def _name(folder: Path) -> str:
    path = folder / "manifest.json"
    if path.is_file():
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}): run the study again, which makes it anew") from error
        if isinstance(name := manifest.get("study"), str):
            return name
    return folder.resolve().name


def _stems(folder: Path, pattern: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob(pattern)))


def _size_trends(path: Path) -> list[str]:
    if not path.is_file():
        return []
    types = get_type_hints(SizeTrend)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            trends = [
                SizeTrend(**{name: _parsed(line[name], expected) for name, expected in types.items()})
                for line in csv.DictReader(file)
            ]
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}): run the study again, which makes it anew") from error
    return [
        f"{one.variant} on {one.task} {one.method} against {SIZE_WORDS[one.x]}: {describe_trend(one)}" for one in trends
    ]


def _parsed(text: str, expected: Any) -> Any:
    kinds = get_args(expected)
    if NoneType in kinds and text == "":
        return None
    kind = next((one for one in (*kinds, expected) if one in (int, float)), str)
    return kind(text)
