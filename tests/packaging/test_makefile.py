"""`make gpu` runs what needs a GPU, or says at once that there is none."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    given = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(["make", *words, *given], cwd=REPOSITORY, capture_output=True, text=True)


def test_help_lists_it() -> None:
    assert "gpu\trun all that needs a GPU" in make("help").stdout


def test_all_that_it_runs_is_there() -> None:
    commands = make("--dry-run", "gpu", ARGS="--repeats 3").stdout
    study = "studies/projection_cost.py --device cuda --sweep true --out outputs/gpu/projection_cost --repeats 3"
    assert study in commands
    modules = set(re.findall(r"-m (lit_idim[\w.]+)", commands))
    assert modules == {"lit_idim.cost.profile", "lit_idim.cost.batched"}
    assert all(find_spec(module) for module in modules)
    paths = re.findall(r" ((?:tests|studies|checkpoints)/\S+)", commands)
    assert {"tests/projections/gpu", "tests/subspace/test_fused_weights.py"} <= set(paths)
    assert all((REPOSITORY / path).exists() for path in paths)


def test_without_a_gpu_it_ends_before_anything_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("make", "sh", "grep"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path))
    out = make("gpu", VENV=str(tmp_path / "venv"))
    assert out.returncode == 2
    assert "make gpu: this machine has no NVIDIA GPU" in out.stderr
    assert not (tmp_path / "venv").exists()
