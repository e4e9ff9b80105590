"""Passwords and keys never end in a ledger, table, log, manifest, config or report."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.series.reading import read_series
from lit_idim.study import run
from lit_idim.study.reporting import report_from_ledger, write_study_report
from lit_idim.study.run import check_names, measure

from .simulated import LABELS, SimulatedTrainings, load_all, settings_of
from .tiny_study import environment_of_tests, write_config
from .tiny_study import run as run_study

SECRET = "hush-3f9c1d"
SECRETS = {
    "HF_TOKEN": f"hf_{SECRET}",
    "HUGGING_FACE_HUB_TOKEN": f"hf_{SECRET}",
    "WANDB_API_KEY": f"{SECRET}{'0' * 30}",
    "RAY_REDIS_PASSWORD": SECRET,
    "PGPASSWORD": SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET,
}
URL = f"postgresql://ada:{SECRET}@127.0.0.1:1/d90"


def holding_the_secret(folder: Path) -> list[str]:
    """Files with the secret in their content or name."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in found if SECRET in str(path) or SECRET.encode() in path.read_bytes()]


@pytest.fixture
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def test_the_search_can_find(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"password={SECRET}")
    assert holding_the_secret(tmp_path)


@pytest.mark.usefixtures("_secrets")
@pytest.mark.parametrize("url", [URL, f"postgresql://127.0.0.1/d90?user=ada&password={SECRET}"])
def test_a_study_on_a_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    open_ledger, opened = Ledger.open, []

    def open_here(address: Any, **options: Any) -> Ledger:
        opened.append(str(address))
        return open_ledger(tmp_path / "server.sqlite", **options)

    settings = settings_of(steps=(1000, 4000), tasks=("toy-sst2",))
    monkeypatch.setattr("lit_idim.study.cell.load_series", lambda name: load_all((name,))[0])
    monkeypatch.setattr(run, "labels_of", lambda settings: dict.fromkeys(settings.tasks, LABELS))
    monkeypatch.setattr("lit_idim.study.driver.Trainings", lambda: SimulatedTrainings(settings))
    monkeypatch.setattr(Ledger, "open", open_here)
    out = tmp_path / "out"
    result = measure(settings, out, study="pretrain_curve", ledger=url)
    report = write_study_report(out, settings, result.rows, result.records, result.curves)
    assert opened == [url] and "postgresql://" in (out / "config.yaml").read_text()
    assert {"config.yaml", "manifest.json", "trials.csv", "d90.csv", report.name} <= {
        path.name for path in out.iterdir()
    }
    assert holding_the_secret(tmp_path) == []
    report_from_ledger(out, ledger=str(tmp_path / "server.sqlite"))
    assert holding_the_secret(tmp_path) == []


@pytest.mark.slow
def test_a_study_with_keys_in_the_environment(tmp_path: Path) -> None:

    config = write_config(tmp_path, head_baseline=False, steps=[100])
    environment = {**environment_of_tests(), **SECRETS}
    done = run_study("--config", config, "--out", tmp_path / "out", cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").is_file() and (tmp_path / "out" / "ledger.sqlite").is_file()
    assert SECRET not in done.stdout + done.stderr
    assert holding_the_secret(tmp_path) == []


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    words = ["--ledger", URL, "--out", str(tmp_path / "out"), "--steps=[0]", "--threads=1"]
    script = "import sys, runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    study = run_study_path()
    done = subprocess.run(
        [sys.executable, "-c", script, study, *words], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, **SECRETS},
    )  # fmt: skip
    assert done.returncode == 2 and "ledger" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert holding_the_secret(tmp_path) == []


def run_study_path() -> str:
    from lit_idim.resources import resource_path

    return str(resource_path("studies") / "pretrain_curve.py")


def test_a_folder_of_data_is_no_address() -> None:
    with pytest.raises(UserError, match="data_dir: expected a folder of this machine") as caught:
        check_names(settings_of(data_dir=f"https://ada:{SECRET}@server/glue"))
    assert SECRET not in str(caught.value)


def test_a_series_keeps_no_password(tmp_path: Path) -> None:
    source = {"kind": "tar", "url": f"https://ada:{SECRET}@server/{{step}}.tar"}
    (tmp_path / "series.yaml").write_text(yaml.safe_dump({"name": "own", "source": source, "steps": [0]}))
    with pytest.raises(UserError, match=r"source.url holds a user or password") as caught:
        read_series(tmp_path / "series.yaml")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "address", [f"https://ada:{SECRET}@server/a", f"s3://:{SECRET}@host", f"redis://a:{SECRET}@@host:1/x"]
)
def test_a_message_keeps_no_password(address: str) -> None:
    assert SECRET not in str(UserError(f"series {address!r} is not registered"))
