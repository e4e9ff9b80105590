import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lit_idim.figures.d90_vs_pretraining_step import d90_vs_pretraining_step, draw_d90_vs_pretraining_step

SIX_TASKS = ("toy-sst2", "toy-mrpc", "toy-qqp", "toy-mnli", "toy-anli", "yelp_polarity")
TWELVE_STEPS = (0, *range(10_000, 200_000, 20_000), 200_000)


def marks(figure, gid):
    return [line for line in figure.findobj(Line2D) if line.get_gid() == gid]


def legend_labels(figure):
    return [text.get_text() for text in figure.subfigs[1].legends[0].get_texts()]


def test_files_are_the_same_bytes_each_time(tmp_path, study):
    rows = study((0, 125, 250, 500), SIX_TASKS[:2])
    first = d90_vs_pretraining_step(rows, tmp_path / "a")
    second = d90_vs_pretraining_step(rows, tmp_path / "b")
    assert [path.name for path in first] == ["d90_vs_pretraining_step.png", "d90_vs_pretraining_step.svg"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(path.name for path in first)


@pytest.mark.parametrize(
    ("steps", "tasks", "methods", "models"),
    [
        ((1000,), SIX_TASKS[:1], ("said",), ("toy",)),
        ((0,), SIX_TASKS, ("said",), ("toy",)),
        (TWELVE_STEPS, SIX_TASKS, ("said", "did"), ("a-model",)),
        ((0, 1, 2, 4, 1000, 143_000), SIX_TASKS[:1], ("said",), tuple(f"a-model-of-a-series-{n}" for n in range(8))),
        ((500, 1000, 2000), SIX_TASKS[:3], ("did",), ("one/of-two", "two/of-two-with-a-name-" + "that-is-long" * 5)),
        ((128, 256, 512), ("task_" * 12, "$x^2$"), ("said",), ("model " * 30,)),
    ],
)
def test_texts_lie_within_the_figure_and_apart(study, check_texts, steps, tasks, methods, models):
    rows = study(steps, tasks, methods, models)
    check_texts(draw_d90_vs_pretraining_step(rows, reference_d={"head only (66,306 numbers)": 66_306.0}))


def test_every_status_has_its_mark_and_its_place(make_row):
    statuses = ("above_range", "below_range", "trivial", "no_signal", "failed")
    rows = [make_row(pretraining_step=100 * 2**n, status=status) for n, status in enumerate(statuses)]
    figure = draw_d90_vs_pretraining_step([*rows, make_row(pretraining_step=6400)])
    found = {status: marks(figure, status) for status in statuses}
    assert [len(lines) for lines in found.values()] == [1] * 5
    above, below, trivial, no_signal, failed = (lines[0] for lines in found.values())
    assert (above.get_marker(), below.get_marker(), no_signal.get_marker(), failed.get_marker()) == ("^", "v", "x", "+")
    assert trivial.get_markerfacecolor() == "white"
    assert (above.get_ydata()[0], below.get_ydata()[0]) == (16384, 16)
    height = marks(figure, "strip")[0].get_ydata()[0]
    assert all(0 < line.get_ydata()[0] < height for line in (trivial, no_signal, failed))
    assert [line.get_xdata()[0] for line in (above, failed)] == [100, 1600]
    assert len(legend_labels(figure)) == 6


def test_the_legend_names_only_what_is_there(make_row):
    assert legend_labels(draw_d90_vs_pretraining_step([make_row()])) == ["toy-sst2"]


def test_all_censored_has_the_range_as_its_scale(make_row, check_texts):
    rows = [make_row(pretraining_step=step, status="above_range") for step in (0, 100, 1000)]
    figure = draw_d90_vs_pretraining_step(rows)
    low, high = figure.findobj(Axes)[0].get_ylim()
    assert low < 16384 < high
    assert not np.isfinite(marks(figure, "reached")[0].get_ydata()).any()
    check_texts(figure)


def test_step_0_has_a_place_named_0(study):
    (axes,) = draw_d90_vs_pretraining_step(study((0, 125, 4000), SIX_TASKS[:1])).findobj(Axes)
    assert axes.get_xscale() == "symlog" and axes.get_yscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "125", "4k"]
    assert axes.get_xlim()[0] < 0
    assert draw_d90_vs_pretraining_step(study((125, 4000), SIX_TASKS[:1])).findobj(Axes)[0].get_xscale() == "log"


def test_the_mean_is_a_gap_where_a_task_is_censored(make_row):
    rows = [make_row(task=task, pretraining_step=step) for task in ("a", "b") for step in (1, 2, 3)]
    rows[1] = make_row(task="a", pretraining_step=2, status="trivial")
    (mean,) = marks(draw_d90_vs_pretraining_step(rows), "mean")
    assert np.isnan(mean.get_ydata()).tolist() == [False, True, False]
    assert mean.get_linewidth() > 2 * marks(draw_d90_vs_pretraining_step(rows), "reached")[0].get_linewidth() - 0.1


def test_many_lines_get_a_panel_a_method(study):
    figure = draw_d90_vs_pretraining_step(study((1, 2, 3), SIX_TASKS, ("said", "did")))
    assert [axes.get_title(loc="left") for axes in figure.findobj(Axes)] == ["SAID", "DID"]


def test_captions_and_titles_can_be_given(make_row):
    figure = draw_d90_vs_pretraining_step([make_row()], title="A title", caption="A caption")
    assert [part.texts[0].get_text() for part in (figure.subfigs[0], figure.subfigs[2])] == ["A title", "A caption"]


def test_without_steps_there_is_no_figure(make_row):
    with pytest.raises(ValueError, match="pretraining step"):
        draw_d90_vs_pretraining_step([make_row(pretraining_step=None)])
