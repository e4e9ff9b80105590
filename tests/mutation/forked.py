"""Tests of a mutated copy in forked processes: libraries are imported once, the package anew each time."""

import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from tests.mutation.operators import Mutant
from tests.mutation.subsets import FRESH_KERNELS, SUBSETS

PACKAGES = ("lit_idim", "tests", "conftest")


def copy_repository(root: Path, target: Path) -> None:
    """What the tests need."""
    for name in ("lit_idim", "tests", "configs", "studies", "checkpoints"):
        shutil.copytree(root / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(root / name, target / name)


def enter(copy: Path) -> None:
    """Makes the copy the place that modules are imported from, with the libraries they need imported already."""
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(copy))
    import hypothesis  # noqa: F401
    import pytest  # noqa: F401
    import scipy.optimize
    import scipy.stats  # noqa: F401

    _forget_the_package()
    for package in ("projections", "d90", "certificate"):
        for module in pkgutil.iter_modules([str(copy / "lit_idim" / package)]):
            import_module(f"lit_idim.{package}.{module.name}")
    origin = sys.modules["lit_idim.d90.search"].__file__
    assert origin is not None and Path(origin).is_relative_to(copy), origin


def outcome(copy: Path, mutant: Mutant | None, path: str, limit_seconds: float) -> tuple[str, float, str]:
    """Tests a mutant of `path`, or the file as it is: "killed", "survived" or "timeout"; seconds; pytest's words."""
    source = (copy / path).read_bytes()
    started = time.monotonic()
    with tempfile.NamedTemporaryFile(dir=copy, suffix=".log") as log:
        try:
            if mutant is not None:
                (copy / path).write_bytes(mutant.apply(source))
            child = os.fork()
            if child == 0:
                _test(path, Path(log.name))
            status = _wait(child, limit_seconds)
        finally:
            (copy / path).write_bytes(source)
        said = Path(log.name).read_text(errors="replace")
    result = "timeout" if status is None else "survived" if status == 0 else "killed"
    return result, time.monotonic() - started, said


def _wait(child: int, limit_seconds: float) -> int | None:
    end = time.monotonic() + limit_seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _test(path: str, log: Path) -> None:
    """In the child: never returns."""
    os.setsid()
    code = 99
    try:
        descriptor = os.open(log, os.O_WRONLY)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        import numba
        import pytest

        if path in FRESH_KERNELS:
            numba.config.CACHE_DIR = tempfile.mkdtemp(dir=log.parent)
        _forget_the_package()
        files, selection = SUBSETS[path]
        present = [name for name in (*files, path) if Path(name).exists()]
        options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not slow", "-k", selection]
        code = pytest.main([*options, *present])
    finally:
        os._exit(int(code))


def _forget_the_package() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
