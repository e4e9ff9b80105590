import dataclasses
import itertools
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lit_idim.ledger import Ledger, TrainingRecord, schema

MakeRecord = Callable[..., TrainingRecord]


def test_the_table_has_a_column_for_every_field_and_one_for_their_checksum() -> None:
    fields = {field.name for field in dataclasses.fields(TrainingRecord)}
    assert {column.name for column in schema.trainings.columns} == fields | {"row_checksum"}


def test_every_field_comes_back_as_it_was(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    full = record()
    empty = record(
        "empty",
        **dict.fromkeys(("pretraining_step", "projection", "d", "reason", "score", "outcomes", "state")),
        evaluations=(),
        seeds={},
        versions={},
        checksums={},
    )
    with Ledger.open(url, settings=settings) as ledger:
        assert ledger.write(full) and ledger.write(empty)
    with Ledger.read(url) as ledger:
        assert ledger.get(["empty", "absent", full.key]) == {
            "empty": empty,
            full.key: dataclasses.replace(full, state=None),
        }
        assert ledger.state(full.key) == full.state
        assert ledger.state("empty") is None and ledger.state("absent") is None
        assert ledger.settings == settings
        found = ledger.get([full.key])[full.key]
    assert [type(number) for number in found.evaluations[2]] == [int, float]
    assert isinstance(found.evaluations, tuple) and isinstance(found.outcomes, bytes)


def test_floats_round_trip_exactly(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    generator = random.Random(0)
    scores = [math.ldexp(generator.random(), generator.randint(-1060, 1000)) for _ in range(200)]
    written = [
        record(f"{number:04}", score=score, learning_rate=score, evaluations=((1, score),), state=None)
        for number, score in enumerate(scores)
    ]
    with Ledger.open(url, settings=settings) as ledger:
        for one in written:
            ledger.write(one)
        assert list(ledger.get(one.key for one in written).values()) == written


@pytest.mark.parametrize("changes", [{"score": math.nan}, {"seconds": math.inf}, {"evaluations": ((1, math.nan),)}])
def test_a_number_that_is_none_is_refused(
    url: str, settings: dict[str, Any], record: MakeRecord, changes: dict[str, Any]
) -> None:
    with Ledger.open(url, settings=settings) as ledger:
        with pytest.raises(ValueError, match=r"is nan|is inf|not JSON compliant"):
            ledger.write(record(**changes))
        assert ledger.records() == []


def test_a_blob_that_no_database_takes_is_refused(
    tmp_path: Path, settings: dict[str, Any], record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MAX_BLOB_BYTES", 300)
    with (
        Ledger.open(tmp_path / "ledger.db", settings=settings) as ledger,
        pytest.raises(ValueError, match=r"state of training ab12 has 301 bytes, and a ledger takes 300"),
    ):
        ledger.write(record(state=bytes(301)))


# What is there, what comes, and whether it replaces.
REPLACEMENTS = [
    ({"status": "finished"}, {"status": "finished", "score": 0.9}, False),
    ({"status": "finished"}, {"status": "failed"}, False),
    ({"status": "diverged"}, {"status": "finished"}, False),
    ({"status": "failed"}, {"status": "failed", "reason": "again"}, True),
    ({"status": "failed"}, {"status": "paused", "num_updates_done": 1}, True),
    ({"status": "failed"}, {"status": "finished"}, True),
    ({"status": "paused", "num_updates_done": 10}, {"status": "paused", "num_updates_done": 20}, True),
    ({"status": "paused", "num_updates_done": 10}, {"status": "paused", "num_updates_done": 10, "seconds": 9.0}, False),
    ({"status": "paused", "num_updates_done": 10}, {"status": "paused", "num_updates_done": 5}, False),
    ({"status": "paused", "num_updates_done": 10}, {"status": "diverged", "num_updates_done": 15}, True),
    ({"status": "paused", "num_updates_done": 10}, {"status": "finished"}, True),
]


@pytest.mark.parametrize(("there", "comes", "replaces"), REPLACEMENTS)
def test_what_replaces_what(
    url: str,
    settings: dict[str, Any],
    record: MakeRecord,
    there: dict[str, Any],
    comes: dict[str, Any],
    replaces: bool,
) -> None:
    old, new = record(**there, state=None), record(**comes, state=b"new")
    with Ledger.open(url, settings=settings) as ledger:
        assert ledger.write(old) is True
        assert ledger.write(new) is replaces
        assert ledger.records() == [dataclasses.replace(new, state=None) if replaces else old]
        assert ledger.state(old.key) == (b"new" if replaces else None)


def test_the_order_is_not_that_of_insertion(tmp_path: Path, settings: dict[str, Any], record: MakeRecord) -> None:
    places = itertools.product(("B", "a"), (None, 0, 10), (None, 5, 200), (1e-4, 1e-3), (0, 1))
    names = ("model", "pretraining_step", "d", "learning_rate", "replicate")
    written = [
        record(f"{number:x}", **dict(zip(names, place, strict=True)), state=None) for number, place in enumerate(places)
    ]
    for seed in range(3):
        random.Random(seed).shuffle(shuffled := written.copy())
        with Ledger.open(tmp_path / f"{seed}.db", settings=settings) as ledger:
            for one in shuffled:
                ledger.write(one)
            assert ledger.records() == written


def test_more_keys_than_a_query_takes(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    with Ledger.open(url, settings=settings) as ledger:
        for key in ("00700", "40000"):
            ledger.write(record(key))
        assert list(ledger.get(f"{number:05}" for number in range(41_000))) == ["00700", "40000"]
        assert ledger.get([]) == {}


def test_a_reader_sees_what_is_written_meanwhile_and_writes_nothing(
    url: str, settings: dict[str, Any], record: MakeRecord
) -> None:
    with Ledger.open(url, settings=settings) as ledger, Ledger.read(url) as reader:
        assert reader.records() == []
        ledger.write(record(state=None))
        assert reader.records() == [record(state=None)]
        for write in (lambda: reader.write(record()), lambda: reader.claim("a")):
            with pytest.raises(RuntimeError, match="opened to read only"):
                write()


def test_a_closed_ledger_stays_closed(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    ledger = Ledger.open(url, settings=settings)
    ledger.close()
    ledger.close()
    with pytest.raises(RuntimeError, match="closed"):
        ledger.write(record())
