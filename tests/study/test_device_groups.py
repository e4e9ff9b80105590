"""Several devices for each training without a launcher, and workers that have several each."""

import multiprocessing
import os
import re
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from lit_idim.errors import UserError
from lit_idim.study.device_groups import DeviceGroup
from lit_idim.study.workers import _tell_of_lost
from tests.forked import ForkedScript

from .test_ranks import numbers, without_dropout
from .tiny_study import STUDY, environment_of_tests, read_table, run, write_config

PATCHED = """
import os, runpy, signal, time
from pathlib import Path
from lit_idim.study.shared_trainings import SharedTrainings
run, done = SharedTrainings.run, []
def watched(trainings, request):
    Path({folder!r}, f"{{os.environ['RANK']}}-{{os.getpid()}}").touch()
    deadline = time.monotonic() + 120
    while {groups} > len(list(Path({folder!r}).glob("0-*"))) and time.monotonic() < deadline:
        time.sleep(0.1)  # a group that has begun a training waits for the others to begin one
    if len(done) == 3 and os.environ["RANK"] == "{breaks}":
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(run(trainings, request))
    return done[-1]
SharedTrainings.run = watched
if __name__ == "__main__":  # the processes that are started import this file, too
    from lit_idim.commands.study import run_study
    raise SystemExit(run_study(runpy.run_path({study!r})["pretrain_curve"]))
"""


@pytest.mark.parametrize(
    ("visible", "size", "expected"),
    [
        (None, 1, ["0", "1", "2", "3", "0"]),
        (None, 2, ["0,1", "2,3", "0,1", "2,3", "0,1"]),
        (None, 3, ["0,1,2", "3,0,1", "2,3,0", "1,2,3", "0,1,2"]),
        ("7,5,GPU-a, GPU-b", 2, ["7,5", "GPU-a,GPU-b", "7,5", "GPU-a,GPU-b", "7,5"]),
    ],
)
def test_gpus_are_dealt_out_in_turn(
    visible: str | None, size: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    for worker, gpus in enumerate(expected):
        with DeviceGroup.of_worker(worker, size).seen():
            assert os.environ["CUDA_VISIBLE_DEVICES"] == gpus
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == visible


def test_there_is_nothing_to_deal_out_without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with DeviceGroup.of_worker(1, 2).seen():
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LT_ACCELERATOR", "cpu")
    assert DeviceGroup.of_worker(0, 3) == DeviceGroup(size=3)


@pytest.mark.parametrize(("size", "count", "expected"), [(0, 0, "at least 1, got 0"), (3, 2, "at most 2, the GPUs")])
def test_more_devices_than_there_are_are_refused(
    size: int, count: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("LT_ACCELERATOR", raising=False)
    with pytest.raises(UserError, match=f"devices_per_training: .*{expected}"):
        DeviceGroup.of_worker(0, size)


@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        (("--devices_per_training", 0), {}, "devices_per_training: expected a whole number of at least 1"),
        (("--devices_per_training", 3), {}, "training.batch_size: it counts the examples over all devices"),
        (("--devices_per_training", 2, "--engine", "ray"), {}, "leave it out, or leave out --engine ray"),
        (
            ("--devices_per_training", 2),
            {"WORLD_SIZE": "2", "RANK": "0"},
            "devices_per_training: 2 processes were started together",
        ),
    ],
)
def test_what_does_not_fit_is_refused_at_once(
    tmp_path: Path, words: tuple[object, ...], environment: dict[str, str], expected: str
) -> None:
    config = write_config(tmp_path)
    environment = {**environment_of_tests(), "CUDA_VISIBLE_DEVICES": "", **environment}
    refused = run("--config", config, "--out", tmp_path / "out", *words, cwd=tmp_path, environment=environment)
    assert refused.returncode == 2, refused.stderr
    assert expected in refused.stderr and "Traceback" not in refused.stderr
    assert not (tmp_path / "out").exists()


def test_a_worker_that_is_lost_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=os._exit, args=(code,), name=f"worker {code}") for code in (0, 3)]
    for process in processes:
        process.start()
    _tell_of_lost(processes, threading.Event())
    assert capsys.readouterr().err == "worker 3 has ended (exit code 3); the others train what it was training\n"


@pytest.mark.slow
@pytest.mark.ddp
def test_workers_of_two_devices_measure_what_one_does(tmp_path: Path) -> None:
    words = ("--config", without_dropout(tmp_path), "--search.max_trainings=7")
    alone = run(*words, "--out", tmp_path / "one", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    script, pids = _patched(tmp_path, groups=2)
    groups = _start(script, *words, "--out", tmp_path / "two", "--workers=2", "--devices-per-training=2")
    ended = groups.wait()
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("[2/2]") == 1 and ended.stdout.count("written to") == 1
    assert numbers(tmp_path / "two" / "d90.csv") == numbers(tmp_path / "one" / "d90.csv")
    assert {row["device"] for row in read_table(tmp_path / "two" / "trials.csv")} == {"2 x cpu"}
    assert sorted(path.name[0] for path in pids.iterdir()) == ["0", "0", "1", "1"]  # both groups have trained
    _require_ended(pids)


@pytest.mark.slow
@pytest.mark.ddp
@pytest.mark.parametrize("breaks", ["0", "1"])
def test_a_group_ends_with_each_of_its_processes(tmp_path: Path, breaks: str) -> None:
    config = write_config(tmp_path, head_baseline=False)
    script, pids = _patched(tmp_path, breaks=breaks)
    words = ("--config", config, "--out", tmp_path / "out", "--steps=[100]", "--search.max_trainings=6")
    broken = _start(script, *words, "--devices-per-training", 2).wait(timeout=100)
    errors = broken.stderr
    assert broken.returncode == (-9 if breaks == "0" else 1), errors
    assert broken.stdout.count(" in full, ") == 3
    if breaks == "1":
        # Told by who sees it first: who watches the processes, or rank 0 by its broken connection.
        assert re.search(r"^rank (1 of 2 has ended \(exit code -9\)|0 of 2 on \S+: \w+: )", errors, re.MULTILINE)
        assert "the same command goes on" in errors
    _require_ended(pids)
    again = run(*words, "--devices-per-training", 2, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    trials = read_table(tmp_path / "out" / "trials.csv")
    assert len({trial["key"] for trial in trials}) == len(trials) > 3
    assert again.stdout.count(" rate ") == len(trials) - 3  # what was finished is not repeated


def _patched(folder: Path, *, groups: int = 1, breaks: str = "none") -> tuple[Path, Path]:
    script, pids = folder / "script.py", folder / "pids"
    pids.mkdir()
    script.write_text(PATCHED.format(study=STUDY, folder=str(pids), groups=groups, breaks=breaks))
    return script, pids


def _start(script: Path, *words: object) -> ForkedScript:
    of_torchrun = {
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "WORLD_SIZE": "1",
        "RANK": "0",
    }  # that has started one process
    environment = {**environment_of_tests(), "CUDA_VISIBLE_DEVICES": "", **of_torchrun}
    return ForkedScript(script, *words, environment=environment, cwd=script.parent)


def _require_ended(pids: Path) -> None:
    """All processes that have trained end within seconds."""
    deadline = time.monotonic() + 20
    left = [int(path.name.split("-")[1]) for path in pids.iterdir()]
    while left := [pid for pid in left if _is_running(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _is_running(pid: int) -> bool:
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
