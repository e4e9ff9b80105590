"""The ledger: every training ever run is one row; a finished one is never repeated and never lost."""

import contextlib
import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, false, insert, select
from sqlalchemy.exc import DBAPIError

from lit_idim.errors import UserError
from lit_idim.ledger.agreement import agree_on_settings, find_identity, read_settings
from lit_idim.ledger.certificates import find_certificate, put_certificate
from lit_idim.ledger.checksums import add_checksums, checksum_of
from lit_idim.ledger.claims import Claim, Claims, Heartbeat, count_running
from lit_idim.ledger.database import Database
from lit_idim.ledger.location import find_location
from lit_idim.ledger.owner import Owner
from lit_idim.ledger.record import FINAL, TrainingRecord
from lit_idim.ledger.rows import Rows
from lit_idim.ledger.schema import row_checksum, row_of, to_json, trainings

Result = TypeVar("Result")

# Made once: a statement costs more to build than to run.
_HERE = trainings.c.key == bindparam("wanted")
_STANDING = select(trainings.c.status, trainings.c.num_updates_done).where(_HERE)
_REMOVE = delete(trainings).where(_HERE)
_ADD = insert(trainings)

_log = logging.getLogger(__name__)


class Ledger:
    """The trainings of a study, in a SQLite file or a PostgreSQL database.

    Made by `Ledger.open` or `Ledger.read`. Several processes may have the same ledger open; SQLite's file must then be
    on a local disk, so that several hosts need PostgreSQL. Threads may share one `Ledger`; they are one owner.

    Every method raises `UserError` for what the user can mend: a full disk, a read-only folder, a lost server, a row
    that is not as it was written.
    """

    def __init__(self, database: Database, settings: Mapping[str, Any], rows: Rows, claims: Claims | None) -> None:
        self._database = database
        self._settings = settings
        self._rows = rows
        self._claims = claims
        self._heartbeat = Heartbeat(claims) if claims is not None else None
        self._lock = threading.RLock()
        self._is_closed = False

    @classmethod
    def open(
        cls, url: str | Path, *, settings: Mapping[str, Any], create: bool = True, owner: Owner | None = None
    ) -> "Ledger":
        """Opens a ledger to read and write, and makes it if there is none.

        Args:
            url: a path, `sqlite:///path` or `postgresql://user@host/database`.
            settings: what must agree between all runs on the ledger, as JSON has it; stored when it is made.
            create: False refuses a ledger that does not exist.
            owner: who claims; this process by default.

        Raises:
            UserError: if the ledger cannot be reached or written, is damaged, is of another version or was made with
                other settings, each of which the message lists.
        """
        location = find_location(url)
        given = json.loads(to_json(settings))
        database = Database(location, create=create, read_only=False)

        def agree(connection: Connection) -> tuple[dict[str, Any], Rows]:
            database.lock(connection, "settings")  # of several processes that make it, one is the first
            stored = agree_on_settings(connection, given, location, create=create)
            add_checksums(connection)
            # Changes nothing; but a ledger that cannot be written is refused now, not after hours of training.
            connection.execute(delete(trainings).where(false()))
            return stored, Rows(connection, location)

        _or_close(database, database.require_sound, write=False)
        agreed = _or_close(database, agree, write=True)
        return cls(database, *agreed, Claims(database, owner or Owner.of_this_process()))

    @classmethod
    def read(cls, url: str | Path, *, settings: Mapping[str, Any] | None = None) -> "Ledger":
        """Opens a ledger to read only, also while a study writes it.

        Args:
            url: a path, `sqlite:///path` or `postgresql://user@host/database`.
            settings: with which it must have been made, as of `open`; any if None.

        Raises:
            UserError: if there is none, or it is of another version, was made with other settings or cannot be read.
        """
        location = find_location(url)
        database = Database(location, create=False, read_only=True)

        def find(connection: Connection) -> tuple[dict[str, Any], Rows]:
            stored = read_settings(connection, location)
            if settings is not None:
                agree_on_settings(connection, json.loads(to_json(settings)), location, create=False)
            return stored, Rows(connection, location)

        return cls(database, *_or_close(database, find, write=False), None)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the ledger was made with."""
        return dict(self._settings)

    @property
    def identity(self) -> str:
        """What tells this ledger from all others, by whatever address; "" of an older one not written since."""
        return self._transact(lambda connection: find_identity(connection), write=False) or ""

    @property
    def path(self) -> Path | None:
        """Of the SQLite file; None on a server."""
        return self._database.location.path

    def save_copy(self, path: Path) -> None:
        """Writes the ledger as it is now, also while others write it, to a file of its own.

        Args:
            path: of the file; replaced if there is one.

        Raises:
            ValueError: if it lies on a server.
            OSError: if it cannot be written.
        """
        if self.path is None:
            raise ValueError("a ledger on a server has no file")
        path.unlink(missing_ok=True)
        try:
            with (
                contextlib.closing(sqlite3.connect(self.path)) as source,
                contextlib.closing(sqlite3.connect(path)) as to,
            ):
                source.backup(to)
        except sqlite3.Error as error:
            raise OSError(f"{path} cannot be written ({error})") from error

    def get(self, keys: Iterable[str]) -> dict[str, TrainingRecord]:
        """The trainings that exist of these, without `state`."""
        wanted = list(keys)
        return self._transact(lambda connection: self._rows.of(connection, wanted), write=False)

    def records(self) -> list[TrainingRecord]:
        """All trainings, without `state`, in an order that does not depend on when they were run."""
        return self._transact(self._rows.all, write=False)

    def state(self, key: str) -> bytes | None:
        """What a paused training continues from; None if there is no such training or it has none."""
        return self._transact(lambda connection: self._rows.state(connection, key), write=False)

    def write(self, record: TrainingRecord) -> bool:
        """Writes a training and releases its claim, both or none; on the disk when it returns.

        A failed training may be replaced by any, and a paused one by one that has made more updates or is not paused.
        A finished or diverged one stays.

        Returns:
            Whether it was written; False if the row that is there stays.

        Raises:
            UserError: if it could not be written.
            ValueError: if one of its numbers is NaN or infinite, or a blob too large.
        """
        row = row_of(record)
        row[row_checksum.name] = checksum_of(row)
        claims = self._writing()

        def write(connection: Connection) -> bool:
            self._database.lock(connection, record.key)
            here = {"wanted": record.key}
            old = connection.execute(_STANDING, here).one_or_none()
            replaces = old is None or record.replaces(old.status, old.num_updates_done)
            if replaces:
                if old is not None:
                    connection.execute(_REMOVE, here)
                connection.execute(_ADD, row)
            claims.give_back(connection, record.key)
            return replaces

        return self._transact(write)

    def num_running(self) -> int:
        """Trainings that processes run now."""
        return self._transact(lambda connection: count_running(connection, self._database), write=False)

    def certificate(self, key: str) -> tuple[dict[str, Any], bytes] | None:
        """Content and message of a certificate; None if there is none."""
        return self._transact(lambda connection: find_certificate(connection, key), write=False)

    def write_certificate(self, key: str, content: Mapping[str, Any], message: bytes) -> None:
        """Writes a certificate; on the disk when it returns.

        Args:
            key: hash of everything that decides it.
            content: its numbers, as JSON has them.
            message: its file.
        """
        self._writing()

        def write(connection: Connection) -> None:
            self._database.lock(connection, key)
            put_certificate(connection, key, content, message)

        self._transact(write)

    def claim(self, key: str) -> Claim | None:
        """Takes a training for this owner to run, or to continue if it is paused.

        Returns:
            None if it is finished or diverged, or another owner who lives has it; a claim also if this owner has it.
        """
        claims = self._writing()

        def take(connection: Connection) -> Claim | None:
            self._database.lock(connection, key)
            old = connection.execute(_STANDING, {"wanted": key}).one_or_none()
            may_run = old is None or old.status not in FINAL
            return Claim(has_record=old is not None) if may_run and claims.take(connection, key) else None

        with self._lock:
            taken = self._transact(take)
            if taken is not None and self._heartbeat is not None:
                self._heartbeat.start()
        return taken

    def release(self, key: str) -> None:
        """Gives back a training that this owner has claimed; else does nothing."""
        claims = self._writing()
        self._transact(lambda connection: claims.give_back(connection, key))

    def close(self) -> None:
        """Releases all claims and closes the ledger."""
        with self._lock:
            if self._is_closed:
                return
            if self._heartbeat is not None:
                self._heartbeat.stop()
            if self._claims is not None:
                try:
                    self._database.transact(self._claims.give_back, retry_seconds=0)
                except (UserError, DBAPIError) as error:
                    # They end by themselves; an error that led here is not to be hidden by this one.
                    _log.warning("claims could not be released: %s", error)
            self._is_closed = True
            self._database.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _writing(self) -> Claims:
        if self._claims is None:
            raise RuntimeError("this ledger was opened to read only: open it with Ledger.open to write")
        return self._claims

    def _transact(self, work: Callable[[Connection], Result], *, write: bool = True) -> Result:
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the ledger is closed")
            return self._database.transact(work, write=write)


def _or_close(database: Database, work: Callable[[Connection], Result], *, write: bool) -> Result:
    try:
        return database.transact(work, write=write)
    except BaseException:
        database.close()
        raise
