"""The driver of an engine: whatever order trainings come back in, the table is that of one after the other."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import cells_of
from lit_idim.study.engine import EndedTraining
from lit_idim.study.engine_driver import EngineDriver
from lit_idim.study.progress import Progress
from lit_idim.study.settings import StudySettings
from lit_idim.study.training_request import TrainingRequest

from .simulated import SimulatedTrainings, load_all, open_driver, settings_of, table


class ShuffledEngine:
    """Gives trainings back in any order, its room growing and shrinking."""

    def __init__(self, settings: StudySettings, *, seed: int = 0, most: int = 7) -> None:
        self.trainings, self.most = SimulatedTrainings(settings), most
        self.drawn = random.Random(seed)
        self.flying: dict[str, TrainingRequest] = {}
        self.most_flying = 0
        self.breaks: Callable[[TrainingRequest], bool] = lambda request: False

    def num_free(self) -> int:
        return max(0, self.drawn.randint(0, self.most) - len(self.flying))

    def submit(self, key: str, request: TrainingRequest) -> None:
        assert key not in self.flying
        self.flying[key] = request
        self.most_flying = max(self.most_flying, len(self.flying))

    def wait(self, seconds: float) -> Sequence[EndedTraining]:
        keys = self.drawn.sample(sorted(self.flying), self.drawn.randint(1, len(self.flying)))
        return [self._end(key, self.flying.pop(key)) for key in keys]

    def _end(self, key: str, request: TrainingRequest) -> EndedTraining:
        if self.breaks(request):
            return EndedTraining(key=key, error=UserError("data_dir: this worker has no such folder"))
        return EndedTraining(key=key, outcome=self.trainings.run(request))


def drive(settings: StudySettings, folder: Path, engine: ShuffledEngine) -> EngineDriver:
    import io

    cells = cells_of(settings, list(load_all(settings.series)))
    progress = Progress(cells, settings.search, stream=io.StringIO())
    with Ledger.open(folder / "ledger.sqlite", settings=settings_to_agree(settings)) as ledger:
        trainings: object = engine.trainings
        driver = EngineDriver(settings, cells, ledger, progress, trainings, engine=engine)
        ended = []
        driver.run(on_cell=ended.append)
        assert sorted(state.cell.name for state in ended) == sorted(cell.name for cell in cells)  # each once
    return driver


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("changes", [{}, {"search": {"targets": ("full_fraction", "final")}}], ids=["own", "final"])
def test_the_table_is_that_of_one_after_the_other(
    tmp_path: Path, seed: int, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lit_idim.study.engine_driver._WAIT_SECONDS", 0.0)
    settings = settings_of(head_baseline=True, **changes)
    with open_driver(settings, tmp_path / "one", SimulatedTrainings(settings)) as driver:
        driver.run()
    engine = ShuffledEngine(settings, seed=seed)
    drive(settings, tmp_path / "many", engine)
    assert table(settings, tmp_path / "many") == table(settings, tmp_path / "one")
    assert engine.most_flying > 3 and set(engine.trainings.completed.values()) == {1}


def test_a_training_that_cannot_be_run_fails_its_cell_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lit_idim.study.engine_driver._WAIT_SECONDS", 0.0)
    settings = settings_of()
    engine = ShuffledEngine(settings)
    engine.breaks = lambda request: request.task == "toy-mrpc" and "step-500" in request.location.model
    driver = drive(settings, tmp_path, engine)
    failed = [state for state in driver.states if state.reason is not None]
    assert [(state.cell.step, state.cell.task) for state in failed] == [(500, "toy-mrpc")]
    assert failed[0].reason == "data_dir: this worker has no such folder"
    assert all(state.has_ended for state in driver.states)


def test_what_another_driver_has_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim of another owner is left alone; when its training is there, the search goes on."""
    monkeypatch.setattr("lit_idim.study.engine_driver._WAIT_SECONDS", 0.0)
    settings = settings_of(tasks=("toy-sst2",))
    with open_driver(settings, tmp_path / "one", SimulatedTrainings(settings)) as driver:
        driver.run()
        records = driver.ledger.records()
    expected = table(settings, tmp_path / "one")
    elsewhere = {record.key: record for record in records if record.replicate == 0}
    engine = ShuffledEngine(settings)
    waits: list[int] = []
    with Ledger.open(tmp_path / "many" / "ledger.sqlite", settings=settings_to_agree(settings)) as other:

        def written_meanwhile(self: Progress, num_open: int) -> None:
            waits.append(num_open)
            for record in elsewhere.values():
                other.write(record)

        monkeypatch.setattr(Progress, "waiting", written_meanwhile)
        monkeypatch.setattr("lit_idim.ledger.claims.Claims.take", _unless_claimed(elsewhere))
        drive(settings, tmp_path / "many", engine)
    assert waits and table(settings, tmp_path / "many") == expected


def _unless_claimed(keys: object) -> Callable[..., bool]:
    from lit_idim.ledger.claims import Claims

    take = Claims.take

    def taken(self: Claims, connection: object, key: str) -> bool:
        return key not in keys and take(self, connection, key)  # type: ignore[operator, arg-type]

    return taken
