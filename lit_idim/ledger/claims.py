"""Who is running what: a claim keeps a training from being run twice at the same time."""

import logging
import threading
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from lit_idim.errors import UserError
from lit_idim.ledger.database import Database
from lit_idim.ledger.owner import Owner
from lit_idim.ledger.schema import claims

LEASE_SECONDS = 120.0
_BEATS_PER_LEASE = 4
# Made once: a statement costs more to build than to run.
_HELD = select(claims).where(claims.c.key == bindparam("wanted"))
_ADD = insert(claims)
_OF_OWNER = claims.c.owner == bindparam("holder")
_REMOVE_ALL = delete(claims).where(_OF_OWNER)
_REMOVE = delete(claims).where(_OF_OWNER & (claims.c.key == bindparam("wanted")))

_log = logging.getLogger(__name__)


def count_running(connection: Connection, database: Database) -> int:
    """Trainings that owners who live have claimed."""
    here, now = Owner.of_this_process().host, database.now_seconds(connection)
    running = 0
    for held in connection.execute(select(claims)):
        owner = Owner(id=held.owner, host=held.host, pid=held.pid, process_started=held.process_started)
        running += owner.exists() if owner.host == here else held.expires_at > now
    return running


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A training that was claimed.

    Attributes:
        has_record: whether something is written of it: it is paused, or has failed.
    """

    has_record: bool


class Claims:
    """The claims of one owner.

    An owner on this host lives as long as its process does, so that a study that was killed can be started again at
    once. One on another host lives until its lease ends, which it renews while it runs.

    Args:
        database: of the ledger.
        owner: who claims.
        lease_seconds: how long a claim holds without being renewed.
    """

    def __init__(self, database: Database, owner: Owner, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self.owner = owner
        self.lease_seconds = lease_seconds
        self._database = database

    def take(self, connection: Connection, key: str) -> bool:
        """Claims a key, in a transaction that holds the key's lock.

        Returns:
            False if another owner who lives has it.
        """
        held = connection.execute(_HELD, {"wanted": key}).one_or_none()
        now = self._database.now_seconds(connection)
        if held is not None and held.owner != self.owner.id:
            other = Owner(id=held.owner, host=held.host, pid=held.pid, process_started=held.process_started)
            lives = other.exists() if other.host == self.owner.host else held.expires_at > now
            if lives:
                return False
        if held is not None:
            connection.execute(delete(claims).where(claims.c.key == key))
        claim = {
            "key": key,
            "owner": self.owner.id,
            "host": self.owner.host,
            "pid": self.owner.pid,
            "process_started": self.owner.process_started,
            "expires_at": now + self.lease_seconds,
        }
        connection.execute(_ADD, claim)
        return True

    def give_back(self, connection: Connection, key: str | None = None) -> None:
        """Releases a key, or all that this owner has; those of other owners stay."""
        if key is None:
            connection.execute(_REMOVE_ALL, {"holder": self.owner.id})
        else:
            connection.execute(_REMOVE, {"holder": self.owner.id, "wanted": key})

    def renew(self) -> None:
        """Begins the lease of every claim of this owner anew."""

        def renew(connection: Connection) -> None:
            expires_at = self._database.now_seconds(connection) + self.lease_seconds
            connection.execute(update(claims).where(claims.c.owner == self.owner.id).values(expires_at=expires_at))

        self._database.transact(renew, retry_seconds=0)


class Heartbeat:
    """A thread that renews an owner's claims until it is stopped.

    It has a connection of its own, so that a long write does not cost the other claims their lease.
    """

    def __init__(self, owned: Claims) -> None:
        self._claims = owned
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread, if it was not started yet."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="ledger heartbeat", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has written for the last time."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._claims.lease_seconds / _BEATS_PER_LEASE):
            try:
                self._claims.renew()
            except (UserError, DBAPIError) as error:
                # The next beat tries again. If none goes well, others take over, as they should from a host cut off.
                _log.warning("claims could not be renewed: %s", error)
