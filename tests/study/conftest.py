"""A whole study with simulated trainings."""

from pathlib import Path
from typing import Any

import pytest

from lit_idim.study import run
from lit_idim.study.run import StudyResult, measure
from lit_idim.study.settings import StudySettings

from .simulated import LABELS, Measure, SimulatedTrainings, load_all


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Measure:
    """Measures a study into `tmp_path / "out"` without figures; the result, and what was run."""
    monkeypatch.setattr("lit_idim.study.cell.load_series", lambda name: load_all((name,))[0])
    monkeypatch.setattr(run, "labels_of", lambda settings: dict.fromkeys(settings.tasks, LABELS))
    monkeypatch.setattr(run, "draw_figures", lambda *arguments: [])

    def measured(
        settings: StudySettings, trainings: SimulatedTrainings | None = None, **options: Any
    ) -> tuple[StudyResult, SimulatedTrainings]:
        trainings = trainings or SimulatedTrainings(settings)
        trainings.settings = settings
        monkeypatch.setattr("lit_idim.study.driver.Trainings", lambda: trainings)
        return measure(settings, tmp_path / "out", study="simulated", **options), trainings

    return measured
