import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from lit_idim.figures.full_score_vs_step import draw_full_score_vs_step, full_score_vs_step


def draw(rows):
    return draw_full_score_vs_step(rows, title="Full fine-tuning", caption=None)


@pytest.mark.parametrize(("num_tasks", "num_models"), [(1, 1), (6, 2), (7, 5)])
def test_a_panel_a_task(study, check_texts, num_tasks, num_models):
    tasks = [f"toy-task-with-a-long-name-{n}" for n in range(num_tasks)]
    models = [f"a-model-with-a-rather-long-name-{n}" for n in range(num_models)]
    figure = draw(study((0, 125, 250, 500, 1000, 2000, 4000), tasks, ("said", "did"), models))
    assert len(figure.findobj(Axes)) == num_tasks
    check_texts(figure)


def test_bars_chance_and_head(make_row):
    figure = draw([make_row(head_score=0.6), make_row(method="did", head_score=0.6)])
    lines = {line.get_gid(): line for line in figure.findobj(Line2D) if line.get_gid()}
    assert lines["chance_score"].get_ydata()[0] == 0.5
    assert lines["head_score"].get_ydata()[0] == 0.6
    (bars,) = figure.findobj(LineCollection)
    low, high = bars.get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((0.92 - 1.645 * 0.006, 0.92 + 1.645 * 0.006))


def test_files_are_the_same_bytes_each_time(tmp_path, study):
    rows = study((0, 125, 250), ("toy-sst2", "toy-mrpc"))
    for one, other in zip(
        full_score_vs_step(rows, tmp_path / "a"), full_score_vs_step(rows, tmp_path / "b"), strict=True
    ):
        assert one.read_bytes() == other.read_bytes()


def test_without_a_full_score_there_is_no_figure(make_row):
    with pytest.raises(ValueError, match="full score"):
        draw([make_row(full_score=None)])
