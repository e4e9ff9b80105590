"""Certificates in a ledger: numbers as JSON, and the message that they are of."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select

from lit_idim.ledger.schema import certificates, to_json


def find_certificate(connection: Connection, key: str) -> tuple[dict[str, Any], bytes] | None:
    """The content and the message of a certificate; None if there is none."""
    if not inspect(connection).has_table(certificates.name):
        return None
    row = connection.execute(select(certificates).where(certificates.c.key == key)).one_or_none()
    return None if row is None else (json.loads(row.content), bytes(row.message))


def put_certificate(connection: Connection, key: str, content: Mapping[str, Any], message: bytes) -> None:
    """Writes a certificate in place of one of the same key, which holds the same."""
    connection.execute(delete(certificates).where(certificates.c.key == key))
    connection.execute(insert(certificates).values(key=key, content=to_json(content), message=message))
