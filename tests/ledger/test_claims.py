import dataclasses
import pickle
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from lit_idim.ledger import Ledger, Owner, TrainingRecord
from lit_idim.ledger.claims import Claims, Heartbeat
from lit_idim.ledger.database import Database
from lit_idim.ledger.location import find_location
from lit_idim.ledger.schema import claims

MakeRecord = Callable[..., TrainingRecord]
Start = Callable[..., "subprocess.Popen[bytes]"]


def _expiries(url: str, set_to: float | None = None) -> dict[str, float]:
    database = Database(find_location(url), create=False, read_only=False)
    try:
        if set_to is not None:
            database.transact(lambda connection: connection.execute(update(claims).values(expires_at=set_to)))
        rows = database.transact(lambda connection: connection.execute(select(claims)).all())
    finally:
        database.close()
    return {row.key: row.expires_at for row in rows}


def _elsewhere() -> Owner:
    return dataclasses.replace(Owner.of_this_process(), host="another")


def test_one_of_two_owners_has_a_training(url: str, settings: dict[str, Any]) -> None:
    with Ledger.open(url, settings=settings) as one, Ledger.open(url, settings=settings) as two:
        assert one.claim("a") and two.claim("b")
        assert not two.claim("a") and not one.claim("b")
        assert one.claim("a"), "what one has it may run"
        two.release("a")
        assert not two.claim("a"), "only its owner releases a claim"
        one.release("a")
        assert two.claim("a")
    assert _expiries(url) == {}, "closing releases"


@pytest.mark.parametrize(
    ("status", "may"), [("finished", False), ("diverged", False), ("paused", True), ("failed", True)]
)
def test_what_may_be_claimed(url: str, settings: dict[str, Any], record: MakeRecord, status: str, may: bool) -> None:
    with Ledger.open(url, settings=settings) as ledger:
        ledger.write(record("a", status=status))
        claim, of_nothing = ledger.claim("a"), ledger.claim("b")
        assert (claim is not None and claim.has_record) is may and of_nothing is not None and not of_nothing.has_record


def test_writing_releases(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    paused = record("a", status="paused", num_updates_done=1)
    with Ledger.open(url, settings=settings) as one, Ledger.open(url, settings=settings) as two:
        assert one.claim("a") and one.claim("b")
        one.write(paused)
        assert list(_expiries(url)) == ["b"]
        assert two.claim("a")
        assert not one.write(paused)
        assert not one.claim("a"), "another's claim outlives a write"


def test_an_owner_that_was_killed_loses_its_claims_at_once(url: str, settings: dict[str, Any], start: Start) -> None:
    process = start("hold", url)
    assert process.stdin and process.stdout
    process.stdin.write(pickle.dumps((settings, ["a", "b"])))
    process.stdin.flush()
    assert process.stdout.readline() + process.stdout.readline() == b"a\nb\n"
    with Ledger.open(url, settings=settings) as ledger:
        assert not ledger.claim("a")
        _expiries(url, set_to=0)
        assert not ledger.claim("a"), "on this host an owner lives as long as its process"
        process.kill()
        while Owner(id="", host="", pid=process.pid, process_started="").exists():
            pass
        assert ledger.claim("a"), "a zombie is dead"
        process.wait()
        assert ledger.claim("b")


def test_a_process_of_the_same_number_is_another(url: str, settings: dict[str, Any]) -> None:
    this = Owner.of_this_process()
    assert this.exists()
    before = dataclasses.replace(this, process_started=f"{this.process_started}0", id="before")
    assert not before.exists()
    assert dataclasses.replace(this, process_started="").exists(), "where the system tells no start, the number decides"
    with Ledger.open(url, settings=settings, owner=before) as old, Ledger.open(url, settings=settings) as new:
        assert old.claim("a")
        assert new.claim("a")


def test_on_another_host_a_claim_lasts_as_long_as_its_lease(url: str, settings: dict[str, Any]) -> None:
    gone = dataclasses.replace(_elsewhere(), pid=2**22 + 1)
    with Ledger.open(url, settings=settings, owner=gone) as far, Ledger.open(url, settings=settings) as near:
        assert far.claim("a")
        assert not near.claim("a"), "whether a process of another host exists cannot be known"
        _expiries(url, set_to=0)
        assert near.claim("a")
        assert not far.claim("a")


def test_the_heartbeat_renews_the_own_claims_until_it_is_stopped(url: str, settings: dict[str, Any]) -> None:
    with Ledger.open(url, settings=settings, owner=_elsewhere()) as other:
        assert other.claim("other")
        database = Database(find_location(url), create=False, read_only=False)
        owned = Claims(database, Owner.of_this_process(), lease_seconds=0.04)
        assert database.transact(lambda connection: owned.take(connection, "own"))
        _expiries(url, set_to=1)
        heartbeat = Heartbeat(owned)
        heartbeat.start()
        heartbeat.start()
        while _expiries(url)["own"] == 1:
            pass
        heartbeat.stop()
        _expiries(url, set_to=2)
        assert _expiries(url) == {"own": 2, "other": 2}
        database.close()


def test_the_heartbeat_starts_with_the_first_claim_and_ends_with_the_ledger(url: str, settings: dict[str, Any]) -> None:
    def beating() -> int:
        return sum(thread.name == "ledger heartbeat" for thread in threading.enumerate())

    before = beating()
    with Ledger.open(url, settings=settings) as ledger:
        assert beating() == before
        ledger.claim("a")
        ledger.claim("b")
        assert beating() == before + 1
    assert beating() == before


def test_threads_share_a_ledger(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    def work(ledger: Ledger, name: str) -> None:
        for number in range(10):
            key = f"{name}-{number}"
            if ledger.claim(key):
                ledger.write(record(key, state=None))

    with Ledger.open(url, settings=settings) as ledger:
        threads = [threading.Thread(target=work, args=(ledger, name)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ledger.records()) == 40
    assert _expiries(url) == {}
