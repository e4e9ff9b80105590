"""What a study leans on goes away: PostgreSQL, a node of Ray, the network."""

import contextlib
import os
import subprocess
import time
from importlib.util import find_spec

from ..hub_server.server import serve_hub  # noqa: TID252 (tests are no package that could be named)
from ..ledger.postgresql import PostgresqlServer  # noqa: TID252
from ..study.tiny_study import command, environment_of_tests  # noqa: TID252
from .case import PATIENCE_SECONDS, Case
from .fault import Result, Skipped, conclude, fault


@fault("PostgreSQL killed, back at once")
def postgresql_killed(case: Case) -> Result:
    return _postgresql(case, away_seconds=case.random.uniform(0, 3))


@fault("PostgreSQL killed, away for long")
def postgresql_away(case: Case) -> Result:
    return _postgresql(case, away_seconds=None)


def _postgresql(case: Case, *, away_seconds: float | None) -> Result:
    if not PostgresqlServer.is_installed() or find_spec("psycopg") is None:
        raise Skipped("no PostgreSQL server, or no psycopg")
    with PostgresqlServer.running(fsync=True) as server:
        case.words = ["--ledger", f"postgresql://ada@/postgres?host={server.folder}"]
        study = case.start()
        case.strike_at_random(study)
        case.remember()
        was_running = study.is_running()
        server.kill()
        if away_seconds is None:
            study.end()
        else:
            time.sleep(away_seconds)
        for _ in range(20):  # what the killed process has left needs a moment to end
            with contextlib.suppress(subprocess.CalledProcessError):
                server.start()
                break
            time.sleep(0.5)
        code, note = study.end(), case.last_error()
        # One that was killed before the study had reached it is refused like any that is not there.
        is_refused = code == 2 and "the server cannot be used" in note
        is_told = code == 0 or is_refused or (away_seconds is None and code == 2 and "connection was lost" in note)
        case.remember()
        code = case.go_on()
        return conclude(case, code, note=note[:150] or "went on by itself", is_told=is_told or not was_running)


@fault("Ray node killed")
def ray_node_killed(case: Case) -> Result:
    if find_spec("ray") is None:
        raise Skipped("no Ray")
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        doomed = cluster.add_node(num_cpus=1)
        words = ["--config", case.config, "--out", case.out, "--engine", "ray", "--ray_address", cluster.address]
        with (case.folder / "ray.log").open("wb") as log:
            study = subprocess.Popen(command(*words), env=environment_of_tests(), stdout=log, stderr=log)
        deadline, wanted = time.monotonic() + PATIENCE_SECONDS, 1 + case.random.randrange(4)
        while study.poll() is None and len(case.finished()) < wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        case.remember()
        cluster.remove_node(doomed, allow_graceful=False)
        code = study.wait(PATIENCE_SECONDS)
    finally:
        with contextlib.suppress(Exception):
            ray.shutdown()
        cluster.shutdown()
    return conclude(case, code, note=f"{len(case.before)} finished before; one of two nodes")


@fault("no network")
def no_network(case: Case) -> Result:
    return _network(case, words="", is_down=True)


@fault("slow network")
def slow_network(case: Case) -> Result:
    return _network(case, words="", is_down=False)


def _network(case: Case, *, words: str, is_down: bool) -> Result:
    """The checkpoint's folder is there, and a second series is to be downloaded beside it."""
    with serve_hub() as hub:
        environment = environment_of_tests() | hub.environment(case.folder)
        mirror = hub.write_mirror(case.folder)
        fetch = ["-m", "lit_idim.commands.main", "checkpoints", "verify", str(mirror), "--steps", "0"]
        program = [command()[0], *fetch]
        answer = hub.RequestHandlerClass.do_GET

        def slowly(handler: object) -> None:
            time.sleep(1.0)
            if is_down:
                os.close(os.dup(handler.connection.fileno()))  # type: ignore[attr-defined]
                handler.close_connection = True  # type: ignore[attr-defined]
                handler.connection.close()  # type: ignore[attr-defined]
                return
            answer(handler)

        hub.RequestHandlerClass.do_GET = slowly
        try:
            first = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        finally:
            hub.RequestHandlerClass.do_GET = answer
        again = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    shown = (first.stdout + first.stderr).strip()
    has_traceback = "Traceback" in shown + again.stderr
    ok = again.returncode == 0 and not has_traceback and (first.returncode == 0) != is_down
    told = shown.splitlines()[-1] if shown else ""
    note = f"{first.returncode} then {again.returncode}: {told}".replace(str(case.folder), "DIR")
    return Result(survived=ok, lost=0, note=note[:220])
