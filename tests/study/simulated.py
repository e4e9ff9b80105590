"""Trainings without training: a checkpoint's scores follow a simulated curve of the score against d."""

import functools
import io
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from lit_idim.d90 import Request, TrainingId
from lit_idim.d90.settings import SearchSettings
from lit_idim.d90.simulation import SimulatedCell, draw_cell
from lit_idim.ledger import Ledger
from lit_idim.series import Series, load_series
from lit_idim.series.size import count_checkpoint_parameters
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import HEAD_RATE_FACTOR, Cell, cells_of, ladder_rate
from lit_idim.study.d90_row import D90Row
from lit_idim.study.driver import Driver
from lit_idim.study.measured_cell import measured_cells
from lit_idim.study.outcomes import pack_predictions
from lit_idim.study.progress import Progress
from lit_idim.study.rows import rows_of
from lit_idim.study.run import StudyResult
from lit_idim.study.settings import StudySettings, TrainingSettings
from lit_idim.study.tables import write_d90
from lit_idim.study.training import TrainingOutcome, TrainingRequest
from lit_idim.tasks import get_task

SERIES = "toy-L2-H128"
STEPS = (500, 1000, 4000)
NUM_UPDATES = 100
LABELS = np.arange(200) % 2
ONE_TASK: dict[str, Any] = {"tasks": ("toy-sst2",), "steps": (1000, 4000)}
SEARCH: dict[str, Any] = {"d_max": 4000, "tolerance": 0.5, "max_trainings": 16}


def settings_of(**changes: Any) -> StudySettings:
    """A study of three checkpoints, two tasks and one method; `search` is laid over `SEARCH`."""
    given: dict[str, Any] = {
        "series": (SERIES,),
        "steps": STEPS,
        "tasks": ("toy-sst2", "toy-mrpc"),
        "training": TrainingSettings(num_updates=NUM_UPDATES),
    }
    search = SearchSettings(**(SEARCH | changes.pop("search", {})))
    return StudySettings(**(given | changes), search=search)


def draw_named(name: str) -> SimulatedCell:
    """The curve of a checkpoint's step, task and method; classes are balanced, as in `LABELS`."""
    return replace(draw_cell(sum(map(ord, name)) % 40), chance=0.5)


@functools.cache
def load_all(names: tuple[str, ...]) -> tuple[Series, ...]:
    return tuple(load_series(name) for name in names)


