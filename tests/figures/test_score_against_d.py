import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lit_idim.figures import score_against_d as module
from lit_idim.figures.score_against_d import score_against_d
from lit_idim.ledger.record import TrainingRecord


def training(row, d, rate, status="finished", **changes):
    values = {
        "key": f"{row.model}/{row.checkpoint}/{row.task}/{row.method}/{d}/{rate}/{status}",
        "model": row.model,
        "checkpoint": row.checkpoint,
        "pretraining_step": row.pretraining_step,
        "num_parameters": 480_000,
        "task": row.task,
        "method": row.method,
        "projection": row.projection,
        "d": d,
        "learning_rate": rate,
        "rate": round(2 * np.log10(rate)),
        "replicate": 0,
        "status": status,
        "metric": row.metric,
        "score": 0.5 + 0.04 * np.log2(d / 16) if status == "finished" else None,
        "chance_score": 0.5,
        "evaluations": (),
        "num_updates": 10,
        "num_updates_done": 10,
        "num_examples": 320,
        "batch_size": 32,
        "num_train_examples": 4000,
        "num_dev_examples": 1000,
        "seconds": 1.0,
    }
    return TrainingRecord(**(values | changes))


@pytest.fixture
def figures(monkeypatch) -> list[Figure]:
    """The figures that are saved, in order."""
    kept = []
    save = module.save_figure
    monkeypatch.setattr(module, "save_figure", lambda figure, *where: (kept.append(figure), save(figure, *where))[1])
    return kept


def marks(figure, gid):
    return [line for line in figure.findobj(Line2D) if line.get_gid() == gid]


def test_a_file_a_task_and_method_and_pages_of_twelve(tmp_path, study, figures, check_texts):
    rows = study(tuple(range(0, 1300, 100)), ("toy-sst2",)) + study((0,), ("a/b",), ("did",))
    records = [training(row, d, rate) for row in rows for d in (16, 16384) for rate in (0.01, 0.1)]
    paths = score_against_d(records, rows, tmp_path)
    assert [path.name for path in paths if path.suffix == ".png"] == [
        "score_against_d_toy-sst2_said.png",
        "score_against_d_toy-sst2_said_page2.png",
        "score_against_d_a_b_did.png",
    ]
    assert all(path.is_file() for path in paths)
    for figure in figures:
        check_texts(figure)


def test_what_a_panel_shows(tmp_path, make_row, figures):
    row = make_row()
    records = [
        training(row, 16, 0.1),
        training(row, 1024, 0.1),
        training(row, 1024, 10.0, "diverged"),
        training(row, 64, 0.1, "paused"),
        training(row, 64, 0.1, "failed"),
        training(row, 64, 0.1, task="toy-mrpc"),
        training(row, 64, 0.1, method="full", projection=None),
    ]
    curve = (np.log([16.0, 1024.0]), np.array([0.5, 0.9]))
    curves = {(row.model, row.checkpoint, row.task, row.method): curve}
    score_against_d(records, [row], tmp_path, curves=curves)
    (figure,) = figures
    assert sorted(line.get_xdata()[0] for line in marks(figure, "finished")) == [16, 1024]
    (diverged,) = marks(figure, "diverged")
    assert (diverged.get_marker(), diverged.get_ydata()[0]) == ("x", 0.5)
    assert np.allclose(marks(figure, "fit")[0].get_xdata(), [16, 1024])
    assert marks(figure, "full_score")[0].get_ydata()[0] == 0.92
    assert marks(figure, "target_score")[0].get_linestyle() == "--"
    assert marks(figure, "chance_score")[0].get_linestyle() == ":"
    (band,) = (patch for patch in figure.findobj() if patch.get_gid() == "interval")
    assert (band.get_x(), band.get_x() + band.get_width()) == (200, 450)


def test_one_cell_without_trainings(tmp_path, make_row, figures, check_texts):
    score_against_d([], [make_row(status="failed", full_score=None, target_score=None)], tmp_path)
    check_texts(figures[0])


def test_files_are_the_same_bytes_each_time(tmp_path, make_row):
    row = make_row()
    records = [training(row, 16, 0.1), training(row, 1024, 0.3)]
    for one, other in zip(
        score_against_d(records, [row], tmp_path / "a"), score_against_d(records, [row], tmp_path / "b"), strict=True
    ):
        assert one.read_bytes() == other.read_bytes()
