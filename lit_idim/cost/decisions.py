"""What the driver of an engine spends on a decision when thousands of cells and workers are open.

    python -m lit_idim.cost.decisions [trainings]

gives trainings that take no time to a driver of 10,000 cells on 1,000 workers, with a ledger in a file, and prints the
milliseconds of the driver's own work for each training that comes back: writing it, deciding what follows and handing
that over. Scores are those of simulated cells (`lit_idim.d90.simulation`). Fetching checkpoints and data is left out.
"""

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lit_idim.d90 import Request, SearchSettings
from lit_idim.d90.simulation import SimulatedCell, draw_cell
from lit_idim.ledger import Ledger
from lit_idim.randomness import stream_key
from lit_idim.series import Series, load_series
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import Cell, PreparedCell
from lit_idim.study.driver import CellState
from lit_idim.study.engine import EndedTraining
from lit_idim.study.engine_driver import EngineDriver
from lit_idim.study.preparation import prepare
from lit_idim.study.progress import Progress
from lit_idim.study.settings import StudySettings, TrainingSettings
from lit_idim.study.training import Trainings
from lit_idim.study.training_request import TrainingOutcome, TrainingRequest

NUM_CELLS = 10_000
NUM_WORKERS = 1_000
NUM_TRAININGS = 4_000
SERIES, STEP, TASK = "toy-L2-H128", 4000, "toy-opinion"
_NUM_UPDATES = 100


class _Enough(Exception):
    """As many trainings have come back as were asked for."""


class DecidingDriver(EngineDriver):
    """A driver whose cells are prepared when it comes to them, and that tells its engine what it asks for."""

    prepared: PreparedCell
    engine: "ImmediateEngine"

    def _plan(self, state: CellState) -> None:
        super()._plan(state)
        assert state.prepared is not None
        for request in state.pending:
            self.engine.asked[state.prepared.key(request.training)] = (state.cell.series.name, request)

    def _hand_over(self, state: CellState, num_free: int) -> tuple[int, bool]:
        if state.prepared is None:
            state.prepared = replace(self.prepared, cell=state.cell)
        return super()._hand_over(state, num_free)


class ImmediateEngine:
    """Has an outcome ready for each training, and gives back one of those on their way, drawn at random.

    Args:
        search: of the cells.
        num_workers: trainings at a time.
        num_trainings: after which it ends the driver.
    """

    def __init__(self, search: SearchSettings, *, num_workers: int, num_trainings: int) -> None:
        self.search, self.num_workers, self.num_trainings = search, num_workers, num_trainings
        self.asked: dict[str, tuple[str, Request]] = {}
        self.seconds: list[tuple[float, float]] = []
        self._flying: list[tuple[str, TrainingRequest]] = []
        self._curves: dict[str, SimulatedCell] = {}
        self._random = np.random.default_rng(stream_key(0, "decisions"))
        self._returned_at: tuple[float, float] | None = None

    def num_free(self) -> int:
        return self.num_workers - len(self._flying)

    def submit(self, key: str, request: TrainingRequest) -> None:
        self._flying.append((key, request))

    def wait(self, seconds: float) -> Sequence[EndedTraining]:
        if self._returned_at is not None:
            elapsed, on_cpu = time.perf_counter() - self._returned_at[0], time.process_time() - self._returned_at[1]
            self.seconds.append((elapsed, on_cpu))
        if len(self.seconds) == self.num_trainings:
            raise _Enough
        place = int(self._random.integers(len(self._flying)))
        self._flying[place], self._flying[-1] = self._flying[-1], self._flying[place]
        key, request = self._flying.pop()
        ended = EndedTraining(key=key, outcome=self._outcome(request, *self.asked.pop(key)))
        self._returned_at = time.perf_counter(), time.process_time()
        return [ended]

    def _outcome(self, request: TrainingRequest, name: str, asked: Request) -> TrainingOutcome:
        if name not in self._curves:
            self._curves[name] = draw_cell(int(name.rpartition("/")[2]))
        result = self._curves[name].run(asked, self.search)
        early = round(self.search.early_fraction * _NUM_UPDATES)
        status = "paused" if not result.ended else "diverged" if result.score is None else "finished"
        evaluations = () if result.early_score is None else ((early, result.early_score),)
        return TrainingOutcome(
            status=status,  # type: ignore[arg-type]
            reason="loss not finite" if status == "diverged" else None,
            score=result.score,
            metric="accuracy",
            chance_score=0.5,
            evaluations=evaluations,
            num_parameters=1,
            num_updates=_NUM_UPDATES,
            num_updates_done={"paused": early, "diverged": _NUM_UPDATES // 2, "finished": _NUM_UPDATES}[status],
            num_examples=1,
            num_train_examples=1,
            num_dev_examples=1,
            seconds=1.0,
            checksums={"train": "", "dev": ""},
            outcomes=None,
            state=b"state" if status == "paused" else None,
            device="none",
        )


def decision_seconds(*, num_cells: int, num_workers: int, num_trainings: int) -> npt.NDArray[np.float64]:
    """Seconds of the driver's work for each training that came back, and those on the CPU; (num_trainings, 2).

    Args:
        num_cells: that are open.
        num_workers: trainings at a time.
        num_trainings: that come back.
    """
    settings = StudySettings(
        series=(SERIES,),
        steps=(STEP,),
        tasks=(TASK,),
        training=TrainingSettings(num_updates=_NUM_UPDATES, max_length=32),
    )
    series = load_series(SERIES)
    cells = [Cell(series=_named(series, number), step=STEP, task=TASK, method="did") for number in range(num_cells)]
    prepared = prepare(replace(cells[0], series=series), settings, Trainings())
    engine = ImmediateEngine(settings.search, num_workers=num_workers, num_trainings=num_trainings)
    progress = Progress(cells, settings.search, stream=io.StringIO())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        with Ledger.open(path, settings=settings_to_agree(settings)) as ledger:
            driver = DecidingDriver(settings, cells, ledger, progress, Trainings(), engine=engine)
            driver.prepared = replace(prepared, checksums=prepared.checksums | {"train": "", "dev": ""})
            with contextlib.suppress(_Enough):
                driver.run()
    return np.array(engine.seconds)


def _named(series: Series, number: int) -> Series:
    return replace(series, name=f"{series.name}/{number}")


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else NUM_TRAININGS
    seconds = decision_seconds(num_cells=NUM_CELLS, num_workers=NUM_WORKERS, num_trainings=number)
    print(f"{NUM_CELLS} cells, {NUM_WORKERS} workers, {number} trainings; milliseconds for each that comes back")
    for name, column in zip(("elapsed", "on the CPU"), 1000 * seconds.T, strict=True):
        quantiles = np.quantile(column, [0.5, 0.9, 0.99])
        print(f"{name}: mean {column.mean():.2f}, median {quantiles[0]:.2f}, 90% {quantiles[1]:.2f}", end="")
        print(f", 99% {quantiles[2]:.2f}, largest {column.max():.2f}")
