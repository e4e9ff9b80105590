"""A study from its settings to its outputs: what the scripts in `studies/` call."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_idim.errors import UserError
from lit_idim.figures.score_against_d import CellKey, Curve
from lit_idim.ledger import Ledger, TrainingRecord
from lit_idim.ledger.location import find_location
from lit_idim.projections import PROJECTIONS
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import load_cells
from lit_idim.study.config_file import CONFIG_FILE
from lit_idim.study.d90_row import D90Row
from lit_idim.study.driver import CellState, Driver
from lit_idim.study.engine import Engine
from lit_idim.study.engine_driver import EngineDriver
from lit_idim.study.measured_cell import MeasuredCell, measured_cells
from lit_idim.study.outputs import draw_figures, fitted_curves, labels_of, search_failed, write_tables
from lit_idim.study.progress import Progress
from lit_idim.study.provenance import write_config, write_manifest
from lit_idim.study.row_details import has_ended
from lit_idim.study.settings import StudySettings
from lit_idim.study.size_step import common_step
from lit_idim.study.training import Trainings
from lit_idim.study.workers import set_threads, working_beside
from lit_idim.study.written_rows import with_failures, written_rows
from lit_idim.tasks import get_split, get_task
from lit_idim.tracking.tracker import Tracker, untracked

LEDGER_FILE = "ledger.sqlite"
FAILED_CELLS_EXIT_CODE = 1


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """What a study has measured.

    Attributes:
        rows: of `d90.csv`.
        figures: paths of the figures.
        records: trainings that the rows are made from and those that a search has not asked for in the end.
        curves: ln d and the fitted score there, by model, checkpoint, task and method.
        num_failed: cells that failed, baselines included; from a ledger those of which its trainings
            or an earlier `d90.csv` tell.
    """

    rows: list[D90Row]
    figures: list[Path]
    records: list[TrainingRecord]
    curves: dict[CellKey, Curve]
    num_failed: int

    @property
    def exit_code(self) -> int:
        """Of a command: 1 if a cell failed."""
        return FAILED_CELLS_EXIT_CODE if self.num_failed else 0


def measure(
    settings: StudySettings,
    out: Path,
    *,
    study: str,
    ledger: str | None = None,
    workers: int = 1,
    threads: int | None = None,
    devices_per_training: int = 1,
    tracker: Tracker | None = None,
    trainings: Trainings | None = None,
    engine: Engine | None = None,
    of_the_study: Mapping[str, Any] | None = None,
) -> StudyResult:
    """Runs a study, or goes on with one, and writes its outputs.

    Args:
        settings: of the study.
        out: folder for the outputs.
        study: its name.
        ledger: address of the ledger; `ledger.sqlite` in `out` if None.
        workers: processes that run trainings side by side, this one included.
        threads: of each of them; torch's default if None.
        devices_per_training: of each of the processes that are started beside this one.
        tracker: that is started and told of everything; whoever made it ends it.
        trainings: that run them; new ones, on one device, by default.
        engine: that runs them elsewhere; no processes are started then.
        of_the_study: further arguments of its command, for `config.yaml`.

    Raises:
        UserError: for bad settings, an unusable folder or ledger. A checkpoint that cannot be used fails its own cells.
    """
    check_names(settings)
    if workers < 1:
        raise UserError(f"workers: expected at least 1, got {workers}")
    set_threads(threads)
    cells = load_cells(settings)
    make_folder(out)
    address = ledger or out / LEDGER_FILE
    with as_output_error(out):
        opened = Ledger.open(address, settings=settings_to_agree(settings))
        of_the_run = {"workers": workers, "threads": threads, "devices_per_training": devices_per_training}
        _write_config(out, settings, ledger, {**(of_the_study or {}), **of_the_run})
        write_manifest(out, study, settings, opened.records())
    tracker = tracker or untracked()
    beside = working_beside(
        0 if engine else workers - 1, settings, address, threads=threads, devices_per_training=devices_per_training
    )
    with opened as book, beside:
        tracker.start(book.identity, size_step=common_step(cells))

        def show(records: list[TrainingRecord], rows: list[D90Row], *, are_final: bool = False) -> None:
            for record in records:  # those of other processes, too
                tracker.training_ended(record)
            tracker.rows_changed(rows, ended=has_ended, are_final=are_final)

        show(book.records(), [])
        labels = labels_of(settings)
        with Progress(cells, settings.search) as progress:
            shared = (settings, cells, book, progress, trainings)
            if engine is None:
                driver = Driver(*shared, on_training=tracker.training_ended)
            else:
                driver = EngineDriver(*shared, engine=engine, on_training=tracker.training_ended)

            def write_so_far(_: CellState | None = None) -> None:
                with as_output_error(out):
                    found = book.records()
                    # The interval over dev examples takes a while, so it waits for the end.
                    rows, _estimates = write_tables(out, study, settings, _measured(driver), found, {})
                show(found, rows)

            try:
                driver.run(on_cell=write_so_far)
            except KeyboardInterrupt:
                write_so_far()
                raise
        with as_output_error(out):
            records = book.records()
            rows, estimates = write_tables(out, study, settings, _measured(driver), records, labels)
            show(records, rows, are_final=True)
            if tracker.is_active and book.path is not None:
                book.save_copy(out / "wandb" / LEDGER_FILE)
            measured = [record for state in driver.states for record in state.records.values()]
            curves = fitted_curves(rows, estimates)
            figures = draw_figures(out, settings, rows, curves, measured)
    num_failed = _num_failed(rows, _measured(driver), settings)
    return StudyResult(rows=rows, figures=figures, records=measured, curves=curves, num_failed=num_failed)


def _write_config(out: Path, settings: StudySettings, ledger: str | None, more: Mapping[str, Any]) -> None:
    where = None if ledger is None else find_location(ledger).name
    write_config(out, settings, **{"out": out.resolve(), "ledger": where, **more})


def draw_again(
    settings: StudySettings,
    out: Path,
    *,
    study: str,
    ledger: str | None = None,
    of_the_study: Mapping[str, Any] | None = None,
) -> StudyResult:
    """Writes tables and figures from a ledger as it is now, without a training.

    Args:
        settings: of the study.
        out: folder for the outputs; its `config.yaml` is written if there is none.
        study: its name.
        ledger: address of the ledger; `ledger.sqlite` in `out` if None.
        of_the_study: further arguments of its command, for `config.yaml`.

    Raises:
        UserError: if there is no ledger, or it holds no trainings of this study.
    """
    check_names(settings)
    listed = load_cells(settings)
    with Ledger.read(ledger or out / LEDGER_FILE, settings=settings_to_agree(settings)) as book:
        records = book.records()
    cells = with_failures(measured_cells(listed, records), settings, written_rows(out))
    if not any(cell.records for cell in cells if not cell.is_baseline):
        raise UserError(f"out: the ledger of {out} holds no trainings of these series, steps, tasks and methods yet")
    make_folder(out)
    with as_output_error(out):
        if not (out / CONFIG_FILE).is_file():
            _write_config(out, settings, ledger, of_the_study or {})
        rows, estimates = write_tables(out, study, settings, cells, records, labels_of(settings))
        measured = [record for cell in cells for record in cell.records.values()]
        curves = fitted_curves(rows, estimates)
        figures = draw_figures(out, settings, rows, curves, measured)
    num_failed = _num_failed(rows, cells, settings)
    return StudyResult(rows=rows, figures=figures, records=measured, curves=curves, num_failed=num_failed)


def make_folder(out: Path) -> None:
    """Makes the folder of the outputs.

    Raises:
        UserError: if it is a file or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"out: expected a folder, but {out} is a file; pass --out FOLDER")
    with as_output_error(out):
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".{os.getpid()}.writable"  # another driver on the folder may be trying, too
        probe.touch()
        probe.unlink()


