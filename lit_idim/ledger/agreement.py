"""What must agree between all runs on one ledger: its version and its settings."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, inspect, select, update

from lit_idim.errors import UserError
from lit_idim.ledger import schema
from lit_idim.ledger.failures import damaged_file
from lit_idim.ledger.location import Location

BY_TASK = "task_training"  # by task: settings of its own, {} for none; of all tasks that a run was of
_MISSING = object()


def read_settings(connection: Connection, location: Location) -> dict[str, Any]:
    """The settings that the ledger was made with.

    Raises:
        UserError: if the database holds no ledger, or one of another version, or is a SQLite file of another program.
    """
    stored = _find_settings(connection, location)
    if stored is None:
        raise UserError(
            f"ledger {location.name}: there is no ledger in this database: give that of a study that was run"
        )
    return stored


def agree_on_settings(
    connection: Connection, given: Mapping[str, Any], location: Location, *, create: bool
) -> dict[str, Any]:
    """Makes a new ledger with the settings, or compares them with those of the ledger that is there.

    Those of a task (`task_training`) are compared where this run has the task. A task that neither a run nor a training
    was of before brings its own, which bind from then on.

    Args:
        connection: in a transaction that no other one of this kind runs beside.
        given: settings of this run, after a round trip over JSON.
        location: of the ledger.
        create: whether a new ledger may be made.

    Returns:
        The settings as stored.

    Raises:
        UserError: as `read_settings`, or with a list of every setting that differs.
    """
    if create and _find_settings(connection, location) is None:
        schema.metadata.create_all(connection)
        values = {"schema_version": schema.SCHEMA_VERSION, "settings": dict(given)}
        rows = [{"name": name, "value": schema.to_json(value)} for name, value in values.items()]
        connection.execute(insert(schema.about), rows)
    stored = read_settings(connection, location)
    if create:
        schema.certificates.create(connection, checkfirst=True)
        find_identity(connection, make=True)
    agreed = _with_new_tasks(stored, given, connection)
    of_tasks = agreed.get(BY_TASK, {})
    compared = {**agreed, BY_TASK: {task: of_tasks.get(task, {}) for task in given.get(BY_TASK, {})}}
    _check_settings(compared, given, location, connection)
    if create and agreed != stored:
        here = schema.about.c.name == "settings"
        connection.execute(update(schema.about).where(here).values(value=schema.to_json(agreed)))
    return agreed


def find_identity(connection: Connection, *, make: bool = False) -> str | None:
    """What tells a ledger from all others, wherever it lies; None of an older one that has not been written since.

    Args:
        connection: in a transaction.
        make: whether a ledger without one gets one.
    """
    here = select(schema.about.c.value).where(schema.about.c.name == "identity")
    found = connection.execute(here).scalar_one_or_none()
    if found is None and make:
        found = schema.to_json(uuid.uuid4().hex)
        connection.execute(insert(schema.about).values(name="identity", value=found))
    return None if found is None else str(json.loads(found))


def _find_settings(connection: Connection, location: Location) -> dict[str, Any] | None:
    tables = set(inspect(connection).get_table_names())
    if schema.about.name not in tables:
        if tables and location.path is not None:
            raise UserError(
                f"ledger {location.name}: a SQLite file, but no ledger: move it away, or {location.elsewhere}"
            )
        return None
    try:
        about = {row.name: json.loads(row.value) for row in connection.execute(select(schema.about))}
    except (ValueError, TypeError) as error:
        raise damaged_file(f"its settings cannot be read: {error}", location) from error
    version = about.get("schema_version")
    if version != schema.SCHEMA_VERSION:
        raise UserError(
            f"ledger {location.name}: its tables are of version {version}, and this lit_idim expects version "
            f"{schema.SCHEMA_VERSION}: use the lit_idim that made it, or {location.elsewhere}"
        )
    settings = about.get("settings")
    if not isinstance(settings, dict):
        raise damaged_file("it holds no settings", location)
    return settings


def _with_new_tasks(stored: dict[str, Any], given: Mapping[str, Any], connection: Connection) -> dict[str, Any]:
    """The stored settings with those of each task that is new to the ledger: no training was made with others.

    What no run has named, and yet has trainings, was run without settings of its own by a lit_idim of before.
    """
    of_tasks, came = stored.get(BY_TASK, {}), given.get(BY_TASK, {})
    trained = schema.trainings.c.task
    new = {
        task: came[task]
        for task in came.keys() - of_tasks.keys()
        if not came[task] or connection.execute(select(trained).where(trained == task).limit(1)).first() is None
    }
    return {**stored, BY_TASK: {**of_tasks, **new}} if new else stored


def _is_empty(connection: Connection) -> bool:
    """Whether nothing has been trained and nothing is being trained."""
    tables = (schema.trainings, schema.claims)
    return all(connection.execute(select(table.c.key).limit(1)).first() is None for table in tables)


def _check_settings(
    stored: Mapping[str, Any], given: Mapping[str, Any], location: Location, connection: Connection
) -> None:
    has, came = _flat(stored), _flat(given)
    names = sorted(has.keys() | came.keys())
    different = [name for name in names if not _equal(has.get(name, _MISSING), came.get(name, _MISSING))]
    if not different:
        return
    lines = [
        f"  {name}: the ledger has {_shown(has.get(name, _MISSING))}, came {_shown(came.get(name, _MISSING))}"
        for name in different
    ]
    back = "the setting as it was" if len(different) == 1 else "the settings as they were"
    advice = f"{location.elsewhere}, or {back}"
    if location.path is not None and _is_empty(connection):
        advice += "; or delete this ledger, which holds no training, if no other run is about to use it"
    raise UserError("\n".join([f"ledger {location.name} was made with other settings:", *lines, advice]))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _equal(left: Any, right: Any) -> bool:
    # Python holds that True == 1; a setting that became a number is another one.
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _shown(value: Any) -> str:
    return "nothing" if value is _MISSING else json.dumps(value, ensure_ascii=False)
