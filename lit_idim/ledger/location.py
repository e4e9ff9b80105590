"""Where a ledger lies: a SQLite file or a PostgreSQL database."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from lit_idim.errors import UserError

_EXPECTED = "a path, sqlite:///path or postgresql://user@host/database"
# Options of an address that are no secret, and that say where it is.
_TOLD = ("host", "hostaddr", "port", "dbname", "user", "service", "sslmode")
_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a ledger lies; one of `path` and `url` is None.

    Attributes:
        name: what to call it in a message; without password.
        path: the SQLite file, absolute and without symbolic links.
        url: the PostgreSQL database, for the driver psycopg 3.
    """

    name: str
    path: Path | None = None
    url: URL | None = None

    @property
    def elsewhere(self) -> str:
        """How to say on the command line that the ledger shall lie elsewhere."""
        return "give --out another folder" if self.path else "give another database"

    def without_password(self, text: str) -> str:
        """The text with the password blotted out, should it be in it."""
        secrets = (self.url.password, self.url.query.get("password")) if self.url is not None else ()
        for secret in secrets:
            if secret:
                text = text.replace(str(secret), "***")
        return text


def find_location(url: str | Path) -> Location:
    """The location that a user gave.

    Args:
        url: a path, `sqlite:///path` or `postgresql://user@host/database`.

    Raises:
        UserError: if it is none of these. Its text does not repeat the URL, which may hold a password.

    >>> find_location("postgresql://ada:secret@server:5433/d90").name
    'postgresql://ada@server:5433/d90'
    >>> find_location("postgresql:///d90?host=/run/pg&password=secret").name
    'postgresql:///d90?host=%2Frun%2Fpg'
    """
    if isinstance(url, Path) or "://" not in url:
        return _file(Path(url))
    scheme = url.split("://")[0]
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UserError(f"ledger: expected {_EXPECTED}, and the {scheme} URL that came cannot be read") from None
    if parsed.drivername == "sqlite":
        if parsed.database in (None, "", ":memory:") or parsed.host or parsed.query:
            raise UserError("ledger: expected sqlite:///path and nothing more, came a host, options or no path")
        return _file(Path(str(parsed.database)))
    if parsed.drivername in _POSTGRESQL:
        if "@" in (parsed.host or ""):
            raise UserError(f"ledger: expected {_EXPECTED}, came an @ too many: one in a password is written %40")
        query = {key: value for key, value in parsed.query.items() if key in _TOLD}
        told = URL.create("postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database or "", query)
        name = told.render_as_string()
        return Location(name=name, url=parsed.set(drivername="postgresql+psycopg"))
    raise UserError(f"ledger: expected {_EXPECTED}, came a URL of {scheme!r}")


def _file(path: Path) -> Location:
    # Resolved, as SQLite does before it names the files -wal and -shm beside it.
    return Location(name=str(path), path=path.expanduser().resolve())