def _num_failed(rows: list[D90Row], cells: list[MeasuredCell], settings: StudySettings) -> int:
    num_heads = sum(cell.is_baseline and cell.reason is not None for cell in cells)
    return num_heads + sum(search_failed(row, settings) for row in rows)


def _measured(driver: Driver) -> list[MeasuredCell]:
    return [measured_cell(state) for state in driver.states]


def measured_cell(state: CellState) -> MeasuredCell:
    """What a driver has measured of a cell."""
    cell = state.cell
    return MeasuredCell(
        model=cell.series.name,
        checkpoint=cell.checkpoint,
        pretraining_step=cell.pretraining_step,
        task=cell.task,
        method=cell.method,
        records=state.records,
        reason=state.reason if state.has_ended or not state.records else None,
    )


def check_names(settings: StudySettings) -> None:
    """Refuses settings that name nothing, something twice, or something that does not exist.

    Raises:
        UserError: names the setting.
    """
    for task in settings.task_names:
        split = get_split(get_task(task), "dev")
        if not split.labelled:
            raise UserError(f"tasks: the dev labels of {task!r} are not published, so no score can be measured")
        settings.training_of(task)
    if not settings.series and not settings.models:
        raise UserError("series, models: expected one or more names, got none")
    for name in ("series", "models", "tasks", "methods", "steps"):
        values = settings.task_names if name == "tasks" else getattr(settings, name)
        if (values is None and name == "steps") or (values == () and name in ("series", "models")):
            continue
        if not values or len(set(values)) < len(values):
            raise UserError(f"{name}: expected one or more different names, got {list(values)}")
    for task in settings.task_training:  # of other tasks, too: --tasks may take a part of a config's
        get_task(task)
        settings.training_of(task)
    if settings.data_dir is not None and "://" in settings.data_dir:
        scheme = settings.data_dir.split("://")[0]  # not all of it, which may hold a password
        raise UserError(f"data_dir: expected a folder of this machine, got an address of {scheme!r}; download it first")
    if settings.projection not in PROJECTIONS:
        raise UserError(f"projection: expected one of {', '.join(PROJECTIONS)}, got {settings.projection!r}")


@contextlib.contextmanager
def as_output_error(out: Path) -> Iterator[None]:
    """What goes wrong in the output folder, in the user's words."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"out: {out} cannot be written ({error.strerror or error}); what the ledger holds is kept. Free the disk, "
            "make the folder writable, or pass --out FOLDER, and run again"
        ) from error
