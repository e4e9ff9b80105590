"""Transactions on a ledger's database: the same rules over SQLite and PostgreSQL."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Double, Engine, QueuePool, cast, create_engine, event, extract, func, select
from sqlalchemy.exc import DBAPIError

from lit_idim.errors import UserError
from lit_idim.ledger.failures import LedgerError, damaged_file, explain, is_connection_loss, is_lock
from lit_idim.ledger.location import Location

Result = TypeVar("Result")

BUSY_SECONDS = 10.0  # that SQLite itself waits for a lock
RETRY_SECONDS = 20.0  # within which a transaction that failed in passing is begun again
_PAUSE_SECONDS = 0.2


class Database:
    """The database of a ledger.

    Args:
        location: where it lies.
        create: makes a SQLite file (and its folder) that is missing.
        read_only: writes nothing, and a SQLite file is opened even where nothing may be written.

    Raises:
        UserError: if the file is missing and not to be created, or is a folder, or psycopg is not installed.
    """

    def __init__(self, location: Location, *, create: bool, read_only: bool) -> None:
        self.location = location
        self._was_reached = False
        if location.path is not None:
            _prepare_file(location, location.path, create=create and not read_only)
            self._engine = _sqlite_engine(location.path, read_only=read_only)
        else:
            self._engine = _postgresql_engine(location)
        # Taking SQLite's lock at the first statement, not at the first write: a transaction that reads and then
        # writes would otherwise fail instead of waiting when another has written in between.
        self._write_engine = self._engine.execution_options(begin="BEGIN IMMEDIATE")

    def transact(
        self, work: Callable[[Connection], Result], *, write: bool = True, retry_seconds: float | None = None
    ) -> Result:
        """Does the work in one transaction; all of it is committed, or it raises and nothing is.

        What fails in passing (a lock, a lost connection to a server that was reached before) is done again: the work
        must be right also when an earlier attempt was committed without our hearing of it.

        Args:
            work: what to do with the connection.
            write: whether it may write.
            retry_seconds: how long to try again; `RETRY_SECONDS` by default.

        Raises:
            UserError: for what the user can mend.
            DBAPIError: for everything else that the database complains of.
        """
        give_up = time.monotonic() + (RETRY_SECONDS if retry_seconds is None else retry_seconds)
        while True:
            self._check_file()
            try:
                with (self._write_engine if write else self._engine).begin() as connection:
                    result = work(connection)
                self._was_reached = True
                return result
            except DBAPIError as error:
                passes = is_lock(error) or (self._was_reached and is_connection_loss(error))
                if not passes or time.monotonic() > give_up:
                    told = explain(error, self.location, was_reached=self._was_reached)
                    if told is None:
                        raise
                    raise told from error
            time.sleep(_PAUSE_SECONDS)

    def _check_file(self) -> None:
        # SQLite goes on writing into a file that was deleted, and all of it is lost.
        path = self.location.path
        if path is not None and not path.exists():
            fix = "put it back or begin anew, and run again"
            raise LedgerError(f"ledger {self.location.name}: the file was deleted while it was in use: {fix}")

    def require_sound(self, connection: Connection) -> None:
        """Looks through a SQLite file, of which a damaged index would give a row twice or not at all.

        Raises:
            LedgerError: if pages or indices contradict each other.
        """
        if connection.dialect.name == "sqlite":
            found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
            if found != "ok":
                raise damaged_file(str(found), self.location)

    def lock(self, connection: Connection, name: str) -> None:
        """Until the transaction ends no other one has the lock of that name; on SQLite only one writes in any case."""
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

    def now_seconds(self, connection: Connection) -> float:
        """Seconds since 1970 on the clock that all owners of claims share: the server's, or that of this host."""
        if connection.dialect.name != "postgresql":
            return time.time()
        # Not now(), which stands still from the begin of the transaction, waiting for a lock included.
        seconds: float = connection.execute(select(cast(extract("epoch", func.clock_timestamp()), Double))).scalar_one()
        return seconds

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()


def _prepare_file(location: Location, path: Path, *, create: bool) -> None:
    try:
        if path.is_dir():
            raise UserError(f"ledger {location.name}: expected a file, and this is a folder: give the file in it")
        if path.exists():
            return
        if not create:
            raise UserError(f"ledger {location.name}: there is no such file: give the --out of a study that was run")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()  # here and not by SQLite, which would make the file again when it was deleted meanwhile
    except OSError as error:
        cause = error.strerror or str(error)
        fix = f"make {path.parent} a folder that you may write, or {location.elsewhere}"
        raise UserError(f"ledger {location.name}: its folder cannot be used ({cause}): {fix}") from error


def _sqlite_engine(path: Path, *, read_only: bool) -> Engine:
    # A reader opens the file for writing where it may, and forbids itself to write: the last connection to close then
    # clears away the files -wal and -shm, which one of mode=ro would leave behind. Where the folder is read-only and
    # nobody has the ledger open there are no such files, nor can they be made: it cannot change, and is "immutable".
    mode = "mode=rw"
    if read_only and not _may_write(path.parent) and not path.with_name(f"{path.name}-wal").exists():
        mode = "immutable=1"
    # Readers never wait for the writer nor the writer for them under WAL. FULL, not NORMAL: NORMAL may lose the last
    # commits when the power fails, each of which is a training of minutes to hours; a flush takes milliseconds.
    pragmas = ["PRAGMA query_only = ON"] if read_only else ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"]

    def connect() -> sqlite3.Connection:
        # isolation_level=None: the driver begins no transactions of its own. Threads take turns by the pool.
        uri = f"{path.as_uri()}?{mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in pragmas:
                connection.execute(pragma).fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    # One connection for the ledger and at times a second, closed after use, for the heartbeat.
    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=1, hide_parameters=True
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _postgresql_engine(location: Location) -> Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        fix = "run `pip install 'lit-idim[postgresql]'`"
        raise UserError(f"ledger {location.name}: PostgreSQL needs the extra 'postgresql' ({error}): {fix}") from error
    assert location.url is not None
    # A server that vanished without a word is noticed within a minute, not after the quarter of an hour of TCP.
    patience = {
        "connect_timeout": "10",
        "keepalives_idle": "20",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "50000",
    }
    url = location.url.set(query={**patience, **location.url.query})
    return create_engine(url, pool_pre_ping=True, pool_size=1, max_overflow=1, hide_parameters=True)
