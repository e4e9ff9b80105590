import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.text import Text

from lit_idim.figures.scores_by_model import best_scores, draw_scores_by_model, scores_by_model
from lit_idim.ledger.record import TrainingRecord


def training(row, d, rate, score, replicate=0, status="finished"):
    return TrainingRecord(
        key=f"{row.model}/{row.task}/{row.method}/{d}/{rate}/{replicate}",
        model=row.model,
        checkpoint=row.checkpoint,
        pretraining_step=row.pretraining_step,
        num_parameters=480_000,
        task=row.task,
        method=row.method,
        projection=row.projection,
        d=d,
        learning_rate=0.1,
        rate=rate,
        replicate=replicate,
        status=status,
        metric=row.metric,
        score=score,
        chance_score=0.5,
        evaluations=(),
        num_updates=10,
        num_updates_done=10,
        num_examples=320,
        batch_size=32,
        num_train_examples=4000,
        num_dev_examples=1000,
        seconds=1.0,
    )


def lines(axes, gid):
    return [line for line in axes.findobj(Line2D) if line.get_gid() == gid]


def test_a_point_is_the_best_rates_mean_over_replicates(make_row):
    row = make_row()
    records = [
        training(row, 16, 0, 0.6),
        training(row, 16, 0, 0.8, replicate=1),
        training(row, 16, 1, 0.69),
        training(row, 64, 0, None, status="diverged"),
        training(row, 32, 0, 0.9),
        training(make_row(task="other"), 16, 0, 1.0),
    ]
    assert best_scores(records, row) == [(16, pytest.approx(0.7)), (32, 0.9)]


def test_a_panel_a_task_and_method_and_a_dashed_target_a_model(tmp_path, study, check_texts):
    rows = study((1000,), ("toy-sst2", "toy-mrpc"), ("said", "did"), ("toy-L2-H64", "toy-L2-H128"), with_statuses=False)
    records = [training(row, d, 0, 0.5 + 0.04 * np.log2(d / 16)) for row in rows for d in (16, 256, 16384)]
    key = (rows[0].model, rows[0].checkpoint, rows[0].task, rows[0].method)
    curves = {key: (np.log([16.0, 100.0]), np.array([0.5, 0.9]))}
    figure = draw_scores_by_model(records, rows, curves=curves)
    check_texts(figure)
    panels = [axes for part in figure.subfigs for axes in part.axes]
    assert [axes.get_title(loc="left") for axes in panels] == [
        "toy-sst2, SAID", "toy-sst2, DID", "toy-mrpc, SAID", "toy-mrpc, DID",
    ]  # fmt: skip
    for axes in panels:
        targets = lines(axes, "target_score")
        assert [line.get_linestyle() for line in targets] == ["--", "--"]
        assert len({line.get_color() for line in targets}) == 2
        assert len(lines(axes, "scores")) == 2 and len(lines(axes, "d90")) == 2
    assert [len(lines(axes, "fit")) for axes in panels] == [1, 0, 0, 0]
    paths = scores_by_model(records, rows, tmp_path, curves=curves, stem="figure1")
    assert [path.name for path in paths] == ["figure1.png", "figure1.svg"] and all(path.is_file() for path in paths)


def test_a_censored_d90_has_no_line_and_a_cell_without_trainings_no_points(study):
    rows = study((1000,), ("toy-sst2",), with_statuses=True)
    figure = draw_scores_by_model([], rows, curves={})
    (axes,) = [axes for part in figure.subfigs for axes in part.axes]
    assert rows[0].status != "reached" and not lines(axes, "d90") and not lines(axes, "scores")


def test_the_caption_names_the_target_that_is_drawn(make_row):
    def words(**chosen):
        figure = draw_scores_by_model([], [make_row(target_fraction=0.9)], curves={}, **chosen)
        return " ".join(text.get_text() for text in figure.findobj(Text)).replace("\n", " ")

    assert "Target: 90% of the checkpoint's own full score" in words()
    assert "Target: chance plus 90% of what" in words(variant="d90_chance_corrected")


def test_no_rows_draw_nothing(tmp_path):
    assert scores_by_model([], [], tmp_path, curves={}) == [] and not list(tmp_path.iterdir())
