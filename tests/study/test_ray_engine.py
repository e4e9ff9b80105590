"""A study on Ray: the table of a study without it, also when a node dies in its midst."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study.ray_engine import ray_engine
from lit_idim.study.run_options import RunOptions, _engine

from .simulated import settings_of
from .tiny_study import command, environment_of_tests, read_table, run, write_config

pytest.importorskip("ray", reason="needs the extra ray")

SHARED = {"workers": 1, "threads": 1}


@pytest.mark.slow
def test_a_ray_of_this_machine_s_own(tmp_path: Path) -> None:
    config = write_config(tmp_path, **SHARED)
    alone = run("--config", config, "--out", tmp_path / "alone", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    on_ray = run("--config", config, "--out", tmp_path / "ray", "--engine", "ray", "--workers", 2, cwd=tmp_path)
    assert on_ray.returncode == 0, on_ray.stderr
    assert read_table(tmp_path / "ray" / "d90.csv") == read_table(tmp_path / "alone" / "d90.csv")


@pytest.mark.slow
def test_a_node_dies_and_its_trainings_are_run_elsewhere(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    config = write_config(tmp_path, **SHARED)
    alone = run("--config", config, "--out", tmp_path / "alone", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        doomed = cluster.add_node(num_cpus=1)
        words = ("--config", config, "--out", tmp_path / "ray", "--engine", "ray", "--ray_address", cluster.address)
        study = subprocess.Popen(
            command(*words), env=environment_of_tests(), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while study.poll() is None and _num_trainings(tmp_path / "ray" / "ledger.sqlite") < 5:
            time.sleep(0.2)
        assert study.poll() is None, study.communicate()
        cluster.remove_node(doomed, allow_graceful=False)
        output, errors = study.communicate(timeout=200)
    finally:
        cluster.shutdown()
    assert study.returncode == 0, (output, errors)
    assert read_table(tmp_path / "ray" / "d90.csv") == read_table(tmp_path / "alone" / "d90.csv")


def _num_trainings(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with Ledger.read(path) as ledger:
            return len(ledger.records())
    except UserError:  # it is being made
        return 0


@pytest.mark.parametrize(
    ("address", "words"),
    [("nowhere", "expected HOST:PORT or auto"), ("127.0.0.1:1", "nothing answers at 127.0.0.1:1")],
)
def test_a_cluster_that_is_not_there_is_told_at_once(address: str, words: str) -> None:
    started = time.monotonic()
    with (
        pytest.raises(UserError, match=f"ray_address: {words}"),
        ray_engine(settings_of(), address=address, workers=1, threads=1, num_gpus=None),
    ):
        pass
    assert time.monotonic() - started < 30


def test_options_of_ray_without_it_are_refused() -> None:
    options = RunOptions(out=Path("out"), ray_address="127.0.0.1:6379")
    with pytest.raises(UserError, match="ray_address: has no effect without Ray"), _engine(settings_of(), options):
        pass


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(UserError, match=r"pip install 'lit-idim\[ray\]'"),
        ray_engine(settings_of(), address=None, workers=1, threads=1, num_gpus=None),
    ):
        pass
