import functools
from collections.abc import Callable

import pytest

from lit_idim.families import ParameterCount, find_model


@functools.cache
def _count(name: str) -> ParameterCount:
    return find_model(name).count_parameters()


@pytest.fixture(scope="session")
def count_of() -> Callable[[str], ParameterCount]:
    """The count of a registered model for two labels, made once for all tests."""
    return _count
