"""The machine itself: a disk that fills up, a clock that jumps, a home that cannot be written."""

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import torch

from lit_idim.training import SubspaceClassifier

from .case import Case
from .fault import Result, Skipped, conclude, fault

DAY_SECONDS = 86400.0
TOLERANCE = 0.021  # two of a hundred dev examples


@fault("disk full", is_quick=True)
def disk_full(case: Case) -> Result:
    """The outputs lie on a small disk of memory, which another file fills while the study runs."""
    case.out.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", case.out], capture_output=True)
    if mounted.returncode:
        raise Skipped("a file system in memory cannot be mounted here")
    try:
        study = case.start()
        case.strike_at_random(study)
        filler = case.out / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        code = study.end()
        note = case.last_error()
        filler.unlink(missing_ok=True)
        case.remember()
        return conclude(case, case.go_on(), note=note[:150], is_told=code in (0, 2) and (code == 0 or bool(note)))
    finally:
        subprocess.run(["umount", "-l", case.out], check=False)


@fault("largest file size reached")
def file_size(case: Case) -> Result:
    limit = 1024 * case.random.randrange(60, 200)

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    code = case.start(setup=limited).end()
    note = case.last_error()
    case.remember()
    return conclude(case, case.go_on(), note=note[:150], is_told=code in (0, 2) and (code == 0 or bool(note)))


@fault("clock jumps", is_quick=True)
def clock_jumps(case: Case) -> Result:
    """By up to ten days to and fro, at every tenth look on average."""
    random, now = case.random, time.time

    def jumping() -> None:
        offset = [0.0]

        def jumped() -> float:
            if random.random() < 0.1:
                offset[0] = random.uniform(-10, 10) * DAY_SECONDS
            return now() + offset[0]

        time.time = jumped

    study = case.start(setup=jumping)
    case.strike_at_random(study)
    study.kill()
    case.remember()
    return conclude(case, case.start(setup=jumping).end())


@fault("read-only home", is_quick=True)
def read_only_home(case: Case) -> Result:
    """/proc takes no files, not even of root."""
    if not Path("/proc/self").is_dir():
        raise Skipped("no /proc")

    def homeless() -> None:
        for name in ("LIT_IDIM_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "HF_HOME"):
            os.environ.pop(name, None)
        os.environ["HOME"] = "/proc/self"
        tempfile.tempdir = str(case.folder)

    code = case.start(setup=homeless).end()
    is_told = "cannot be written" in case.studies[-1].shown
    return conclude(case, code, note="the encoding cache is done without", is_told=is_told)


@fault("out of memory", is_quick=True)
def out_of_memory(case: Case) -> Result:
    """No more than 4 of the 16 examples of an update fit; without dropout the scores are those of whole batches."""
    forward = SubspaceClassifier.forward

    def forgetful(module: SubspaceClassifier, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if module.training and len(batch["labels"]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate a lot")
        return forward(module, batch)

    def small() -> None:
        SubspaceClassifier.forward = forgetful  # type: ignore[method-assign, assignment]

    code = case.start(setup=small).end()
    assert case.reference is not None
    expected, found = case.reference.finished(), case.finished()
    differing = [key for key in expected if key not in found or abs(expected[key].score - found[key].score) > TOLERANCE]  # type: ignore[operator]
    is_told = all("micro-batches of 4" in (record.reason or "") for record in found.values())
    has_failed = bool(code) or not is_told or bool(case.tracebacks())
    exact = sum(key in found and expected[key].score == found[key].score for key in expected)
    note = f"{exact} of {len(expected)} scores are those of whole batches exactly, the others to an example or two"
    return Result(survived=not has_failed, lost=len(differing), note=note)
