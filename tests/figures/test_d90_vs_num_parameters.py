from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.text import Text

from lit_idim.figures.d90_vs_num_parameters import d90_vs_num_parameters, draw_d90_vs_num_parameters
from lit_idim.figures.size_marks import names_of
from lit_idim.study.model_sizes import ModelSize, size_key
from lit_idim.study.size_trend import size_trends

STATUSES = ("above_range", "trivial", "failed", "no_signal", "below_range")


@pytest.fixture
def study(make_row):
    """Rows of models in families, sizes and trends; every third has another status than a d90."""

    def make(families, *, with_statuses=False, task="toy-sst2", method="said", without_known=True):
        rng = np.random.default_rng(0)
        rows, sizes = [], {}
        names = [(family, model) for family, models in families.items() for model in models]
        for number, (family, model) in enumerate(names):
            D = int(10 ** rng.uniform(6.5, 9))
            d90 = float(2000 * np.exp(0.6 * rng.standard_normal()))
            found = {"d90": d90, "d90_low": d90 / 1.4, "d90_high": d90 * 1.3}
            if with_statuses and number % 3 == 0:
                found = {"status": STATUSES[number // 3 % 5]}
            row = make_row(model=model, num_parameters=D, task=task, method=method, pretraining_step=None, **found)
            rows.append(row)
            sizes[size_key(row)] = ModelSize(
                model=model,
                checkpoint=row.checkpoint,
                family=family,
                num_parameters=D,
                num_parameters_without_embeddings=int(0.7 * D) if without_known else None,
            )
        return rows, sizes, size_trends(rows, sizes, num_resamples=40)

    return make


FIVE = {"toy": [f"toy-L{n}-H64" for n in range(5)]}
MINIATURES = {"bert-miniatures": [f"bert-L{n}-H{h}" for n in range(2, 14, 2) for h in (128, 256, 512, 768)]}
FAMILIES = {f"family-{n}": [f"owner/model-of-family-{n}-{size}" for size in ("base", "large")] for n in range(17)}


def marks(figure, gid):
    return [line for line in figure.findobj(Line2D) if line.get_gid() == gid]


def names(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_gid() == "name"]


@pytest.mark.parametrize(
    ("families", "with_statuses"),
    [
        ({"one": ["one"]}, False),
        (FIVE, False),
        (FIVE, True),
        (MINIATURES, True),
        (MINIATURES | FAMILIES, True),
        ({"a-family-with-a-very-long-name-" * 3: ["model " * 30, "$x^2$"]}, False),
    ],
)
def test_texts_lie_within_the_figure_and_apart(study, check_texts, families, with_statuses):
    rows, sizes, trends = study(families, with_statuses=with_statuses)
    check_texts(draw_d90_vs_num_parameters(rows, sizes, trends=trends))


def test_a_panel_for_D_and_one_without_embeddings(study):
    rows, sizes, trends = study(FIVE)
    figure = draw_d90_vs_num_parameters(rows, sizes, trends=trends)
    upper, lower = figure.findobj(Axes)
    assert (upper.get_xscale(), upper.get_yscale()) == ("log", "log")
    assert lower.get_xlabel() == "number of parameters without embeddings"
    places = [mark.get_xdata()[0] for mark in marks(figure, "reached")]
    assert places[:5] == [row.num_parameters for row in rows]
    assert places[5:] == [int(0.7 * row.num_parameters) for row in rows]
    assert sorted(names(figure)) == sorted(2 * [f"L{n}-H64" for n in range(5)])
    bars = [bar for bar in upper.findobj(LineCollection) if len(bar.get_segments())]
    assert bars[0].get_segments()[0][:, 1] == pytest.approx([rows[0].d90_low, rows[0].d90_high])


def test_the_line_and_its_words_are_the_trends(study):
    rows, sizes, trends = study(FIVE)
    figure = draw_d90_vs_num_parameters(rows, sizes, trends=trends)
    for axes, line, trend in zip(figure.findobj(Axes), marks(figure, "line"), trends, strict=True):
        x, d90 = np.log(line.get_xdata()), np.log(line.get_ydata())
        assert np.diff(d90)[0] / np.diff(x)[0] == pytest.approx(trend.slope)
        assert f"slope {trend.slope:+.2f} ({trend.slope_low:+.2f} to {trend.slope_high:+.2f})" in axes.get_title("left")
    words = figure.subfigs[2].texts[0].get_text().replace("\n", " ")
    assert "90% bootstrap intervals, whose 40 resamples draw models" in words
    assert not marks(draw_d90_vs_num_parameters(rows, sizes), "line")


def test_every_status_has_its_mark(study):
    rows, sizes, _ = study(MINIATURES, with_statuses=True)
    figure = draw_d90_vs_num_parameters(rows, sizes)
    assert {status: len(marks(figure, status)) for status in STATUSES} == dict(
        zip(STATUSES, (4, 4, 4, 2, 2), strict=True)
    )
    assert marks(figure, "above_range")[0].get_ydata()[0] == rows[0].d_max


def test_sizes_that_are_not_known_leave_no_panel_and_are_told(study, check_texts):
    rows, sizes, trends = study(FIVE, without_known=False)
    figure = draw_d90_vs_num_parameters(rows, sizes, trends=trends)
    assert len(figure.findobj(Axes)) == 1
    words = figure.subfigs[2].texts[0].get_text().replace("\n", " ")
    assert "D without embeddings is not known of 5 of 5 models" in words
    check_texts(figure)


def test_models_of_one_size_stand_side_by_side(study):
    rows, sizes, _ = study(FIVE)
    sizes = {key: replace(size, num_parameters=10**8) for key, size in sizes.items()}
    figure = draw_d90_vs_num_parameters(rows, sizes)
    figure.draw_without_rendering()
    places = sorted(mark.get_transform().transform(mark.get_xydata())[0, 0] for mark in marks(figure, "reached")[:5])
    assert np.diff(places) == pytest.approx(5 / 72 * figure.dpi)


def test_names_tell_the_family_where_the_mark_does_not(study):
    rows, sizes, _ = study({f"family-{n}": [f"model-{n}-a", f"model-{n}-b"] for n in range(7)}, with_statuses=True)
    assert names_of(rows, sizes, "d90")[:4] == ["model-0-a", "b", "a", "b"]  # above range, reached, reached, trivial
    rows, sizes, _ = study(MINIATURES | FIVE, with_statuses=True)
    assert names_of(rows, sizes, "d90")[:4] == ["L2-H128", "", "", "L2-H768"]


def test_a_file_a_task_and_method(tmp_path, study):
    rows, sizes, trends = study(FIVE)
    others, their_sizes, _ = study(FIVE, task="a/b", method="did")
    one = d90_vs_num_parameters(rows, sizes, tmp_path / "one", trends=trends)
    assert [path.name for path in one] == ["d90_vs_num_parameters.png", "d90_vs_num_parameters.svg"]
    both = d90_vs_num_parameters(rows + others, sizes | their_sizes, tmp_path / "both", trends=trends)
    assert [path.name for path in both if path.suffix == ".png"] == [
        "d90_vs_num_parameters_toy-sst2_said.png",
        "d90_vs_num_parameters_a_b_did.png",
    ]
    again = d90_vs_num_parameters(rows, sizes, tmp_path / "again", trends=trends)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in one]


def test_without_a_size_there_is_no_figure(tmp_path, make_row):
    assert d90_vs_num_parameters([make_row()], {}, tmp_path) == [] and not list(tmp_path.iterdir())
