"""The driver with simulated trainings: neither order, nor interruption, nor company shows in the table."""

import csv
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lit_idim.d90 import error_at_chance, full_score
from lit_idim.ledger import Ledger, LedgerError
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import cells_of
from lit_idim.study.driver import CellState, Driver
from lit_idim.study.rows import rows_of
from lit_idim.study.run import measured_cell
from lit_idim.study.settings import StudySettings

from .simulated import LABELS, STEPS, SimulatedTrainings, load_all, open_driver, settings_of, table


class Interrupted(BaseException):
    pass


def every(k: int) -> Callable[[int], None]:
    """Interrupts each (k + 1)th training before it is run."""

    def interrupt(number: int) -> None:
        if number % (k + 1) == 0:
            raise Interrupted

    return interrupt


def run(settings: StudySettings, folder: Path, trainings: SimulatedTrainings) -> list[CellState]:
    with open_driver(settings, folder, trainings) as driver:
        return driver.run()


def expected(settings: StudySettings, folder: Path) -> str:
    """The table of an uninterrupted run."""
    run(settings, folder / "expected", SimulatedTrainings(settings))
    return table(settings, folder / "expected")


def test_all_cells_are_run_to_their_end(tmp_path: Path) -> None:
    settings = settings_of()
    trainings = SimulatedTrainings(settings)
    ended: list[CellState] = []
    with open_driver(settings, tmp_path, trainings) as driver:
        states = driver.run(on_cell=ended.append)
    assert len(states) == len(ended) == 6 and all(state.has_ended and state.reason is None for state in states)
    assert {state.cell.step for state in ended[:1]} == {max(STEPS)}
    assert set(trainings.completed.values()) == {1}
    lines = table(settings, tmp_path).splitlines()
    assert len(lines) == 7 and sum(",reached," in line for line in lines) >= 4
    assert [line.split(",")[2] for line in lines[1:4]] == [str(step) for step in STEPS]


def test_the_search_is_told_what_the_table_is_told(tmp_path: Path) -> None:
    settings = settings_of()
    with open_driver(settings, tmp_path, SimulatedTrainings(settings)) as driver:
        states = [state for state in driver.run() if not state.cell.is_baseline]
    assert states
    for state in states:
        assert state.prepared is not None
        told = state.prepared.facts(None)
        assert told == measured_cell(state).facts(None)
        assert told.chance_error == error_at_chance(told.chance, len(LABELS)) > 0 < told.num_lambdas


def test_the_order_of_completion_does_not_show(tmp_path: Path) -> None:
    settings = settings_of()
    drawn = random.Random(3)

    class Shuffled(Driver):
        def _plan(self, state: CellState) -> None:
            super()._plan(state)
            state.pending = tuple(drawn.sample(state.pending, len(state.pending)))

    cells = cells_of(settings, list(load_all(settings.series)))[::-1]
    with open_driver(settings, tmp_path, SimulatedTrainings(settings), kind=Shuffled, cells=cells) as driver:
        driver.run()
    assert table(settings, tmp_path) == expected(settings, tmp_path)


@pytest.mark.parametrize(
    ("k", "targets"), [(1, ("full_fraction",)), (4, ("final",)), (11, ("chance_corrected", "final"))]
)
def test_a_study_that_is_interrupted_again_and_again(tmp_path: Path, k: int, targets: tuple[str, ...]) -> None:
    settings = settings_of(tasks=("toy-sst2",), steps=(1000, 4000), search={"targets": targets})
    trainings = SimulatedTrainings(settings, before=every(k))
    num_interruptions = 0
    while True:
        try:
            run(settings, tmp_path, trainings)
            break
        except Interrupted:
            num_interruptions += 1
    assert num_interruptions == len(trainings.requests) // (k + 1) > 2
    assert set(trainings.completed.values()) == {1}
    assert table(settings, tmp_path) == expected(settings, tmp_path)


