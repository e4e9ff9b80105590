"""Trainings as a ledger holds them: read whole, or refused where a row is not as it was written."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from lit_idim.ledger.checksums import damaged_rows, has_checksums, is_sound, is_sound_state
from lit_idim.ledger.location import Location
from lit_idim.ledger.record import TrainingRecord
from lit_idim.ledger.schema import columns_without_state, record_of, row_checksum, trainings

_KEYS_PER_QUERY = 500  # SQLite takes a limited number of parameters


class Rows:
    """Reads trainings in transactions of a ledger.

    Args:
        connection: of the ledger; asked once which columns there are.
        location: of the ledger.
    """

    def __init__(self, connection: Connection, location: Location) -> None:
        self._location = location
        self._checksum: tuple[ColumnElement[Any], ...] = (row_checksum,) if has_checksums(connection) else ()
        # Made once: a statement costs more to build than to run.
        self._all = select(*columns_without_state, *self._checksum)

    def all(self, connection: Connection) -> list[TrainingRecord]:
        """All trainings, without `state`, in the order of `TrainingRecord.place`.

        Raises:
            LedgerError: if a row is damaged.
        """
        return sorted(self._read(connection.execute(self._all).mappings().all()), key=lambda record: record.place)

    def of(self, connection: Connection, keys: Iterable[str]) -> dict[str, TrainingRecord]:
        """The trainings that exist of these, without `state`, in their order.

        Raises:
            LedgerError: if a row is damaged.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[str, TrainingRecord] = {}
        for start in range(0, len(wanted), _KEYS_PER_QUERY):
            chosen = self._all.where(trainings.c.key.in_(wanted[start : start + _KEYS_PER_QUERY]))
            found |= {record.key: record for record in self._read(connection.execute(chosen).mappings().all())}
        return {key: found[key] for key in wanted if key in found}

    def state(self, connection: Connection, key: str) -> bytes | None:
        """The state of a training; None if there is no such training or it has none.

        Raises:
            LedgerError: if it is damaged.
        """
        chosen = select(trainings.c.state, *self._checksum).where(trainings.c.key == key)
        row = connection.execute(chosen).one_or_none()
        if row is None:
            return None
        if not is_sound_state(row.state, row.row_checksum if self._checksum else None):
            raise damaged_rows([key], self._location)
        state: bytes | None = row.state
        return state

    def _read(self, rows: Sequence[Any]) -> list[TrainingRecord]:
        records, damaged = [], []
        for row in rows:
            try:
                if is_sound(row):
                    records.append(record_of(row))
                    continue
            except (ValueError, TypeError):  # of a row without a checksum
                pass
            damaged.append(str(row["key"]))
        if damaged:
            raise damaged_rows(damaged, self._location)
        return records
