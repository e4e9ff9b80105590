"""What is not as it was written is noticed, whichever bit it is; ledgers without checksums open as they did."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import create_engine

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger, LedgerError, TrainingRecord
from lit_idim.ledger.location import find_location

MakeRecord = Callable[..., TrainingRecord]
NUM_FLIPS = 400
# Another value of the same kind for columns of every type; the state has a test of its own.
CHANGES: dict[str, Any] = {
    "score": 0.9,
    "status": "diverged",
    "d": 201,
    "reason": None,
    "evaluations": "[[10, 0.2]]",
    "outcomes": b"\0",
}


@pytest.fixture
def execute(url: str) -> Callable[..., None]:
    """Runs a statement on the ledger behind its back."""

    def run(statement: str, *values: Any) -> None:
        location = find_location(url)
        engine = create_engine(location.url if location.url is not None else f"sqlite:///{location.path}")
        mark = "?" if location.path is not None else "%s"
        with engine.begin() as connection:
            connection.exec_driver_sql(statement.replace("?", mark), values)
        engine.dispose()

    return run


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_value_is_noticed(
    url: str, settings: dict[str, Any], record: MakeRecord, execute: Callable[..., None], column: str
) -> None:
    with Ledger.open(url, settings=settings) as ledger:
        ledger.write(record("sound", state=None))
        ledger.write(record("hit"))
    execute(f"UPDATE trainings SET {column} = ? WHERE key = 'hit'", CHANGES[column])
    words = r"the row of training 'hit' is damaged \(the checksum differs\): put back a copy, or have .* run again"
    for opened in (Ledger.open(url, settings=settings), Ledger.read(url)):
        with opened as ledger:
            assert ledger.get(["sound"]) == {"sound": record("sound", state=None)}
            with pytest.raises(LedgerError, match=words):
                ledger.get(["sound", "hit"])
            with pytest.raises(LedgerError, match="DELETE FROM trainings WHERE key = 'hit'"):
                ledger.records()
    execute("DELETE FROM trainings WHERE key = 'hit'")
    with Ledger.open(url, settings=settings) as ledger:
        assert ledger.write(record("hit", state=None))
        assert {one.key for one in ledger.records()} == {"sound", "hit"}


def test_a_changed_state_is_noticed(
    url: str, settings: dict[str, Any], record: MakeRecord, execute: Callable[..., None]
) -> None:
    with Ledger.open(url, settings=settings) as ledger:
        ledger.write(record("hit", status="paused", num_updates_done=5))
        execute("UPDATE trainings SET state = ?", b"\0")
        assert [one.key for one in ledger.records()] == ["hit"]
        with pytest.raises(LedgerError, match="training 'hit' is damaged"):
            ledger.state("hit")


def test_several_rows_are_counted(
    url: str, settings: dict[str, Any], record: MakeRecord, execute: Callable[..., None]
) -> None:
    with Ledger.open(url, settings=settings) as ledger:
        for number in range(5):
            ledger.write(record(str(number), state=None))
    execute("UPDATE trainings SET score = score + 1")
    with Ledger.read(url) as ledger, pytest.raises(LedgerError, match=r"rows of 5 trainings \(.* and others\) are"):
        ledger.records()


def test_numbers_that_come_back_as_others_are_no_damage(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    odd = {"score": np.float64(-0.0), "learning_rate": 1, "chance_score": np.float64(0.1), "seconds": 10**17}
    with Ledger.open(url, settings=settings) as ledger:
        ledger.write(record(**odd))
        assert ledger.records() == [record(**odd, state=None)]


@pytest.fixture
def of_before(execute: Callable[..., None]) -> Callable[[], None]:
    """Makes the ledger one of before there were checksums."""
    return lambda: execute("ALTER TABLE trainings DROP COLUMN row_checksum")


def test_a_ledger_of_before_is_read_and_gone_on_with(
    url: str,
    settings: dict[str, Any],
    record: MakeRecord,
    of_before: Callable[[], None],
    execute: Callable[..., None],
) -> None:
    old = record("old", state=None)
    with Ledger.open(url, settings=settings) as ledger:
        ledger.write(old)
    of_before()
    with Ledger.read(url) as reader:
        assert reader.records() == [old] and reader.state("old") is None
        with Ledger.open(url, settings=settings) as ledger:
            assert ledger.records() == [old] and ledger.claim("old") is None
            ledger.write(record("new", state=None))
        assert {one.key for one in reader.records()} == {"old", "new"}
    execute("UPDATE trainings SET score = 0.9 WHERE key = 'new'")
    with Ledger.open(url, settings=settings) as ledger:
        assert ledger.get(["old"]) == {"old": old}
        with pytest.raises(LedgerError, match="training 'new' is damaged"):
            ledger.records()


def test_whatever_bit_flips_nothing_else_is_read(tmp_path: Path, settings: dict[str, Any], record: MakeRecord) -> None:
    written = {
        key: record(key, status="paused", num_updates_done=5, state=bytes(range(256)), d=None)
        for key in map("{:032x}".format, range(12))
    }
    path = tmp_path / "ledger.db"
    with Ledger.open(path, settings=settings) as ledger:
        for one in written.values():
            ledger.write(one)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    sound, drawn, noticed = path.read_bytes(), random.Random(0), 0
    for number in range(NUM_FLIPS):
        harmed = bytearray(sound)
        harmed[drawn.randrange(len(sound))] ^= 1 << drawn.randrange(8)
        other = tmp_path / f"{number}.db"
        other.write_bytes(harmed)
        try:
            with Ledger.open(other, settings=settings) as ledger:
                read = ledger.records()
                states = {one.key: ledger.state(one.key) for one in read}
        except UserError:
            noticed += 1
            continue
        found = {one.key: (one, states[one.key]) for one in read}
        assert len(read) == len(written)
        for key, one in written.items():
            assert found[key][1] == one.state and found[key][0].score == one.score
            assert found[key][0].evaluations == one.evaluations and found[key][0].status == one.status
    assert noticed > NUM_FLIPS / 4
