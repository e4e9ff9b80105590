"""A study from settings to outputs, with simulated trainings: what fails alone, what ends all, what may change."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lit_idim.d90.simulation import SimulatedCell
from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study.run import draw_again, make_folder
from lit_idim.study.settings import TrainingSettings
from lit_idim.study.tables import read_d90

from .simulated import ONE_TASK, Measure, SimulatedTrainings, by_step, draw_named, load_all, settings_of


def test_a_checkpoint_that_cannot_be_loaded_fails_its_own_cells(simulate: Measure, tmp_path: Path) -> None:
    settings = settings_of()
    broken = load_all(settings.series)[0].fetch(1000).model
    result, _ = simulate(settings, SimulatedTrainings(settings, broken=(broken,)))
    rows = read_d90(tmp_path / "out" / "d90.csv")
    assert rows == result.rows and result.num_failed == 2
    failed = {(row.pretraining_step, row.task) for row in rows if row.status == "failed"}
    assert failed == {(1000, "toy-sst2"), (1000, "toy-mrpc")}
    reasons = {row.reason for row in rows if row.status == "failed"}
    assert reasons == {"RuntimeError: PytorchStreamReader failed: not a zip archive"}
    assert all(row.num_trainings > 5 for row in rows if row.status != "failed")
    # The checkpoint was mended: what is there stays, and the rest is run.
    mended, trainings = simulate(settings)
    assert mended.num_failed == 0
    assert {request.location.model for request in trainings.requests} == {broken}


def test_data_that_are_missing_fail_their_own_cells(simulate: Measure) -> None:
    settings = settings_of(steps=(1000, 4000))

    class WithoutData(SimulatedTrainings):
        def data(self, request: Any) -> Any:
            if request.task == "toy-mrpc":
                raise UserError("no dev split of toy-mrpc in nowhere")
            return super().data(request)

    result, _ = simulate(settings, WithoutData(settings))
    reasons = {(row.task, row.reason) for row in result.rows if row.status == "failed"}
    assert reasons == {("toy-mrpc", "no dev split of toy-mrpc in nowhere")} and result.num_failed == 2
    assert len(result.rows) == 4


def test_a_checkpoint_on_which_everything_diverges_has_failed(simulate: Measure) -> None:
    settings = settings_of(**ONE_TASK)

    def cell(name: str) -> SimulatedCell:
        return replace(draw_named(name), diverging=1.0 if name.startswith("1000") else 0.0)

    result, _ = simulate(settings, SimulatedTrainings(settings, cell=cell))
    row = by_step(result.rows)[1000]
    assert (row.status, row.reason, row.d90) == ("failed", "no training in full finished", None)
    assert row.d90_chance_corrected_status == "failed"
    assert result.num_failed == 1 and row.num_diverged == row.num_trainings > 3


def test_no_d_exceeds_the_parameters_of_a_small_model(simulate: Measure) -> None:
    settings = settings_of(**ONE_TASK, search={"d_max": 10_000_000})
    result, trainings = simulate(settings)
    D = {row.num_parameters for row in result.rows}
    assert len(D) == 1 and {row.d_max for row in result.rows} == D
    tried = [request.d for request in trainings.requests if request.d is not None]
    assert result.num_failed == 0 and max(tried) <= D.pop()


def test_models_stand_in_the_order_of_their_size(simulate: Measure) -> None:
    settings = settings_of(series=("toy-L2-H128", "toy-L2-H64", "toy-L2-H96"), steps=(4000,), tasks=("toy-sst2",))
    rows = simulate(settings)[0].rows
    assert [row.model for row in rows] == ["toy-L2-H64", "toy-L2-H96", "toy-L2-H128"]


@pytest.mark.parametrize(
    "changes",
    [
        {"search": {"tolerance": 0.2, "max_trainings": 24}},
        {"search": {"targets": ("final", "chance_corrected")}},
        {"steps": (500, 4000)},
        {"tasks": ("toy-mrpc", "toy-sst2")},
        {"methods": ("did", "said")},
    ],
)
def test_what_may_change_goes_on_with_what_is_there(simulate: Measure, changes: dict[str, Any]) -> None:
    _, trainings = simulate(settings_of(**ONE_TASK))
    num_requests = len(trainings.requests)
    settings = settings_of(**(ONE_TASK | changes))
    result, _ = simulate(settings, trainings)
    assert set(trainings.completed.values()) == {1} and len(trainings.requests) > num_requests
    assert result.num_failed == 0 and not any("not ended" in row.notes for row in result.rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"study_seed": 7}, "study_seed: the ledger has 0, came 7"),
        ({"search": {"d_max": 5000}}, "search.d_max: the ledger has 4000, came 5000"),
        ({"training": TrainingSettings(num_updates=50)}, "training.num_updates: the ledger has 100, came 50"),
        ({"projection": "dense"}, 'projection: the ledger has "fastfood", came "dense"'),
    ],
)
def test_what_must_agree_is_named(simulate: Measure, changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    simulate(settings_of(**ONE_TASK))
    config = (tmp_path / "out" / "config.yaml").read_text()
    with pytest.raises(UserError, match="was made with other settings") as raised:
        simulate(settings_of(**(ONE_TASK | changes)))
    assert message in str(raised.value) and "give --out another folder" in str(raised.value)
    assert (tmp_path / "out" / "config.yaml").read_text() == config


def test_tables_are_drawn_again_byte_for_byte(simulate: Measure, tmp_path: Path) -> None:
    def cell(name: str) -> SimulatedCell:
        named = replace(draw_named(name), diverging=0.0)
        return replace(named, full=0.5) if name.startswith("500 ") else named

    settings = settings_of(tasks=("toy-sst2",), head_baseline=True, search={"targets": ("full_fraction", "final")})
    result, _ = simulate(settings, SimulatedTrainings(settings, cell=cell))
    assert all(row.head_score is not None for row in result.rows)
    assert by_step(result.rows)[500].status in ("no_signal", "trivial")
    out = tmp_path / "out"
    written = {path: path.read_bytes() for path in out.iterdir() if not path.name.startswith("ledger")}
    assert {path.name for path in written} == {"d90.csv", "trials.csv", "config.yaml", "manifest.json"}
    for name in ("d90.csv", "trials.csv"):
        (out / name).unlink()
    again = draw_again(settings, out, study="simulated")
    assert again.rows == result.rows and again.num_failed == 0
    assert {path: path.read_bytes() for path in written} == written
    part = draw_again(replace(settings, steps=(1000, 4000)), out, study="simulated")
    assert part.rows == [row for row in result.rows if row.pretraining_step != 500]


def test_nothing_is_drawn_of_what_was_not_measured(simulate: Measure, tmp_path: Path) -> None:
    simulate(settings_of(**ONE_TASK))
    with pytest.raises(UserError, match="holds no trainings of these series, steps, tasks and methods yet"):
        draw_again(settings_of(tasks=("toy-mrpc",)), tmp_path / "out", study="simulated")


# Lightning ends the process where it sees an interruption.
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interruption_leaves_tables_of_what_is_there(
    simulate: Measure, tmp_path: Path, kind: type[BaseException]
) -> None:
    def interrupt(number: int) -> None:
        if number == 4:
            raise kind

    settings = settings_of(**ONE_TASK)
    trainings = SimulatedTrainings(settings, before=interrupt)
    with pytest.raises(KeyboardInterrupt):
        simulate(settings, trainings)
    rows = read_d90(tmp_path / "out" / "d90.csv")
    assert len(rows) == 1  # nothing is said of the cell that has no training yet
    assert rows[0].num_trainings == 3 and "the search has not ended" in rows[0].notes
    assert rows[0].status == "failed" and rows[0].reason == "not measured yet"
    assert draw_again(settings, tmp_path / "out", study="simulated").rows == rows


def test_a_full_disk_is_told_and_nothing_is_lost(
    simulate: Measure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    settings = settings_of(**ONE_TASK)
    trainings = SimulatedTrainings(settings)
    with monkeypatch.context() as patch:
        patch.setattr("lit_idim.study.outputs.write_trials", full)
        with pytest.raises(UserError, match=r"out: .* cannot be written \(No space left on device\)") as raised:
            simulate(settings, trainings)
    assert "\n" not in str(raised.value) and trainings.completed
    with Ledger.read(tmp_path / "out" / "ledger.sqlite") as ledger:
        assert len(ledger.records()) > 5
    result, _ = simulate(settings, trainings)
    assert set(trainings.completed.values()) == {1} and result.num_failed == 0


def test_folders_and_files_that_are_none(simulate: Measure, tmp_path: Path) -> None:
    settings = settings_of(**ONE_TASK)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="expected a file, and this is a folder"):
        simulate(settings, ledger=str(tmp_path / "folder"))
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="out: expected a folder, but .*out is a file; pass --out FOLDER"):
        simulate(settings)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(simulate: Measure, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(UserError, match=r"out: .* cannot be written \(Permission denied\)"):
        simulate(settings_of(**ONE_TASK))


def test_another_driver_may_try_the_folder_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch, codes = Path.touch, []

    def touch_beside_another(path: Path, *arguments: Any, **options: Any) -> None:
        touch(path, *arguments, **options)
        monkeypatch.setattr(Path, "touch", touch)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                make_folder(tmp_path)
                code = 0
            finally:
                os._exit(code)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    monkeypatch.setattr(Path, "touch", touch_beside_another)
    make_folder(tmp_path)
    assert codes == [0] and not list(tmp_path.iterdir())


def test_a_study_goes_on_with_a_task_of_other_settings(simulate: Measure) -> None:
    before, _ = simulate(settings_of(tasks=("toy-sst2",)))
    more = settings_of(tasks=("toy-sst2", "toy-cola"), task_training={"toy-cola": {"num_updates": 50}})
    after, _ = simulate(more)
    assert [row for row in after.rows if row.task == "toy-sst2"] == before.rows
    assert {row.num_updates for row in after.rows if row.task == "toy-cola"} == {50}
    again, _ = simulate(settings_of(tasks=("toy-sst2",)))  # the command of before
    assert again.rows == before.rows