def test_a_training_whose_row_could_not_be_written_is_run_again(tmp_path: Path) -> None:
    settings = settings_of(tasks=("toy-sst2",), steps=(4000,))
    trainings = SimulatedTrainings(settings)
    with open_driver(settings, tmp_path, trainings) as driver:
        write, num_writes = driver.ledger.write, 0

        def fail_at_the_fifth(record: Any) -> bool:
            nonlocal num_writes
            num_writes += 1
            if num_writes == 5:
                raise LedgerError("ledger: the disk is full")
            return write(record)

        driver.ledger.write = fail_at_the_fifth  # type: ignore[method-assign]
        with pytest.raises(LedgerError, match="the disk is full"):
            driver.run()
    run(settings, tmp_path, trainings)
    assert sorted(trainings.completed.values())[-2:] == [1, 2]
    assert table(settings, tmp_path) == expected(settings, tmp_path)


def test_two_drivers_share_the_work(tmp_path: Path) -> None:
    settings = settings_of(tasks=("toy-sst2",))
    meeting = threading.Barrier(2)
    both = [SimulatedTrainings(settings, before=lambda number: number == 1 and meeting.wait(60)) for _ in range(2)]
    states: dict[int, list[CellState]] = {}
    threads = [
        threading.Thread(target=lambda i=i: states.update({i: run(settings, tmp_path, both[i])})) for i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(state.has_ended and state.reason is None for found in states.values() for state in found)
    assert len(states) == 2 and all(trainings.completed for trainings in both)
    assert set((both[0].completed + both[1].completed).values()) == {1}
    assert table(settings, tmp_path) == expected(settings, tmp_path)


def test_what_another_driver_has_claimed_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tasks=("toy-sst2",), steps=(4000,))
    trainings = SimulatedTrainings(settings)
    slept: list[float] = []
    with (
        open_driver(settings, tmp_path, SimulatedTrainings(settings)) as other,
        open_driver(settings, tmp_path, trainings) as driver,
    ):
        claimed: list[str] = []

        def claim_a_training(number: int) -> None:
            if number == 1:  # the first of the first round runs; the other driver has the rest of it
                other.states[0].prepared = driver.states[0].prepared
                prepared = driver.states[0].prepared
                assert prepared is not None
                claimed.extend(prepared.key(request.training) for request in driver.states[0].pending[1:])
                assert all(other.ledger.claim(key) for key in claimed)

        def release_after_some(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                for key in claimed:
                    other.ledger.release(key)

        trainings.before = claim_a_training
        monkeypatch.setattr("lit_idim.study.driver.time.sleep", release_after_some)
        driver.run()
    assert len(slept) == 3 and len(claimed) == 2
    assert table(settings, tmp_path) == expected(settings, tmp_path)


def test_paused_trainings_go_on_from_the_ledgers_state(tmp_path: Path) -> None:
    settings = settings_of(tasks=("toy-sst2",))
    trainings = SimulatedTrainings(settings, before=every(5))
    while True:
        try:
            run(settings, tmp_path, trainings)
            break
        except Interrupted:
            continue
    continued = [request for request in trainings.requests if request.state is not None]
    early = [request for request in trainings.requests if request.stop_after is not None]
    assert continued and all(request.stop_after is None for request in continued)
    assert {request.stop_after for request in early} == {34} and len(early) > len(continued)
    with Ledger.read(tmp_path / "ledger.sqlite") as ledger:
        records = ledger.records()
        assert any(record.status == "paused" and record.evaluations for record in records)
        whole = [record for record in records if record.status == "finished" and len(record.evaluations) == 2]
        assert whole and all(ledger.state(record.key) is None and record.seconds > 1 for record in whole)


def test_trainings_in_full_are_shared_between_methods(tmp_path: Path) -> None:
    settings = settings_of(tasks=("toy-sst2",), methods=("said", "did"))
    trainings = SimulatedTrainings(settings)
    run(settings, tmp_path, trainings)
    assert set(trainings.completed.values()) == {1}
    rows = [line.split(",") for line in table(settings, tmp_path).splitlines()]
    full = {(row[1], row[rows[0].index("full_score")]) for row in rows[1:]}
    assert len(rows) == 7 and {row[5] for row in rows[1:]} == {"did", "said"} and len(full) >= 3
    in_full = [request for request in trainings.requests if request.method == "full"]
    assert len({(str(request.seeds), request.learning_rate) for request in in_full}) == len(in_full)


def test_a_head_alone_is_measured_beside_every_checkpoint(tmp_path: Path) -> None:
    settings = settings_of(tasks=("toy-sst2",), steps=(1000, 4000), methods=("did", "said"))
    with_heads = replace(settings, head_baseline=True)
    run(settings, tmp_path, SimulatedTrainings(settings))
    without = _columns(table(settings, tmp_path))
    trainings = SimulatedTrainings(with_heads)
    states = run(with_heads, tmp_path, trainings)
    assert {request.method for request in trainings.requests} == {"head"}  # the rest was there
    assert len(trainings.requests) >= 2 * (3 + 2)  # three rates, and two replicates more of the best
    heads = {state.cell.step: full_score(state.results) for state in states if state.cell.is_baseline}
    rows = _columns(table(with_heads, tmp_path))
    assert len(rows) == 4
    for row, before in zip(rows, without, strict=True):
        head = heads[int(row["pretraining_step"])]
        assert head is not None and float(row["head_score"]) == head.mean
        assert float(row["head_score_se"]) == head.standard_error and before["head_score"] == ""
        columns = set(row) - {"head_score", "head_score_se", "head_learning_rate", "notes"}
        assert {name: row[name] for name in columns} == {name: before[name] for name in columns}


def test_two_drivers_share_the_heads_under_the_final_target(tmp_path: Path) -> None:
    """A head waits for no other: its score is no target."""
    settings = settings_of(tasks=("toy-sst2",), head_baseline=True, search={"targets": ("final",)})
    trainings = SimulatedTrainings(settings)
    threads = [threading.Thread(target=run, args=(settings, tmp_path, trainings)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(trainings.completed.values()) == {1}
    assert table(settings, tmp_path) == expected(settings, tmp_path)


def test_a_head_that_fails_is_told_in_the_rows(tmp_path: Path) -> None:
    settings = settings_of(tasks=("toy-sst2",), steps=(4000,), head_baseline=True)
    trainings = SimulatedTrainings(settings)

    def break_heads(number: int) -> None:
        if trainings.requests[number - 1].method == "head":
            raise MemoryError("no room")

    trainings.before = break_heads
    states = run(settings, tmp_path, trainings)
    (row,) = rows_of([measured_cell(state) for state in states], settings, {})[0]
    assert row.status == "reached" and row.head_score is None
    assert row.notes.endswith("WARNING: the head alone failed: MemoryError: no room")


def _columns(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_the_agreement_holds_nothing_that_may_change() -> None:
    agreed = settings_to_agree(settings_of())
    for changes in (
        {"steps": (0, 500)},
        {"methods": ("did",)},
        {"data_dir": "elsewhere"},
        {"search": {"tolerance": 0.1, "max_trainings": 99.0, "targets": ("final",)}},
    ):
        assert settings_to_agree(settings_of(**changes)) == agreed
    for changes in ({"study_seed": 1}, {"projection": "dense"}, {"search": {"d_max": 500}}):
        assert settings_to_agree(settings_of(**changes)) != agreed


def test_the_agreement_holds_what_is_set_for_the_tasks_of_the_run() -> None:
    of_tasks = {"toy-mrpc": {"num_updates": 50}, "toy-cola": {"num_updates": 70}}
    agreed = settings_to_agree(settings_of(tasks=("toy-sst2", "toy-mrpc"), task_training=of_tasks))
    assert agreed["task_training"] == {"toy-sst2": {}, "toy-mrpc": {"num_updates": 50}}
    alone = settings_to_agree(settings_of(tasks=("toy-sst2",), task_training=of_tasks))
    assert alone == {**agreed, "task_training": {"toy-sst2": {}}}
