import pickle
import sqlite3
import subprocess
from collections.abc import Callable
from typing import Any

from lit_idim.ledger import Ledger, TrainingRecord
from lit_idim.ledger.location import find_location

MakeRecord = Callable[..., TrainingRecord]
Start = Callable[..., "subprocess.Popen[bytes]"]


def _send(process: "subprocess.Popen[bytes]", *what: Any) -> None:
    assert process.stdin
    process.stdin.write(pickle.dumps(what))
    process.stdin.flush()


def test_eight_processes_claim_every_training_once(url: str, settings: dict[str, Any], start: Start) -> None:
    # They make the ledger at the same time, too, and hold their claims until all of them are through.
    keys = [f"{number:03}" for number in range(200)]
    processes = [start("claim", url) for _ in range(8)]
    for number, process in enumerate(processes):
        _send(process, settings, keys[number * 25 :] + keys[: number * 25])
    claimed = []
    for process in processes:
        assert process.stdout
        claimed += [line.decode().strip() for line in iter(process.stdout.readline, b'"done"\n') if line]
    assert sorted(claimed) == keys
    for process in processes:
        process.communicate()
        assert process.returncode == 0


def test_a_killed_writer_loses_no_row_that_it_was_told_is_written(
    url: str, settings: dict[str, Any], record: MakeRecord, start: Start
) -> None:
    acknowledged = []
    for life in range(5):
        process = start("write", url)
        rows = [record(f"{life}-{number:03}", status="paused", state=bytes(200_000)) for number in range(300)]
        _send(process, settings, rows)
        assert process.stdout
        for _ in range(3 + 4 * life):
            acknowledged.append(process.stdout.readline().decode().strip())
        process.kill()
        acknowledged += process.communicate()[0].decode().split()
        assert process.returncode == -9
        with Ledger.open(url, settings=settings) as ledger:
            there = {one.key: one for one in ledger.records()}
            assert set(acknowledged) <= there.keys()
            assert all(len(ledger.state(key) or b"") == 200_000 for key in there)
    path = find_location(url).path
    if path is not None:
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
