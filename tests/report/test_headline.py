import itertools

import pytest

from lit_idim.report import report_page
from lit_idim.report.lines import choose_axis, plan_lines
from lit_idim.report.scales import linear_scale, step_scale, value_scale
from lit_idim.report.words import d90_words

from .parsed import Element, parse

STATUSES = ("reached", "above_range", "below_range", "trivial", "no_signal", "failed")


def figure_of(page: str) -> Element:
    return parse(page).all("figure", "headline")[0]


def test_a_mark_a_cell_and_a_bar_a_reached_one(make_row, make_content):
    rows = [make_row(pretraining_step=500 * n, status=status) for n, status in enumerate(STATUSES)]
    figure = figure_of(report_page(make_content(rows)))
    marks = figure.all("a", "mark")

    assert [mark.attributes["data-status"] for mark in marks] == list(STATUSES)
    assert len(figure.all("path", "bar")) == 2  # a piece below and one above the number
    legend = figure.all("ul", "keys")[0].text
    for words in ("> d_max", "< d_min", "chance reaches target", "full score at chance", "failed"):
        assert words in legend


def test_a_mark_says_all_of_its_cell_and_leads_to_its_scores(make_row, make_content):
    page = parse(report_page(make_content([make_row()])))
    mark = page.all("a", "mark")[0]
    (panel,) = page.all("article")

    assert mark.attributes["href"] == f"#{panel.attributes['id']}"
    label = mark.attributes["aria-label"]
    for words in (
        "toy-L2-H128, step-1000",
        "d90 300 (90% interval 200 to 450)",
        "status: reached",
        "30 trainings, 2 min",
    ):
        assert words in label


def test_a_point_a_training_and_one_stop_of_the_tab_key_a_panel(make_row, make_content):
    rows = [make_row(), make_row(task="other")]
    page = parse(report_page(make_content(rows, trainings_each=5)))

    for panel in page.all("article"):
        points = panel.all(of_class="point")
        assert len(points) == 5
        assert sum("diverged" in point.classes for point in points) == 1
        assert [point.attributes["tabindex"] for point in points] == ["0", "-1", "-1", "-1", "-1"]
        assert len(panel.all("path", "fit")) == len(panel.all("rect", "band")) == 1
        assert {kind for level in panel.all("path", "score") for kind in level.classes} >= {"full", "target", "chance"}


@pytest.mark.parametrize(
    ("study", "changes", "axis"),
    [
        (
            "pretrain_curve",
            [{"pretraining_step": 0}, {"pretraining_step": 10, "num_parameters": 5}],
            "pretraining_step",
        ),
        (
            "model_size",
            [{"pretraining_step": 0}, {"pretraining_step": 10, "num_parameters": 5, "model": "b"}],
            "num_parameters",
        ),
        ("model_size", [{"pretraining_step": 0}, {"pretraining_step": 10}], "pretraining_step"),
        ("sentence_prediction", [{}, {"num_parameters": 5}], "num_parameters"),
        ("sentence_prediction", [{"num_parameters": None}, {"task": "other"}], "cell"),
    ],
)
def test_the_axis_is_one_along_which_the_rows_differ(study, changes, axis, make_row, make_content):
    rows = [make_row(**change) for change in changes]

    assert choose_axis(rows, study) == axis
    assert len(figure_of(report_page(make_content(rows, study=study))).all("a", "mark")) == len(rows)


def test_rows_without_a_place_on_the_axis_are_counted(make_row, make_content):
    rows = [make_row(pretraining_step=step, task=f"{step}") for step in (10, 100, None)]
    figure = figure_of(report_page(make_content(rows)))

    assert len(figure.all("a", "mark")) == 2
    assert "Rows left out for want of a place on the x axis: 1." in figure.text


def test_many_lines_are_split_into_panels(make_row, make_content):
    rows = [
        make_row(model=model, task=task, pretraining_step=step)
        for model in ("a", "b")
        for task in ("s", "t")
        for step in (1, 10)
    ]
    figure = figure_of(report_page(make_content(rows)))

    assert [panel.all("h3")[0].text for panel in figure.all("div", "panel")] == ["a", "b"]
    assert [button.attributes["data-toggles"] for button in figure.all("button")] == ["line-0", "line-1", "means"]
    assert {group.attributes["data-line"] for group in figure.all("g", "series")} == {"line-0", "line-1", "means"}


