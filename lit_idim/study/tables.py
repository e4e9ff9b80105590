"""`trials.csv` and `d90.csv`: written whole, aside and renamed; equal studies give equal bytes but for the seconds."""

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from lit_idim.errors import UserError
from lit_idim.ledger.record import TrainingRecord
from lit_idim.study.d90_row import D90_COLUMNS, D90Row

MAPPING_FIELDS = ("seeds", "versions", "checksums")
# Blobs stay in the ledger, and so does the time of day: it would make equal studies differ.
LEDGER_ONLY_FIELDS = ("outcomes", "state", "started_at")


def write_trials(path: Path, records: Iterable[TrainingRecord]) -> None:
    """Writes one row a training, sorted by cell, d, rate and replicate: the order they finished in does not show.

    Every field of `TrainingRecord` is a column, but for blobs and `started_at`, which stay in the ledger. `evaluations`
    is JSON; each entry of `seeds`, `versions` and `checksums` is a column of its own, such as `seeds.head`.
    """
    ordered = sorted(records, key=lambda record: record.place)
    scalars = [
        entry.name for entry in fields(TrainingRecord) if entry.name not in (*MAPPING_FIELDS, *LEDGER_ONLY_FIELDS)
    ]
    entries = [
        (name, key) for name in MAPPING_FIELDS for key in sorted({key for one in ordered for key in getattr(one, name)})
    ]
    header = [*scalars, *(f"{name}.{key}" for name, key in entries)]
    rows = (
        [getattr(record, name) for name in scalars] + [getattr(record, name).get(key) for name, key in entries]
        for record in ordered
    )
    write_table(path, header, rows)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a table as CSV, aside first: None is empty, a float all its digits, what is neither is JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with aside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows([_cell(value) for value in row] for row in rows)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_d90(path: Path, rows: Iterable[D90Row]) -> None:
    """Writes one row a d90, in the order given."""
    write_table(path, D90_COLUMNS, ([getattr(row, name) for name in D90_COLUMNS] for row in rows))


def read_d90(path: Path) -> list[D90Row]:
    """Reads what `write_d90` wrote, number for number; columns that it does not know are passed over.

    Raises:
        UserError: if the table is cut short, lacks a column or holds something that a column cannot.
    """
    types = get_type_hints(D90Row)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns, lines = reader.fieldnames or (), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}): make the table again from its ledger") from None
    if missing := [name for name in D90_COLUMNS if name not in columns]:
        raise UserError(f"{path} lacks the columns {', '.join(missing)}: make the table again from its ledger")
    if any(None in line or None in line.values() for line in lines):
        raise UserError(f"{path} has a row of another length than its header: make the table again from its ledger")
    return [
        D90Row(**{name: _parsed(line[name], types[name], f"{path}: {name}") for name in D90_COLUMNS}) for line in lines
    ]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n")  # csv of Python 3.11 does not quote it
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return repr(float(value))
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    """Tuples as lists and numpy's numbers as Python's, for JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value


def _parsed(text: str, expected: Any, where: str) -> Any:
    kinds = get_args(expected) if NoneType in get_args(expected) else (expected,)
    if text == "" and NoneType in kinds:
        return None
    kind = next(one for one in kinds if one is not NoneType)
    try:
        return _parsed_as(text, kind)
    except ValueError:
        raise UserError(f"{where} holds {text!r}, expected {kind}: make the table again from its ledger") from None


def _parsed_as(text: str, kind: Any) -> Any:
    if get_origin(kind) is tuple:
        return tuple(get_args(kind)[0](entry) for entry in json.loads(text))
    if get_origin(kind) is Literal:
        kind = get_args(kind)
    if kind is bool:
        kind = ("True", "False")
        return kind.index(text) == 0
    if isinstance(kind, tuple):
        return kind[kind.index(text)]
    return kind(text)
