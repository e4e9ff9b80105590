"""Certificates in a ledger: numbers as JSON with a checksum, and the message that they are of."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select

from lit_idim.ledger.schema import certificates, to_json

_CHECKSUM = "row_checksum"


def find_certificate(connection: Connection, key: str) -> tuple[dict[str, Any], bytes] | None:
    """The content and the message of a certificate; None if there is none, or it is not as it was written.

    Ledgers of before have certificates without a checksum.
    """
    if not inspect(connection).has_table(certificates.name):
        return None
    row = connection.execute(select(certificates).where(certificates.c.key == key)).one_or_none()
    if row is None:
        return None
    content = _parsed(row.content)
    message = row.message.encode() if isinstance(row.message, str) else bytes(row.message)  # SQLite holds any type
    told = content.pop(_CHECKSUM, None)
    return (content, message) if content and told in (None, _checksum(content, message)) else None


def put_certificate(connection: Connection, key: str, content: Mapping[str, Any], message: bytes) -> None:
    """Writes a certificate in place of one of the same key, which holds the same."""
    connection.execute(delete(certificates).where(certificates.c.key == key))
    told = {**content, _CHECKSUM: _checksum(content, message)}
    connection.execute(insert(certificates).values(key=key, content=to_json(told), message=message))


def _parsed(text: str) -> dict[str, Any]:
    """The object of a text; an empty one if it holds none."""
    try:
        content = json.loads(text)
        to_json(content)  # refuses NaN, which Python's reader takes
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _checksum(content: Mapping[str, Any], message: bytes) -> str:
    return hashlib.sha256(to_json(content).encode() + message).hexdigest()
