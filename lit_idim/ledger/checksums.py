"""A checksum in every row of a training: SQLite keeps none, so that a flipped bit would be measured as a score."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, Double, inspect

from lit_idim.ledger.failures import LedgerError
from lit_idim.ledger.location import Location
from lit_idim.ledger.schema import columns_without_state, row_checksum, trainings

_LENGTH = 32  # hexadecimal digits of each of the two halves
_COLUMNS = sorted(columns_without_state, key=lambda column: column.name)


def checksum_of(row: Mapping[str, Any]) -> str:
    """The checksum of a row: one half of all columns but the state, one of the state, which is rarely read."""
    return _half_of_columns(row) + _half(_plain(trainings.c.state, row["state"]))


def has_checksums(connection: Connection) -> bool:
    """Whether the ledger has the column; one of before gets it when it is next opened to write."""
    return any(column["name"] == row_checksum.name for column in inspect(connection).get_columns(trainings.name))


def add_checksums(connection: Connection) -> None:
    """Gives an older ledger the column, empty for the rows that are there, and for those that an older lit_idim adds.

    Args:
        connection: in a transaction that no other one of this kind runs beside.
    """
    if not has_checksums(connection):
        kind = row_checksum.type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {trainings.name} ADD COLUMN {row_checksum.name} {kind}")


def is_sound(row: Mapping[str, Any]) -> bool:
    """Whether a row, selected without its state, is as it was written; also if it was written without a checksum."""
    told = row.get(row_checksum.name)
    return told is None or str(told)[:_LENGTH] == _half_of_columns(row)


def is_sound_state(state: bytes | None, told: str | None) -> bool:
    """Whether a state is the one that was written, after the checksum of its row."""
    return told is None or str(told)[_LENGTH:] == _half(_plain(trainings.c.state, state))


def damaged_rows(keys: list[str], location: Location) -> LedgerError:
    """The error that rows of these keys are not as they were written."""
    delete = f"DELETE FROM trainings WHERE key = '{keys[0]}'"
    which = f"the row of training '{keys[0]}' is"
    if len(keys) > 1:
        listed = ", ".join(f"'{key}'" for key in keys[:3]) + (" and others" if len(keys) > 3 else "")
        which = f"the rows of {len(keys)} trainings ({listed}) are"
    how = f'`sqlite3 FILE "{delete}"`' if location.path is not None else f"`{delete}`"
    return LedgerError(
        f"ledger {location.name}: {which} damaged (the checksum differs): put back a copy, or have such a training run "
        f"again after {how}"
    )


def _half_of_columns(row: Mapping[str, Any]) -> str:
    return _half([[column.name, _plain(column, row[column.name])] for column in _COLUMNS])


def _half(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:_LENGTH]


def _plain(column: Column[Any], value: Any) -> Any:
    """The same before a value is written and after it was read: SQLite has no -0.0, and an integer may be a float's."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return float(value) + 0.0 if isinstance(column.type, Double) and isinstance(value, (int, float)) else value
