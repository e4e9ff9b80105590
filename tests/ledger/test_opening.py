import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger, TrainingRecord, database, schema
from lit_idim.ledger.location import find_location

MakeRecord = Callable[..., TrainingRecord]


def test_every_setting_that_differs_is_named(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    with Ledger.open(url, settings=settings) as ledger:
        ledger.write(record())
    Ledger.open(url, settings={**settings, "optimiser": {"betas": (0.9, 0.98), "name": "adam"}}).close()
    changed = {"study": "toy", "optimiser": {"name": "sgd", "betas": [0.9, 0.98]}, "seed": True, "new": None}
    with pytest.raises(UserError) as caught:
        Ledger.open(url, settings=changed)
    name = find_location(url).name
    elsewhere = "give --out another folder" if url.startswith("sqlite") else "give another database"
    assert str(caught.value).splitlines() == [
        f"ledger {name} was made with other settings:",
        "  new: the ledger has nothing, came null",
        '  optimiser.name: the ledger has "adam", came "sgd"',
        "  seed: the ledger has 7, came true",
        f"{elsewhere}, or the settings as they were",
    ]
    with pytest.raises(UserError, match=r"seed: the ledger has 7, came 8\n.*, or the setting as it was"):
        Ledger.open(url, settings={**settings, "seed": 8})


def test_a_ledger_that_holds_nothing_may_be_deleted(
    tmp_path: Path, settings: dict[str, Any], record: MakeRecord
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with Ledger.open(url, settings=settings) as ledger:
        with pytest.raises(UserError, match="as it was; or delete this ledger, which holds no training, if no"):
            Ledger.open(url, settings={**settings, "seed": 8})
        ledger.write(record())
    with pytest.raises(UserError, match="the setting as it was$"):
        Ledger.open(url, settings={**settings, "seed": 8})


def test_a_task_that_is_new_brings_settings_of_its_own(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    def with_tasks(**of_tasks: dict[str, int]) -> dict[str, Any]:
        return {**settings, "task_training": of_tasks}

    with Ledger.open(url, settings=with_tasks(mrpc={})) as ledger:
        ledger.write(record(task="mrpc"))
    wider = with_tasks(mrpc={}, mnli={"max_length": 64})
    Ledger.read(url, settings=wider).close()
    with Ledger.read(url) as ledger:
        assert ledger.settings["task_training"] == {"mrpc": {}}  # who only reads changes nothing
    Ledger.open(url, settings=wider).close()
    for other in (with_tasks(mnli={}), with_tasks(mnli={"max_length": 32}), with_tasks(mrpc={"max_length": 64})):
        with pytest.raises(UserError, match=r"task_training\.m[a-z]+\.max_length: the ledger has (64|nothing), came"):
            Ledger.open(url, settings=other)
    for same in (wider, with_tasks(mrpc={}), with_tasks(mnli={"max_length": 64}), with_tasks()):
        with Ledger.open(url, settings=same) as ledger:
            assert ledger.settings == json.loads(json.dumps(wider))


def test_a_task_that_a_run_is_about_to_train_is_taken(url: str, settings: dict[str, Any]) -> None:
    Ledger.open(url, settings={**settings, "task_training": {"mnli": {}}}).close()
    with pytest.raises(UserError, match="task_training.mnli.num_updates: the ledger has nothing, came 220"):
        Ledger.open(url, settings={**settings, "task_training": {"mnli": {"num_updates": 220}}})


def test_tasks_of_a_ledger_of_before(url: str, settings: dict[str, Any], record: MakeRecord) -> None:
    with Ledger.open(url, settings={**settings, "task_training": {"mnli": {"max_length": 64}}}) as ledger:
        ledger.write(record(task="mrpc"))  # run without settings of its own, and not named
    Ledger.open(url, settings={**settings, "task_training": {"mrpc": {}, "mnli": {"max_length": 64}}}).close()
    Ledger.open(url, settings={**settings, "task_training": {"sst2": {"max_length": 32}}}).close()
    with pytest.raises(UserError, match="task_training.mrpc.max_length: the ledger has nothing, came 64"):
        Ledger.open(url, settings={**settings, "task_training": {"mrpc": {"max_length": 64}}})


def test_another_version_is_refused(url: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger.open(url, settings=settings).close()
    version = schema.SCHEMA_VERSION
    monkeypatch.setattr(schema, "SCHEMA_VERSION", version + 1)
    words = f"tables are of version {version}, and this lit_idim expects version {version + 1}: use the"
    for again in (lambda: Ledger.open(url, settings=settings), lambda: Ledger.read(url)):
        with pytest.raises(UserError, match=words):
            again()


def test_a_ledger_that_is_missing(url: str, settings: dict[str, Any]) -> None:
    for missing in (lambda: Ledger.read(url), lambda: Ledger.open(url, settings=settings, create=False)):
        with pytest.raises(UserError, match="there is no such file|there is no ledger in this database"):
            missing()
    path = find_location(url).path
    assert path is None or not path.parent.exists()


def test_addresses_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in (Path("a b.db"), "a b.db", "sqlite:///a b.db", tmp_path / "a b.db", f"sqlite:///{tmp_path}/a b.db"):
        assert find_location(url).path == tmp_path / "a b.db"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hush@host/db",
        "sqlite://",
        "sqlite:///a.db?mode=ro",
        "postgresql://me:hush/hush@host:port/db",
        "postgresql://me:a@hush@host/db",
    ],
)
def test_addresses_of_nothing(url: str, settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="expected") as caught:
        Ledger.open(url, settings=settings)
    assert "hush" not in str(caught.value)


def test_a_folder(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="this is a folder: give the file in it"):
        Ledger.open(tmp_path, settings=settings)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="its folder cannot be used .* or give --out another folder"):
        Ledger.open(tmp_path / "file" / "ledger.db", settings=settings)


def test_a_file_of_something_else(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("no database " * 100)
    with pytest.raises(UserError, match="not a SQLite database: move it away"):
        Ledger.open(path, settings=settings)
    with pytest.raises(UserError, match="not a SQLite database: move it away"):
        Ledger.read(path)
    assert path.read_text() == "no database " * 100
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(UserError, match="a SQLite file, but no ledger"):
        Ledger.open(path, settings=settings)


def test_a_damaged_file(tmp_path: Path, settings: dict[str, Any], record: MakeRecord) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, settings=settings) as ledger:
        for number in range(50):
            ledger.write(record(str(number), state=None))
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    with pytest.raises(UserError, match="the file is damaged"), Ledger.open(path, settings=settings) as ledger:
        ledger.records()


def test_a_read_only_folder_can_be_read(
    public_folder: Path,
    settings: dict[str, Any],
    record: MakeRecord,
    without_privileges: Callable[[], AbstractContextManager[None]],
) -> None:
    path = public_folder / "ledger.db"
    with Ledger.open(path, settings=settings) as ledger:
        ledger.write(record(state=None))
    path.chmod(0o444)
    public_folder.chmod(0o555)
    with without_privileges():
        with Ledger.read(path) as ledger:
            assert ledger.records() == [record(state=None)]
        with pytest.raises(UserError, match=rf"ledger {path}: .*writable, or give --out another folder"):
            Ledger.open(path, settings=settings)
        for new in (public_folder / "new.db", public_folder / "new" / "ledger.db"):
            with pytest.raises(UserError, match=r"its folder cannot be used \(Permission denied\)"):
                Ledger.open(new, settings=settings)


def test_a_read_only_file(
    public_folder: Path, settings: dict[str, Any], without_privileges: Callable[[], AbstractContextManager[None]]
) -> None:
    path = public_folder / "ledger.db"
    Ledger.open(path, settings=settings).close()
    path.chmod(0o444)
    with (
        without_privileges(),
        pytest.raises(UserError, match="the file or its folder is read-only: make both writable"),
    ):
        Ledger.open(path, settings=settings)


def test_a_file_that_is_deleted_in_use(tmp_path: Path, settings: dict[str, Any], record: MakeRecord) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, settings=settings) as ledger:
        path.unlink()
        with pytest.raises(UserError, match="the file was deleted while it was in use"):
            ledger.write(record())
    assert not path.exists()


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path, settings: dict[str, Any], record: MakeRecord) -> None:
    with Ledger.open(tmp_path / "ledger.db", settings=settings) as ledger:
        ledger.write(record("a", state=None))
        ledger.claim("b")
        # SQLite says of a file that reached this size what it says of a full disk.
        ledger._database.transact(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 20").all())
        with pytest.raises(UserError, match=r"ledger .*ledger.db: the disk is full: free some of it, and run again"):
            ledger.write(record("b"))
        assert [one.key for one in ledger.records()] == ["a"]
        ledger._database.transact(
            lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 9999999").all()
        )
        assert ledger.write(record("b"))


def test_a_lock_is_waited_for(
    tmp_path: Path, settings: dict[str, Any], record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.0)
    with (
        Ledger.open(path, settings=settings) as ledger,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with monkeypatch.context() as patch:
            patch.setattr(database, "RETRY_SECONDS", 0.0)
            with pytest.raises(UserError, match="another process holds it"):
                ledger.write(record())
        monkeypatch.setattr(database.time, "sleep", lambda seconds: other.execute("ROLLBACK"))
        assert ledger.write(record())


def test_a_server_that_is_not_there(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Ledger.open(f"postgresql://ada:hush@/d90?host={tmp_path}&password=hush", settings=settings)
    told = str(caught.value)
    assert told.startswith("ledger postgresql://ada@/d90?host=") and ": the server cannot be used (connection " in told
    assert "see that it runs" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_database_that_is_not_there(postgresql_url: str, settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match='database "ledger[0-9]+x" does not exist'):
        Ledger.open(postgresql_url.replace("?", "x?"), settings=settings)


def test_postgresql_needs_its_extra(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"needs the extra 'postgresql' .*run `pip install 'lit-idim\[postgresql\]'`"):
        Ledger.open("postgresql://ada@localhost/d90", settings=settings)


def test_a_connection_that_was_lost_is_made_again(
    postgresql_url: str, settings: dict[str, Any], record: MakeRecord
) -> None:
    with Ledger.open(postgresql_url, settings=settings) as ledger:
        attempts = []

        def lose_once(connection: Any) -> int:
            attempts.append(1)
            if len(attempts) == 1:
                connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            return len(attempts)

        assert ledger._transact(lose_once) == 2
        assert ledger.write(record())


def test_a_connection_that_stays_lost_is_told(
    postgresql_url: str,
    postgresql_server: Path,
    settings: dict[str, Any],
    record: MakeRecord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import psycopg

    monkeypatch.setattr(database, "RETRY_SECONDS", 0.0)
    name = postgresql_url.split("?")[0].split("/")[-1]
    with Ledger.open(postgresql_url, settings=settings) as ledger:
        ledger.claim("ab12")
        with psycopg.connect(host=str(postgresql_server), user="ada", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        with pytest.raises(UserError, match=rf"ledger postgresql://ada@/{name}\?host=.*: the connection was lost"):
            ledger.write(record())