def test_lines_differ_in_colour_and_marker_or_dashes(make_row):
    rows = [
        make_row(task=task, method=method, pretraining_step=step)
        for task in ("s", "t", "u")
        for method in ("did", "said")
        for step in (1, 10)
    ]
    looks = [(line.color, line.marker, line.dash) for line in plan_lines(rows, "pretrain_curve").lines.values()]

    assert len(set(looks)) == 6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "d90 300 (90% interval 200 to 450)"),
        ({"d90_low": None}, "d90 300 (90% interval open below, up to 450)"),
        ({"d90_high": None}, "d90 300 (90% interval from 200, open above)"),
        ({"d90_low": None, "d90_high": None}, "d90 300 (90% interval open at both ends)"),
        ({"status": "above_range", "d90_low": 16384.0}, "no d90: target not reached at d_max = 16,384"),
        ({"status": "below_range", "d90_high": 16.0}, "no d90: target already reached at d_min = 16"),
        ({"status": "failed", "reason": "no such file"}, "no d90: no such file"),
    ],
)
def test_d90_in_words(changes, words, make_row):
    assert d90_words(make_row(**changes), "d90") == words


def test_another_variant_is_drawn_with_its_own_numbers(make_row, make_content):
    page = report_page(make_content([make_row()], variant="d90_chance_corrected"))

    assert "chance-corrected d90 320 (90% interval 210 to 480)" in page
    final = figure_of(report_page(make_content([make_row()], variant="d90_final_target")))
    assert final.all("a", "mark")[0].attributes["data-status"] == "not_measured"
    assert final.all("ul", "keys")[0].text == "target not measured"


def test_along_d_a_model_is_drawn_at_its_last_step_alone(make_row, make_content):
    rows = [
        make_row(model=f"model-{D}", num_parameters=D, pretraining_step=step, **changes)
        for D in (1000, 30_000)
        for step, changes in ((0, {"status": "trivial"}), (500, {}))
    ]
    page = parse(report_page(make_content(rows, study="model_size")))
    marks = page.all("figure", "headline")[0].all("a", "mark")

    assert [mark.attributes["data-status"] for mark in marks] == ["reached", "reached"]
    assert "Drawn: 2 of 4 cells, those of each model's last pretraining step." in page.all("figcaption")[0].text
    assert "2 of 2 d90 reached." in page.all("figcaption")[0].text
    assert "Here 2 of 4 cells reached the target; 2 trivial" in page.all("header")[0].text
    assert "Of the 2 drawn below, 2 did." in page.all("header")[0].text
    assert len(page.all("article")) == 4


def test_the_rows_of_the_figure_can_be_given(make_row, make_content):
    rows = [make_row(pretraining_step=step) for step in (1, 10, 100)]
    given = parse(report_page(make_content(rows, headline_rows=rows[:2])))
    none = parse(report_page(make_content(rows, headline_rows=[])))

    assert len(given.all("figure", "headline")[0].all("a", "mark")) == 2
    assert "Drawn: 2 of 3 cells." in given.all("figcaption")[0].text
    assert "None of the cells of this figure has been measured yet." in none.text
    assert len([one for one in none.all() if one.attributes.get("id") == "headline"]) == 1


def test_models_are_named_along_d_where_their_names_do_not_touch(make_row, make_content):
    apart = [make_row(model=f"model-{D}", num_parameters=D) for D in (1000, 30_000, 1_000_000)]
    near = [*apart, make_row(model="another", num_parameters=1001)]

    names = [text.text for text in figure_of(report_page(make_content(apart))).all("text", "turned")]
    assert names == ["model-1000, 1k", "model-30000, 30k", "model-1000000, 1M"]
    assert not figure_of(report_page(make_content(near))).all("text", "turned")


def test_names_on_an_axis_do_not_touch():
    steps = [0, *range(10_000, 210_000, 10_000)]
    for scale in (step_scale(steps, 70, 620), value_scale([300, 301, 302, 90_000], 70, 620)):
        places = [place for place, _ in scale.ticks]
        assert all(b - a > 50 for a, b in itertools.pairwise(places))
    assert step_scale(steps, 70, 620).ticks[0][1] == "0"


def test_a_linear_axis_holds_its_ends():
    scale = linear_scale(0.5, 0.5, 100, 0)

    assert scale.place(0.5) == 100
    assert linear_scale(-0.2, 0.8, 0, 100).place(0.8) == pytest.approx(100)
