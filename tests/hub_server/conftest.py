"""The hub on this machine."""

from collections.abc import Iterator

import pytest

from .server import HubServer, serve_hub


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with serve_hub() as server:
        yield server