class SimulatedTrainings:
    """Stands for `Trainings`; shared by drivers, it tells what all of them have run.

    Args:
        settings: of the study.
        before: called with the number of the training before it is run, from 1; what it raises ends the training.
        broken: folders of checkpoints that cannot be loaded.
    """

    def __init__(
        self,
        settings: StudySettings,
        before: Callable[[int], None] = lambda number: None,
        broken: tuple[str, ...] = (),
        cell: Callable[[str], SimulatedCell] | None = None,
    ) -> None:
        self.settings, self.before, self.broken = settings, before, broken
        self.cell = cell or draw_named
        self.requests: list[TrainingRequest] = []
        self.completed: Counter[tuple[Any, ...]] = Counter()
        self._lock = threading.Lock()
        self._counts: dict[Path, Any] = {}

    def data(self, request: TrainingRequest) -> Any:
        split = SimpleNamespace(labels=torch.from_numpy(LABELS))
        return SimpleNamespace(
            task=get_task(request.task),
            checksums={"train": f"train of {request.task}", "dev": f"dev of {request.task}"},
            dataset=lambda name: _Split(1000) if name == "train" else split,
        )

    def identify(self, request: TrainingRequest, *, weights: str | None) -> dict[str, str]:
        return {"weights": weights or request.location.model, "tokenizer": "none"}

    def run(self, request: TrainingRequest) -> TrainingOutcome:
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
        self.before(number)
        if request.location.model in self.broken:
            raise RuntimeError("PytorchStreamReader failed: not a zip archive")
        outcome = self._outcome(request)
        with self._lock:
            self.completed[(*_identity(request), outcome.num_updates_done)] += 1
        return outcome

    def _outcome(self, request: TrainingRequest) -> TrainingOutcome:
        search, num_updates = self.settings.search, request.settings.num_updates
        assert num_updates is not None
        early = round(search.early_fraction * num_updates)
        step = int(request.location.model.rpartition("-")[2])
        training = TrainingId(request.d, self._rate(request), request.seeds["head"])
        curve = self.cell(f"{step} {request.task} {'said' if request.method == 'full' else request.method}")
        result = curve.run(Request(training, early=request.stop_after is not None), search)
        if request.state is not None:
            assert request.state == repr(_identity(request)).encode()
        evaluations = () if result.early_score is None or request.d is None else ((early, result.early_score),)
        if request.d is not None and request.state is None and request.stop_after is None:
            evaluations = ()  # nobody asked for an early evaluation
        status = "diverged" if result.ended and result.score is None else "finished" if result.ended else "paused"
        done = {"diverged": num_updates // 2, "finished": num_updates, "paused": early}[status]
        if result.score is not None:
            evaluations += ((num_updates, result.score),)
        return TrainingOutcome(
            status=status,  # type: ignore[arg-type]
            reason="loss or logits not finite" if status == "diverged" else None,
            score=result.score,
            metric="accuracy",
            chance_score=curve.chance,
            evaluations=evaluations,
            num_parameters=self._count(request).D,
            num_updates=num_updates,
            num_updates_done=done,
            num_examples=done * 32,
            num_train_examples=1000,
            num_dev_examples=len(LABELS),
            seconds=0.5 + len(self.requests),
            checksums={"weights": str(step), "train": f"train of {request.task}", "dev": f"dev of {request.task}"},
            outcomes=None if result.score is None else _predictions(result.score, request),
            state=repr(_identity(request)).encode() if status == "paused" else None,
            device="simulated",
        )

    def _rate(self, request: TrainingRequest) -> int:
        """The place on the ladder of a request's learning rate."""
        count = self._count(request)
        num_lambdas = count.m if request.method == "said" else 0
        for rate in range(-8, 9):
            place = TrainingId(request.d, rate, 0)
            at_rate = ladder_rate(self.settings.search, place, D=count.D, num_lambdas=num_lambdas)
            at_rate *= HEAD_RATE_FACTOR if request.method == "head" else 1
            if math.isclose(request.learning_rate, at_rate, rel_tol=1e-9):
                return rate
        raise AssertionError(f"no rate of the ladder: {request}")

    def _count(self, request: TrainingRequest) -> Any:
        folder = Path(request.location.model)  # SERIES/step-N
        if folder not in self._counts:
            (series,), step = load_all((folder.parent.name,)), int(folder.name.rpartition("-")[2])
            self._counts[folder] = count_checkpoint_parameters(series, step, 2)
        return self._counts[folder]


class _Split:
    def __init__(self, number: int) -> None:
        self.labels, self._number = None, number

    def __len__(self) -> int:
        return self._number


def _identity(request: TrainingRequest) -> tuple[Any, ...]:
    return (request.location.model, request.task, request.method, request.d, request.learning_rate, str(request.seeds))


def _predictions(score: float, request: TrainingRequest) -> bytes:
    """Dev predictions of about that accuracy."""
    random = np.random.default_rng(request.seeds["head"])
    wrong = random.random(len(LABELS)) > score
    return pack_predictions(np.where(wrong, 1 - LABELS, LABELS), num_labels=2)


@contextmanager
def open_driver(
    settings: StudySettings,
    folder: Path,
    trainings: SimulatedTrainings,
    *,
    kind: type[Driver] = Driver,
    cells: list[Cell] | None = None,
) -> Iterator[Driver]:
    """A driver on the ledger of a folder, which is closed at the end."""
    if cells is None:
        cells = cells_of(settings, list(load_all(settings.series)))
    progress = Progress(cells, settings.search, stream=io.StringIO())
    with Ledger.open(folder / "ledger.sqlite", settings=settings_to_agree(settings)) as ledger:
        yield kind(settings, cells, ledger, progress, trainings)  # type: ignore[arg-type]


def table(settings: StudySettings, folder: Path) -> str:
    """The table `d90.csv` from a folder's ledger, without its seconds."""
    with Ledger.read(folder / "ledger.sqlite") as ledger:
        records = ledger.records()
    cells = measured_cells(cells_of(settings, list(load_all(settings.series))), records)
    labels = dict.fromkeys(settings.tasks, LABELS)
    rows, _ = rows_of(cells, settings, labels)
    write_d90(folder / "d90.csv", [replace(row, seconds=0.0) for row in rows])
    return (folder / "d90.csv").read_text()


class DivergingInSubspaces(SimulatedTrainings):
    """Trainings of `cell`, all of which diverge in subspaces and none in full."""

    def __init__(self, settings: StudySettings, cell: Callable[[str], SimulatedCell]) -> None:
        super().__init__(settings)
        self.given = cell

    def run(self, request: TrainingRequest) -> TrainingOutcome:
        diverging = 0.0 if request.d is None else 1.0
        self.cell = lambda name: replace(self.given(name), diverging=diverging)
        return super().run(request)


Measure = Callable[..., tuple[StudyResult, SimulatedTrainings]]
"""What the fixture `simulate` gives: measures settings, with further arguments of `measure`."""


def by_step(rows: list[D90Row]) -> dict[int | None, D90Row]:
    return {row.pretraining_step: row for row in rows}
