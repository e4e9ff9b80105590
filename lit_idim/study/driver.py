"""Runs what the searches of a study ask for, writes it to the ledger, and stops anywhere without a loss.

All decisions are functions of the ledger: a driver that is started again plays every search over the trainings that are
there and goes on with the first one that is missing. Several drivers may work on one ledger: a training is claimed
before it is run, and a driver that finds everything of a cell taken goes on with the next cell.
"""

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lit_idim.d90 import Estimate, FullScore, PlayedSearch, Request, Result, TrainingId, estimate_d90, full_score
from lit_idim.errors import UserError
from lit_idim.ledger import Claim, Ledger, LedgerError, TrainingRecord
from lit_idim.study.cell import Cell, PreparedCell
from lit_idim.study.preparation import as_measured, prepare, record_of, training_request
from lit_idim.study.progress import Measured, Progress
from lit_idim.study.results import result_of
from lit_idim.study.settings import StudySettings
from lit_idim.study.stop_signals import obey_stop_signal
from lit_idim.study.training import Trainings
from lit_idim.study.training_request import TrainingRequest

_WAIT_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class CellState:
    """A cell while its search runs.

    Attributes:
        cell: what is measured.
        prepared: with its checkpoint and data; None before the first training, or if they cannot be had.
        search: played as far as the records go; None before it was planned.
        records: its trainings that the search has asked for.
        looked_up: trainings that the ledger was asked for when the search asked for them.
        pending: what the search asks for next.
        results: what the search has learned from complete rounds.
        has_ended: whether the search has ended.
        reason: why the cell failed.
        last_measured: what was measured last, and the results of this cell and the last of its line behind it.
    """

    cell: Cell
    prepared: PreparedCell | None = None
    search: PlayedSearch | None = None
    records: dict[TrainingId, TrainingRecord] = field(default_factory=dict)
    looked_up: set[TrainingId] = field(default_factory=set)
    pending: tuple[Request, ...] = ()
    results: dict[TrainingId, Result] = field(default_factory=dict)
    has_ended: bool = False
    reason: str | None = None
    last_measured: "_LastMeasured | None" = None


_LastMeasured = tuple[dict[TrainingId, Result], dict[TrainingId, Result], bool, Measured]


