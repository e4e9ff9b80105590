"""What a database complains of, in words that name the ledger, the cause and the fix."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from lit_idim.errors import UserError
from lit_idim.ledger.location import Location


class LedgerError(UserError):
    """The ledger cannot be read or written any more; what it holds stays."""


_DAMAGED = "the file is damaged ({cause}): put back a copy, or save the rest with `sqlite3 FILE .recover`"
# Part of SQLite's message -> cause and fix. The error codes would be surer, but Python 3.10 does not have them.
_SQLITE = {
    "database or disk is full": "the disk is full: free some of it, and run again",
    "readonly database": "the file or its folder is read-only: make both writable, or {elsewhere}",
    "file is not a database": "the file is not a SQLite database: move it away, or {elsewhere}",
    "unable to open database file": "the file cannot be opened: make it and its folder readable and writable, or "
    "{elsewhere}",
    "is locked": "another process holds it for longer than is usual: see what runs on it, and run again",
    "disk I/O error": "its disk fails, or is one of a network on which SQLite cannot work: {elsewhere} "
    "on a local disk, or use a PostgreSQL ledger",
    **dict.fromkeys(
        ("disk image is malformed", "malformed database schema", "Could not decode to UTF-8", "no such ", "no column"),
        _DAMAGED,
    ),
}
# SQLSTATE of PostgreSQL -> cause and fix.
_POSTGRESQL = {
    "53100": "the server's disk is full: free some of it, and run again",
    "25006": "the server is read-only (a standby?): give the one that may be written",
    "42501": "the user may not do this ({cause}): grant it on the server, or give another user",
}


def explain(error: DBAPIError, location: Location, *, was_reached: bool) -> UserError | None:
    """The error in the user's words, or None if it is not the user's to mend.

    Args:
        error: as SQLAlchemy raised it.
        location: of the ledger.
        was_reached: whether an earlier transaction went well.
    """
    cause = location.without_password(" ".join(str(error.orig).split()))
    if location.path is not None:
        words = next((words for part, words in _SQLITE.items() if part in cause), None)
    else:
        words = _POSTGRESQL.get(_sqlstate(error) or "")
        if words is None and was_reached and is_connection_loss(error):
            words = "the connection was lost ({cause}): see that the server runs, and run again"
        elif words is None and not was_reached:
            words = "the server cannot be used ({cause}): see that it runs, and mend host, user, password or database"
    if words is None:
        return None
    return LedgerError(f"ledger {location.name}: {words.format(cause=cause[:200], elsewhere=location.elsewhere)}")


def damaged_file(cause: str, location: Location) -> LedgerError:
    """The error that a file is not as it was written; the cause as the database puts it."""
    return LedgerError(f"ledger {location.name}: {_DAMAGED.format(cause=' '.join(cause.split()))}")


def is_lock(error: DBAPIError) -> bool:
    """Whether others were at work on the same rows, so that the same transaction will go well later."""
    # 40001 serialization failure, 40P01 deadlock, 55P03 lock not available.
    return "is locked" in str(error.orig) or _sqlstate(error) in ("40001", "40P01", "55P03")


def is_connection_loss(error: DBAPIError) -> bool:
    """Whether the PostgreSQL server, or the way to it, went away: it may come back."""
    if type(error.orig).__module__.partition(".")[0] != "psycopg":
        return False
    state = _sqlstate(error)
    # 08 connection, 53300 too many connections, 57P server shut down or starting; none where no server answered.
    gone = state is None or state.startswith(("08", "53300", "57P"))
    return error.connection_invalidated or (isinstance(error, (OperationalError, InterfaceError)) and gone)


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
