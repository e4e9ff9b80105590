"""Files that are damaged fail the cells of their checkpoint, by a reason that names it; the others are measured."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from lit_idim.d90 import SearchSettings
from lit_idim.ledger import Ledger
from lit_idim.series import load_series
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import cells_of
from lit_idim.study.driver import Driver
from lit_idim.study.progress import Progress
from lit_idim.study.settings import StudySettings, TrainingSettings

from .tiny_study import STEPS, write_data, write_series


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def replace_by(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "truncated weights": ("model.safetensors", truncate),
    "weights that are a web page": ("model.safetensors", replace_by("<html>")),
    "no weights": ("model.safetensors", Path.unlink),
    "truncated config": ("config.json", truncate),
    "empty config": ("config.json", replace_by("{}")),
    "no config": ("config.json", Path.unlink),
    "damaged tokenizer": ("tokenizer.json", replace_by("{")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_fail_their_own_cells(tmp_path: Path, damage: str) -> None:
    series = write_series(tmp_path / "tiny")
    settings = StudySettings(
        series=(series,),
        steps=STEPS,
        tasks=("sst2",),
        data_dir=write_data(tmp_path / "data"),
        training=TrainingSettings(num_updates=2, max_length=16, max_train_examples=64, max_dev_examples=20),
        search=SearchSettings(d_max=100, max_trainings=4, full_replicates=2, full_learning_rates=(1e-9, 1e-8)),
    )
    name, harm = DAMAGES[damage]
    harm(tmp_path / "tiny" / f"step-{STEPS[0]}" / name)
    cells = cells_of(settings, [load_series(series)])
    progress = Progress(cells, settings.search, stream=io.StringIO())
    with Ledger.open(tmp_path / "ledger.sqlite", settings=settings_to_agree(settings)) as ledger:
        states = {state.cell.step: state for state in Driver(settings, cells, ledger, progress).run()}
    broken, sound = (states[step] for step in STEPS)
    assert broken.reason and not broken.records, damage
    assert "step-0" in broken.reason and "\n" not in broken.reason
    assert sound.reason is None and sound.has_ended and sound.results