class Driver:
    """Runs the cells of a study.

    Args:
        settings: of the study.
        cells: in the order in which they are run; the last checkpoint of a series before the others.
        ledger: that is written.
        progress: that is told of every step.
        trainings: that run; new ones by default.
        should_stop: asked before each training.
        on_training: called with each training that was written.
    """

    def __init__(
        self,
        settings: StudySettings,
        cells: list[Cell],
        ledger: Ledger,
        progress: Progress,
        trainings: Trainings | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        on_training: Callable[[TrainingRecord], None] = lambda record: None,
    ) -> None:
        self.settings, self.ledger, self.progress = settings, ledger, progress
        self.trainings = trainings or Trainings()
        self.should_stop, self.on_training = should_stop, on_training
        self.states = [CellState(cell=cell) for cell in cells]
        self._lasts = {_line(state.cell): state for state in sorted(self.states, key=lambda state: state.cell.step)}

    def run(self, on_cell: Callable[[CellState], None] | None = None) -> list[CellState]:
        """Runs until every search has ended.

        Args:
            on_cell: called with each cell that ends.

        Returns:
            The cells; one that failed has a `reason`, and the others are complete.

        Raises:
            UserError: if the ledger cannot be written any more; what it holds stays.
        """
        open_states = list(self.states)
        while open_states:
            has_worked = False
            for state in list(open_states):
                if self._waits_for_last(state):
                    continue
                has_worked |= self._work(state)
                if state.has_ended:
                    open_states.remove(state)
                    self.progress.cell_ended(state.cell, self.measured(state), state.reason)
                    if on_cell is not None:
                        on_cell(state)
            if open_states and not has_worked:
                self.progress.waiting(len(open_states))
                time.sleep(_WAIT_SECONDS)
        return self.states

    def measured(self, state: CellState) -> Measured:
        """d90 of a cell as far as its trainings go, for the first target of the search; of a baseline its score.

        It changes with a complete round; between two the last one is kept, since an estimate takes its time.
        """
        last = self._last_of(state.cell)
        kept = state.last_measured
        if kept is None or kept[0] is not state.results or kept[1] is not last.results or kept[2] != last.has_ended:
            kept = (state.results, last.results, last.has_ended, self._measure(state))
            state.last_measured = kept if state.reason is None and state.prepared is not None else None
        return kept[3]

    def _measure(self, state: CellState) -> Measured:
        if state.cell.is_baseline:
            return full_score(state.results)
        if state.reason is not None or state.prepared is None:
            return Estimate(status="failed", reason=state.reason)
        return estimate_d90(
            state.results,
            kind=self.settings.search.targets[0],
            chance=state.prepared.chance,
            settings=state.prepared.search(is_last=False),
            final_full=self.final_full(state.cell),
            num_lambdas=state.prepared.num_lambdas,
        )

    def final_full(self, cell: Cell) -> FullScore | None:
        """Full score of the last checkpoint of a cell's series; None while or where it is unknown, or no target."""
        if cell.is_baseline:
            return None
        last = self._last_of(cell)
        # Of an unfinished cell it would still change, and with it what the searches of the others ask for.
        is_known = last.reason is None and (last.has_ended or last.cell == cell)
        return full_score(last.results) if is_known else None

    def _last_of(self, cell: Cell) -> CellState:
        return self._lasts[_line(cell)]

    def _waits_for_last(self, state: CellState) -> bool:
        if state.cell.is_baseline:
            return False
        last = self._last_of(state.cell)
        return last is not state and not last.has_ended and "final" in self.settings.search.targets

    def _work(self, state: CellState) -> bool:
        """Runs what is free of a cell's rounds, one after the other; whether anything was done."""
        has_worked = False
        try:
            if state.prepared is None:
                self.progress.preparing(state.cell)
                state.prepared = self._prepare(state.cell)
            while True:
                self._plan(state)
                if not state.pending:
                    state.has_ended = True
                    return True
                ran = [request for request in state.pending if self._run(state, request)]
                has_worked |= bool(ran)
                if len(ran) < len(state.pending):
                    has_news = self._refresh(state, [request.training for request in state.pending])
                    if not ran and not has_news:
                        return has_worked
        except LedgerError:
            raise
        except (UserError, OSError, RuntimeError, MemoryError) as error:
            self._fail(state, error)
            return True

    def _prepare(self, cell: Cell) -> PreparedCell:
        prepared = prepare(cell, self.settings, self.trainings)
        return as_measured(prepared, lambda: self._earlier_records, self.trainings)

    @functools.cached_property
    def _earlier_records(self) -> list[TrainingRecord]:
        return self.ledger.records()

    def _fail(self, state: CellState, error: Exception) -> None:
        """A broken checkpoint or a model too large is the end of this cell, not of the study."""
        _log.debug("%s failed", state.cell.name, exc_info=error)
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        state.has_ended, state.reason, state.last_measured = True, f"{kind}{error}".strip(), None

    def _plan(self, state: CellState) -> None:
        """Plays the search over what is there, fetching from the ledger what it asks for for the first time.

        What others write later shows when a training cannot be claimed, or was run before it was.
        """
        prepared = state.prepared
        assert prepared is not None
        search = prepared.search(is_last=self._last_of(state.cell) is state)
        facts = prepared.facts(self.final_full(state.cell) if "final" in search.targets else None)
        if state.search is None or state.search.facts != facts:
            state.search = PlayedSearch(search, facts)
        while True:
            results = {training: result_of(record, prepared.early_update) for training, record in state.records.items()}
            state.pending = state.search.go_on(results)
            state.results = state.search.asked
            unseen = [request.training for request in state.pending if request.training not in state.looked_up]
            state.looked_up.update(unseen)
            if not unseen or not self._refresh(state, unseen):
                break
        self.measured(state)  # while the search's own estimate of these results is at hand

    def _refresh(self, state: CellState, trainings: list[TrainingId]) -> bool:
        """Reads trainings from the ledger; whether there was anything new."""
        assert state.prepared is not None
        by_key = {state.prepared.key(training): training for training in trainings}
        found = {by_key[key]: record for key, record in self.ledger.get(by_key).items() if record.status != "failed"}
        news = {training: record for training, record in found.items() if state.records.get(training) != record}
        state.records |= news
        return bool(news)

    def _run(self, state: CellState, request: Request) -> bool:
        """Runs a training and writes it; False if another driver has it."""
        obey_stop_signal()
        prepared, training = state.prepared, request.training
        assert prepared is not None
        if self.should_stop():
            raise LedgerError("the process that started this one has ended")
        key = prepared.key(training)
        claim = self.ledger.claim(key)
        if claim is None:
            return False
        try:
            part = self._part_to_run(state, request, claim)
            if part is None:
                self.ledger.release(key)
                return True
            before, training_part = part
            record = record_of(prepared, training, self.trainings.run(training_part), before)
            is_written = self._write(state, training, record)
        except SystemExit as exit_:
            self.ledger.release(key)
            raise KeyboardInterrupt from exit_  # which Lightning turns into the former
        except BaseException:
            self.ledger.release(key)
            raise
        if is_written:
            self.progress.training_ended(state.cell, record, self.measured(state))
            self.on_training(record)
        return True

    def _part_to_run(
        self, state: CellState, request: Request, claim: Claim
    ) -> tuple[TrainingRecord | None, TrainingRequest] | None:
        """Of a claimed training its record and what is to be run; None if it has been run since it was planned."""
        prepared, training = state.prepared, request.training
        assert prepared is not None
        if claim.has_record:  # it may have been written between the plan and the claim
            self._refresh(state, [training])
        before = state.records.get(training)
        if before is not None and result_of(before, prepared.early_update).answers(request):
            return None
        paused = self.ledger.state(prepared.key(training)) if before is not None else None
        self.progress.training_started(state.cell, prepared, request)
        return before, training_request(prepared, request, paused)

    def _write(self, state: CellState, training: TrainingId, record: TrainingRecord) -> bool:
        """Whether a record was written; where another driver was first, what the ledger holds is what counts."""
        is_written = self.ledger.write(record)
        if is_written:
            state.records[training] = record
        else:
            self._refresh(state, [training])
        return is_written


def _line(cell: Cell) -> tuple[str, str, str]:
    """What the checkpoints of one series, task and method have in common."""
    return cell.series.name, cell.task, cell.method
