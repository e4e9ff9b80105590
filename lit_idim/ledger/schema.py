"""The tables of a ledger, and a training as a row of them."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, MetaData, String, Table, Text

from lit_idim.ledger.record import TrainingRecord

# Raised by every change of the tables or of what a column means, but for what ledgers of before get as they are.
SCHEMA_VERSION = 1

# The largest value that SQLite takes as it is usually built; PostgreSQL takes little more.
MAX_BLOB_BYTES = 10**9

metadata = MetaData()

# What the ledger says of itself: "schema_version" and "settings", as JSON.
about = Table(
    "ledger",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

trainings = Table(
    "trainings",
    metadata,
    Column("key", String, primary_key=True),
    Column("model", String, nullable=False),
    Column("checkpoint", String, nullable=False),
    Column("pretraining_step", BigInteger),
    Column("num_parameters", BigInteger, nullable=False),
    Column("task", String, nullable=False),
    Column("method", String, nullable=False),
    Column("projection", String),
    Column("d", BigInteger),
    Column("learning_rate", Double, nullable=False),
    Column("rate", Integer, nullable=False),
    Column("num_lambdas", Integer, nullable=False),
    Column("replicate", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("reason", Text),
    Column("metric", String, nullable=False),
    Column("score", Double),
    Column("chance_score", Double, nullable=False),
    Column("evaluations", Text, nullable=False),
    Column("num_updates", BigInteger, nullable=False),
    Column("num_updates_done", BigInteger, nullable=False),
    Column("num_examples", BigInteger, nullable=False),
    Column("batch_size", BigInteger, nullable=False),
    Column("num_train_examples", BigInteger, nullable=False),
    Column("num_dev_examples", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("seeds", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("checksums", Text, nullable=False),
    Column("device", String, nullable=False),
    Column("started_at", String, nullable=False),
    # None in rows that were written before there were checksums. Ledgers of before lack the column, and get it when
    # they are next opened to write.
    Column("row_checksum", String),
    # Blobs last: SQLite finds a column by walking over those before it.
    Column("outcomes", LargeBinary),
    Column("state", LargeBinary),
)

claims = Table(
    "claims",
    metadata,
    Column("key", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),
    Column("host", String, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("process_started", String, nullable=False),
    # Seconds since 1970, by the clock of the database server where there is one.
    Column("expires_at", Double, nullable=False),
)

# What was computed of a trained subspace beside its scores: compression certificates. Ledgers of before lack the table,
# and get it when they are next written.
certificates = Table(
    "certificates",
    metadata,
    Column("key", String, primary_key=True),
    Column("content", Text, nullable=False),
    Column("message", LargeBinary, nullable=False),
)

row_checksum = trainings.c.row_checksum
columns_without_state = tuple(column for column in trainings.columns if column.name not in ("state", row_checksum.name))

_JSON_FIELDS = ("evaluations", "seeds", "versions", "checksums")
_FLOAT_FIELDS = ("learning_rate", "score", "chance_score", "seconds")


def to_json(value: Any) -> str:
    """JSON with sorted keys; floats as the shortest text that gives them back exactly.

    Raises:
        ValueError: if a number is NaN or infinite.
        TypeError: if a value is none that JSON has.
    """
    return json.dumps(value, sort_keys=True, allow_nan=False)


def row_of(record: TrainingRecord) -> dict[str, Any]:
    """The row of a training, to be inserted.

    Raises:
        ValueError: if a number is NaN or infinite, which SQLite would turn into "no value", or a blob too large.
    """
    row = {field.name: getattr(record, field.name) for field in fields(record)}
    for name in _FLOAT_FIELDS:
        if row[name] is not None and not math.isfinite(row[name]):
            raise ValueError(f"{name} of training {record.key} is {row[name]}: a score that does not exist is None")
    for name in ("outcomes", "state"):
        if row[name] is not None and len(row[name]) > MAX_BLOB_BYTES:
            size = f"{len(row[name])} bytes, and a ledger takes {MAX_BLOB_BYTES}"
            raise ValueError(f"{name} of training {record.key} has {size}: keep it in a file of its own")
    row["evaluations"] = to_json([[int(update), float(score)] for update, score in record.evaluations])
    for name in ("seeds", "versions", "checksums"):
        row[name] = to_json(dict(row[name]))
    return row


def record_of(row: Mapping[str, Any]) -> TrainingRecord:
    """The training of a row that was selected, without its state.

    Raises:
        ValueError: if a column is damaged.
    """
    names = [column.name for column in columns_without_state]
    values = {name: json.loads(row[name]) if name in _JSON_FIELDS else row[name] for name in names}
    values["evaluations"] = tuple((update, score) for update, score in values["evaluations"])
    return TrainingRecord(**values)
