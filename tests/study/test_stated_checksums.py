"""A series that states the checksums of its weights after it was measured: nothing is trained anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file, save_file

from lit_idim.d90 import TrainingId
from lit_idim.ledger import Ledger, TrainingRecord
from lit_idim.series import load_series
from lit_idim.series.verification import verify_series
from lit_idim.study.cell import PreparedCell, load_cells
from lit_idim.study.preparation import as_measured, prepare
from lit_idim.study.settings import StudySettings, TrainingSettings
from lit_idim.study.training import Trainings
from tests.ledger.conftest import make_record

from .tiny_study import read_table, run, write_config

IS_TRAINED = " rate "


def state_checksums(series: Path) -> None:
    stated = {report.step: report.checksum for report in verify_series(load_series(str(series)))}
    assert all(stated.values())
    (series / "checksums.yaml").write_text(yaml.safe_dump(stated))
    assert dict(load_series(str(series)).checksums) == stated


@pytest.fixture(scope="module")
def trainings() -> Trainings:
    return Trainings()


@pytest.fixture(scope="module")
def stating(trainings: Trainings) -> PreparedCell:
    """A cell of SAID whose series states its checksums."""
    settings = StudySettings(
        series=("toy-L2-H128",),
        steps=(4000,),
        tasks=("toy-opinion",),
        training=TrainingSettings(num_updates=20, max_length=32, max_train_examples=64, max_dev_examples=32),
    )
    (cell,) = load_cells(settings)
    return prepare(cell, settings, trainings)


@pytest.fixture(scope="module")
def former(stating: PreparedCell, trainings: Trainings) -> PreparedCell:
    """The same as it was before they were stated."""
    cell = replace(stating.cell, series=replace(stating.cell.series, checksums={}))
    return prepare(cell, stating.settings, trainings)


def record_of(cell: PreparedCell, **changes: Any) -> TrainingRecord:
    one = make_record(
        model=cell.cell.series.name,
        checkpoint=cell.cell.checkpoint,
        task=cell.cell.task,
        checksums={"weights": changes.pop("weights")},
        **{"method": "said", "d": 100, "rate": 0, "replicate": 0, **changes},
    )
    return replace(one, key=cell.key(TrainingId(one.d, one.rate, one.replicate)))


def test_the_ledger_s_keys_are_those_of_the_cell(
    stating: PreparedCell, former: PreparedCell, trainings: Trainings
) -> None:
    weights = former.checksums["weights"]
    assert weights != stating.checksums["weights"]
    olds = [record_of(former, weights=weights, replicate=number) for number in range(3)]
    news = [record_of(stating, weights=weights, replicate=number) for number in range(2)]
    # What another method has trained tells nothing of this one; its d may be too small for it.
    of_another = [replace(olds[0], method="did", d=d) for d in range(1, 9)]

    def kept(*records: TrainingRecord) -> str:
        return as_measured(stating, lambda: [*of_another, *records], trainings).checksums["weights"]

    assert kept() == kept(*news) == kept(*news, *olds[:2]) == stating.checksums["weights"]
    assert kept(*olds) == kept(*olds, *news) == weights
    full = record_of(former, weights=weights, method="full", d=None)
    assert kept(full) == weights
    assert kept(replace(olds[0], task="toy-topic")) == stating.checksums["weights"]


def test_other_weights_are_not_those_of_the_ledger(stating: PreparedCell, trainings: Trainings) -> None:
    other = replace(stating, checksums=stating.checksums | {"weights": "0" * 16})
    records = [record_of(other, weights="0" * 16)]
    assert as_measured(stating, lambda: records, trainings) is stating


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
