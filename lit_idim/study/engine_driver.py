"""A driver that hands trainings to an engine, and goes on with whatever cell one comes back for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lit_idim.d90 import Request
from lit_idim.errors import UserError
from lit_idim.ledger import LedgerError, TrainingRecord
from lit_idim.study.driver import CellState, Driver
from lit_idim.study.engine import EndedTraining, Engine
from lit_idim.study.preparation import record_of
from lit_idim.study.stop_signals import obey_stop_signal

_WAIT_SECONDS = 1.0  # between two looks whether other drivers on the ledger have ended what they claimed


@dataclass(frozen=True, kw_only=True)
class _Flight:
    """A training on its way."""

    state: CellState
    request: Request
    before: TrainingRecord | None


class EngineDriver(Driver):
    """Runs the cells of a study on an engine.

    A cell is looked at when it begins and when one of its trainings has come back, so that the cost of a decision does
    not depend on the number of cells (`lit_idim.cost.decisions` measures it). Cells under way come before new ones.

    Args:
        engine: that runs the trainings.
        others: as of `Driver`; `trainings` then only reads checkpoints and data.
    """

    def __init__(self, *others: Any, engine: Engine, **named: Any) -> None:
        super().__init__(*others, **named)
        self.engine = engine
        self._flights: dict[str, _Flight] = {}
        self._num_flights: dict[int, int] = {id(state): 0 for state in self.states}

    def run(self, on_cell: Callable[[CellState], None] | None = None) -> list[CellState]:
        due, waiting, taken = _Due(self.states), list[CellState](), list[CellState]()
        looked = time.monotonic()
        while due or waiting or taken or self._flights:
            obey_stop_signal()
            self._hand_over_due(due, waiting, taken, on_cell)
            if not self._flights:  # nothing can come back: all is with other drivers, or there is no room at all
                self.progress.waiting(len(due) + len(waiting) + len(taken))
                time.sleep(_WAIT_SECONDS)
            for ended in self.engine.wait(_WAIT_SECONDS) if self._flights else ():
                state = self._take_back(ended)
                if not state.has_ended:
                    due.add(state)
                    continue
                due.drop(state)
                if not self._num_flights[id(state)]:  # it has failed, and the last of its trainings is back
                    self._close(state, on_cell)
                    due.add(*waiting)
                    waiting.clear()
            if time.monotonic() - looked >= _WAIT_SECONDS:
                looked = time.monotonic()
                due.add(*taken)
                taken.clear()
        return self.states

    def _hand_over_due(
        self,
        due: "_Due",
        waiting: list[CellState],
        taken: list[CellState],
        on_cell: Callable[[CellState], None] | None,
    ) -> None:
        """Hands over as much as there is room for; a cell that there is no room for the whole of stays due."""
        num_free = self.engine.num_free()
        while due and num_free > 0:
            state = due.take()
            if self._waits_for_last(state):
                waiting.append(state)
                continue
            num_handed, is_whole = self._hand_over(state, num_free)
            num_free -= num_handed
            if not is_whole:
                due.add(state)
            elif self._num_flights[id(state)]:
                continue
            elif state.has_ended:
                self._close(state, on_cell)
                due.add(*waiting)  # those that waited for this one among them
                waiting.clear()
            else:
                taken.append(state)  # all that is open of it is with other drivers

    def _close(self, state: CellState, on_cell: Callable[[CellState], None] | None) -> None:
        self.progress.cell_ended(state.cell, self.measured(state), state.reason)
        if on_cell is not None:
            on_cell(state)

    def _hand_over(self, state: CellState, num_free: int) -> tuple[int, bool]:
        """Hands over what is open of a cell's round; how many trainings, and whether there was room for all."""
        num_handed = 0
        try:
            if state.prepared is None:
                self.progress.preparing(state.cell)
                state.prepared = self._prepare(state.cell)
            has_news = True
            while has_news:
                has_news = False
                self._plan(state)
                if not state.pending:
                    state.has_ended = True
                for request in state.pending:
                    if state.prepared.key(request.training) in self._flights:
                        continue
                    if num_handed == num_free:
                        return num_handed, False
                    is_handed, is_known = self._hand_over_one(state, request)
                    num_handed += is_handed
                    has_news |= is_known
        except LedgerError:
            raise
        except (UserError, OSError, RuntimeError, MemoryError) as error:
            self._fail(state, error)
        return num_handed, True

    def _hand_over_one(self, state: CellState, request: Request) -> tuple[bool, bool]:
        """Whether a training was handed over, and whether another driver has ended it since it was planned."""
        prepared, training = state.prepared, request.training
        assert prepared is not None
        key = prepared.key(training)
        claim = self.ledger.claim(key)
        if claim is None:
            return False, self._refresh(state, [training])
        try:
            part = self._part_to_run(state, request, claim)
            if part is None:
                self.ledger.release(key)
                return False, True
            before, training_part = part
            self.engine.submit(key, training_part)
        except BaseException:
            self.ledger.release(key)
            raise
        self._flights[key] = _Flight(state=state, request=request, before=before)
        self._num_flights[id(state)] += 1
        return True, False

    def _take_back(self, ended: EndedTraining) -> CellState:
        """Writes a training that has ended."""
        flight = self._flights.pop(ended.key)
        state, training = flight.state, flight.request.training
        self._num_flights[id(state)] -= 1
        assert state.prepared is not None
        error = ended.error
        if ended.outcome is not None:
            for split in ("train", "dev"):
                here, there = state.prepared.checksums[split], ended.outcome.checksums[split]
                if here != there:
                    error = UserError(f"data_dir: the worker that trained has another {split} split than this process")
        if ended.outcome is None or error is not None:
            assert error is not None
            self.ledger.release(ended.key)
            self._fail(state, error)
            return state
        record = record_of(state.prepared, training, ended.outcome, flight.before)
        if not self._write(state, training, record):
            return state
        self.progress.training_started(state.cell, state.prepared, flight.request)  # of many, it is this one that ended
        self.progress.training_ended(state.cell, record, self.measured(state))
        self.on_training(record)
        return state


class _Due:
    """Cells to be looked at, each once: those that have begun before the others, the first that came first."""

    def __init__(self, states: list[CellState]) -> None:
        self._begun: dict[int, CellState] = {}
        self._others = {id(state): state for state in states}

    def __len__(self) -> int:
        return len(self._begun) + len(self._others)

    def add(self, *states: CellState) -> None:
        for state in states:
            (self._others if state.prepared is None else self._begun).setdefault(id(state), state)

    def drop(self, state: CellState) -> None:
        self._begun.pop(id(state), None)
        self._others.pop(id(state), None)

    def take(self) -> CellState:
        states = self._begun or self._others
        return states.pop(next(iter(states)))
