"""A study on Ray: the table of a study without it, also when a node dies in its midst."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study import ray_engine as ray_engine_module
from lit_idim.study.ray_engine import ray_engine
from lit_idim.study.run_options import RunOptions, _check_engine

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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ray_address": "127.0.0.1:6379"}, "ray_address: has no effect without Ray"),
        ({"gpus_per_training": 0.5}, "gpus_per_training: has no effect without Ray"),
        (
            {"engine": "ray", "gpus_per_training": 1.5},
            "gpus_per_training: expected a share of one GPU or a whole number",
        ),
        ({"engine": "ray", "workers": 0}, "workers: expected at least 1, got 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        _check_engine(RunOptions(out=Path("out"), **options))


def test_what_srun_has_set_for_a_node_s_ray_is_not_about_trainings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else each training would wait for the others, or train together with them."""
    monkeypatch.setattr(ray_engine_module, "_here", {})
    monkeypatch.setattr(ray_engine_module, "Trainings", lambda: SimpleNamespace(run=lambda request: dict(os.environ)))
    for name in ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "WORLD_SIZE", "RANK"):
        monkeypatch.setenv(name, "3")
    before, num_threads = dict(os.environ), torch.get_num_threads()
    seen = ray_engine_module.train_in_worker(None, ("toy-sst2",), 1, "highest", {"LT_ACCELERATOR": "cpu"}, {})
    assert not {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "WORLD_SIZE", "RANK"} & set(seen)
    assert seen["LT_ACCELERATOR"] == "cpu"
    torch.set_num_threads(num_threads)
    os.environ.pop("LT_ACCELERATOR")
    os.environ.update({name: before[name] for name in before if name not in os.environ})


def test_a_worker_with_other_versions_is_refused() -> None:
    with pytest.raises(UserError, match=r"has torch .*, the started process 1\.0; install the same versions"):
        ray_engine_module.train_in_worker(None, (), 1, "highest", {}, {"torch": "1.0"})


def test_what_listens_and_is_no_ray_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine_module, "_HEALTH_SECONDS", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with (
            pytest.raises(UserError, match=f"ray_address: what listens at {address} does not speak as a Ray does"),
            ray_engine(settings_of(), address=address, workers=1, threads=1, num_gpus=None),
        ):
            pass


def test_sigterm_stays_the_study_s_own() -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with ray_engine(settings_of(), address=None, workers=1, threads=1, num_gpus=None) as engine:
        assert engine.num_free() == engine.room() == 1
        assert signal.getsignal(signal.SIGTERM) == handler


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(UserError, match=r"pip install 'lit-idim\[ray\]'"),
        ray_engine(settings_of(), address=None, workers=1, threads=1, num_gpus=None),
    ):
        pass
