"""Processes that die without a word: the started one, a worker, two drivers on one ledger."""

import os
import signal
import time
from pathlib import Path

from .case import Case
from .fault import Result, conclude, fault


@fault("driver killed", is_quick=True)
def driver_killed(case: Case) -> Result:
    study = case.start()
    case.strike_at_random(study)
    study.kill()
    case.remember()
    return conclude(case, case.go_on(), note=f"{len(case.before)} finished before")


@fault("driver killed again and again")
def driver_killed_repeatedly(case: Case) -> Result:
    for _ in range(4):
        study = case.start()
        study.reach(case.random.randrange(3))
        time.sleep(case.random.uniform(0, 0.4))
        study.kill()
        case.remember()
    return conclude(case, case.go_on(), note=f"4 times; {len(case.before)} finished before")


@fault("worker killed")
def worker_killed(case: Case) -> Result:
    study = case.start("--workers", 2)
    case.strike_at_random(study)
    killed = [pid for pid in _children(study.pid) if "spawn_main" in _command(pid)]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    case.remember()
    return conclude(case, study.end(), note=f"{len(killed)} killed; {len(case.before)} finished before")


@fault("driver with a worker killed")
def driver_with_worker_killed(case: Case) -> Result:
    study = case.start("--workers", 2)
    case.strike_at_random(study)
    study.kill()
    case.remember()
    return conclude(case, case.go_on(), note=f"{len(case.before)} finished before")


@fault("two drivers", is_quick=True)
def two_drivers(case: Case) -> Result:
    first = case.start()
    time.sleep(case.random.uniform(0, 1))
    second = case.start()
    codes = first.end(), second.end()
    case.remember()
    return conclude(case, max(codes, key=abs), note=f"{first.shown.count(' rate ')} and {second.shown.count(' rate ')}")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
