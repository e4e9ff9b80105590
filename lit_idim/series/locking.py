"""A lock between processes that want to make the same file or folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lets one process at a time in: several of a study may want the same checkpoint.

    Args:
        path: of the lock, a file that stays. Its folder exists.

    Raises:
        OSError: if the file cannot be written.
    """
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
