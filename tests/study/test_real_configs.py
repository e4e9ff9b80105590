"""Both real configs end to end: checkpoints and data come over HTTP, from a server on this machine."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lit_idim.resources import resource_path
from lit_idim.study.tables import read_d90

from ..hub_server.server import HubServer, serve_hub  # noqa: TID252 (tests are no package that could be named)

pytestmark = pytest.mark.slow

TASKS = ("mrpc", "qqp", "yelp_polarity", "sst2", "mnli", "anli")
UPDATES = {"mrpc": 4, "sst2": 40}
# Two of eleven steps: the whole set of 66 cells and heads takes several minutes.
STEPS = (0, 200_000)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with serve_hub() as server:
        yield server


def reduced(name: str) -> dict[str, Any]:
    """A shipped config with few examples and trainings."""
    config: dict[str, Any] = yaml.safe_load((resource_path("configs") / "pretrain_curve" / f"{name}.yaml").read_text())
    config["steps"] = list(STEPS)
    config["training"] |= {"max_train_examples": 64, "max_dev_examples": 60}
    config["task_training"]["mrpc"]["epochs"] = 2
    config["task_training"]["anli"]["max_train_examples"] = 64
    # One task is learned, so that its searches go on to subspaces: by more updates, and rates for 16 hidden units.
    config["task_training"]["sst2"] |= {"max_train_examples": 160, "epochs": 8}
    config["search"] |= {"d_max": 200, "max_trainings": 8, "full_learning_rates": [0.003, 0.01, 0.03]}
    return config


@pytest.mark.parametrize("name", ["probe_across_time", "multiberts"])
def test_the_main_job_on_the_real_configs(hub: HubServer, tmp_path: Path, name: str) -> None:
    config = reduced(name)
    if name == "probe_across_time":
        config["series"] = [str(hub.write_mirror(tmp_path))]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    script = resource_path("studies") / "pretrain_curve.py"
    words = ["--config", "config.yaml", "--out", "out", "--threads", "1"]
    ended = subprocess.run(
        [sys.executable, str(script), *words],
        cwd=tmp_path,
        env=hub.environment(tmp_path / "caches") | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    rows = read_d90(tmp_path / "out" / "d90.csv")
    assert sorted((row.task, row.pretraining_step) for row in rows) == sorted(
        (task, step) for task in TASKS for step in STEPS
    )
    assert "failed" not in {row.status for row in rows} and all(row.method == "said" for row in rows)
    assert {(row.task, row.num_updates) for row in rows} == {(task, UPDATES.get(task, 2)) for task in TASKS}
    assert all(row.learning_rates_tried for row in rows if row.task == "sst2")  # subspaces were run
    fetched = [path for method, path in hub.requests if method == "GET"]
    for step in STEPS:
        kind = f"checkpoint-{step}.tar" if name == "probe_across_time" else f"step_{step // 1000}k/resolve/"
        assert any(kind in path for path in fetched)
