"""A series that states the checksums of its weights after it was measured: nothing is trained anew."""

from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file, save_file

from lit_idim.ledger import Ledger
from lit_idim.series import load_series
from lit_idim.series.verification import verify_series

from .tiny_study import read_table, run, write_config

IS_TRAINED = " rate "


def state_checksums(series: Path) -> None:
    stated = {report.step: report.checksum for report in verify_series(load_series(str(series)))}
    assert all(stated.values())
    (series / "checksums.yaml").write_text(yaml.safe_dump(stated))
    assert dict(load_series(str(series)).checksums) == stated


@pytest.mark.slow
def test_checksums_that_are_stated_later_find_what_was_measured(tmp_path: Path) -> None:
    config, out, series = write_config(tmp_path, workers=1), tmp_path / "out", tmp_path / "tiny"
    words = ("--config", config, "--search.max_trainings", 6, "--out", out)
    first = run(*words, cwd=tmp_path)
    assert first.returncode == 0 and IS_TRAINED in first.stdout, first.stderr
    measured, num_trainings = read_table(out / "d90.csv"), len(Ledger.read(out / "ledger.sqlite").records())

    state_checksums(series)
    again = run(*words, cwd=tmp_path)
    assert again.returncode == 0 and IS_TRAINED not in again.stdout, again.stderr
    assert read_table(out / "d90.csv") == measured

    # A larger budget goes on under the same keys, and is found again.
    words = ("--config", config, "--search.max_trainings", 9, "--out", out)
    more = run(*words, cwd=tmp_path)
    assert more.returncode == 0 and IS_TRAINED in more.stdout, more.stderr
    assert " in full, " not in more.stdout
    assert IS_TRAINED not in run(*words, cwd=tmp_path).stdout

    # Other weights under other checksums are another model.
    weights = series / "step-100" / "model.safetensors"
    save_file({name: 2 * tensor for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    state_checksums(series)
    other = run(*words, cwd=tmp_path)
    assert other.returncode == 0 and "tiny/step-100 sst2 said: in full" in other.stdout, other.stdout
    assert "tiny/step-0 sst2 said: in full" not in other.stdout
    assert len(Ledger.read(out / "ledger.sqlite").records()) > num_trainings


@pytest.mark.slow
def test_checksums_that_are_stated_from_the_start_are_those_of_the_keys(tmp_path: Path) -> None:
    config, out = write_config(tmp_path, workers=1), tmp_path / "out"
    state_checksums(tmp_path / "tiny")
    words = ("--config", config, "--steps", "[100]", "--search.max_trainings", 6, "--out", out)
    assert IS_TRAINED in run(*words, cwd=tmp_path).stdout
    assert IS_TRAINED not in run(*words, cwd=tmp_path).stdout
