"""A record with every field set, and a fresh ledger's address on either backend."""

import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lit_idim.ledger import TrainingRecord

from .postgresql import NOBODY, PostgresqlServer

SETTINGS = {"study": "toy", "optimiser": {"name": "adam", "betas": [0.9, 0.98]}, "seed": 7}


def make_record(key: str = "ab12", **changes: Any) -> TrainingRecord:
    values: dict[str, Any] = {
        "key": key,
        "model": "roberta-toy",
        "checkpoint": "step-4000",
        "pretraining_step": 4000,
        "num_parameters": 11_000_000_000,
        "task": "mrpc",
        "method": "said",
        "projection": "fastfood",
        "d": 200,
        "learning_rate": 0.1 + 0.2,
        "rate": -1,
        "num_lambdas": 14,
        "replicate": 1,
        "status": "finished",
        "reason": "Δ 'quoted'\n",
        "metric": "f1",
        "score": 1 / 3,
        "chance_score": 5e-324,
        "evaluations": ((10, 0.1), (20, 1.7976931348623157e308), (30, 1.0)),
        "num_updates": 30,
        "num_updates_done": 30,
        "num_examples": 3_000_000_000,
        "batch_size": 16,
        "num_train_examples": 3668,
        "num_dev_examples": 408,
        "seconds": 1e-310,
        "seeds": {"projection": 2**63 + 11, "head": 0},
        "versions": {"torch": "2.13.0", "fastfood": "1"},
        "checksums": {"P": "ff", "θ": "00"},
        "outcomes": bytes(range(256)),
        "state": bytes(range(256)) * 20_000,
        "device": "cpu",
        "started_at": "2026-11-21T13:00:00+00:00",
    }
    return TrainingRecord(**{**values, **changes})


@pytest.fixture
def record() -> Callable[..., TrainingRecord]:
    """Makes a record of a key, with the changes given by name."""
    return make_record


@pytest.fixture
def settings() -> dict[str, Any]:
    return dict(SETTINGS)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger may be made that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/study with spaces/ledger.db"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def postgresql_url(postgresql_server: Path) -> str:
    """A fresh database on a real server."""
    import psycopg

    name = f"ledger{next(_numbers)}"
    with psycopg.connect(host=str(postgresql_server), user="ada", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"postgresql://ada:secret@/{name}?host={postgresql_server}"


_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """The folder of the Unix socket of a server that lives as long as the tests."""
    if not PostgresqlServer.is_installed():
        pytest.skip("PostgreSQL's initdb and pg_ctl are not on the PATH")
    with PostgresqlServer.running() as server:
        yield server.folder


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts `process.py` with arguments; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(Path(__file__).with_name("process.py")), *arguments]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user of the machine may write."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.fixture
def without_privileges() -> Callable[[], AbstractContextManager[None]]:
    """Makes this process one that permissions hold for, which they do not for root."""

    @contextmanager
    def without() -> Iterator[None]:
        was = os.geteuid()
        if was == 0:
            os.seteuid(pwd.getpwnam(NOBODY).pw_uid)
        try:
            yield
        finally:
            os.seteuid(was)

    return without
