import itertools
import re
from dataclasses import replace

import pytest

from lit_idim.dashboard.description import CellName, StudyDescription
from lit_idim.dashboard.lines import MAX_PANELS, grouped, line_panel, pattern_of
from lit_idim.dashboard.panels import describe_dashboard
from lit_idim.dashboard.sections import BOUND_CHARTS
from lit_idim.dashboard.spec import dashboard_of
from lit_idim.generalization.row import GENERALIZATION_COLUMNS
from lit_idim.tracking import keys
from lit_idim.tracking.history import d90_points


def study_of(*, models=("bert",), steps=(0, 1000), tasks=("mrpc", "qqp"), methods=("said",), **other):
    cells = tuple(
        CellName(
            model=model,
            checkpoint="final" if step is None else f"step-{step}",
            pretraining_step=step,
            task=task,
            method=method,
        )
        for model, task, method, step in itertools.product(models, tasks, methods, steps)
    )
    return StudyDescription(name="pretrain_curve", cells=cells, **other)


STUDIES = {
    "curve": study_of(),
    "sizes": study_of(models=("a", "b"), steps=(None,), methods=("did", "said")),
    "one model": study_of(steps=(None,)),
    "bounds": study_of(tables=("d90", "generalization"), figures=("bounds",), summary="text", size_trends=("a",)),
    "400 cells": study_of(models=tuple(f"m{i}" for i in range(4)), steps=tuple(range(25)), methods=("did", "said")),
    "200 models": study_of(models=tuple(f"m{i}" for i in range(200)), steps=(None,)),
    "200 series": study_of(models=tuple(f"m{i}" for i in range(200)), steps=(0, 10)),
    "100 tasks": study_of(models=("a", "b"), tasks=tuple(f"t{i}" for i in range(100)), methods=("did", "said")),
    "odd": study_of(models=("a@main", "ünï.x", "a b"), tasks=("it's [new] (1)",), steps=(0, 5)),
    "no cells": StudyDescription(name="x", cells=()),
}


def panels_of(study, kind=None):
    return [one for part in dashboard_of(study).sections for one in part.panels if kind in (None, one.kind)]


def sent_keys(study):
    """Every history key that a study may send, by the functions that the tracker calls."""
    sent = set()
    for cell in study.cells:
        line = (cell.model, cell.task, cell.method)
        sent |= {keys.d90_key(number, "pretraining_step", *line) for number in keys.D90_NUMBERS}
        sent |= {keys.d90_key(number, "num_parameters", *line[1:]) for number in keys.D90_NUMBERS}
        sent |= {keys.full_score_key(cell.model, cell.task)}
        sent |= {keys.score_key(cell.model, cell.checkpoint, cell.task, cell.method)}
    return sent | {keys.NUM_CELLS_DONE, keys.NUM_CELLS_REACHED, keys.NUM_TRAININGS, keys.TRAINING_SECONDS}


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_equal_studies_have_equal_dashboards(study):
    assert dashboard_of(study) == dashboard_of(replace(study))
    assert hash(dashboard_of(study)) == hash(dashboard_of(replace(study)))
    assert dashboard_of(study) != dashboard_of(replace(study, name="another"))


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_every_key_is_one_that_a_study_sends(study):
    tables = {keys.table_key(stem) for stem in ("d90", *study.tables)}
    figures = {keys.figure_key(stem) for stem in study.figures}
    charts = {keys.chart_key(axis) for axis in keys.AXES}
    allowed = sent_keys(study) | tables | figures | charts
    assert {key for panel in panels_of(study) for key in panel.keys} <= allowed


def test_every_number_that_a_study_sends_is_drawn_against_its_step_metric(make_row):
    study = study_of(models=("a@main", "b"), steps=(0, 1000), tasks=("mrpc",), methods=("did", "said"))
    drawn = {(panel.x, key) for panel in panels_of(study, "lines") for key in panel.keys}
    for cell in study.cells:
        row = make_row(model=cell.model, task=cell.task, method=cell.method, pretraining_step=cell.pretraining_step)
        for point in d90_points(row, "d90", is_last=True):
            (x, *_), numbers = point, [key for key in point if key not in keys.AXES]
            assert numbers and {(x, key) for key in numbers} <= drawn


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_a_pattern_selects_its_keys_and_no_others(study):
    everything = sent_keys(study)
    for panel in panels_of(study, "lines"):
        if panel.pattern is not None:
            assert {key for key in everything if re.search(panel.pattern, key)} == set(panel.keys), panel.title


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_every_cell_is_in_one_panel_of_scores_and_panels_stay_few(study):
    drawn = [key for panel in panels_of(study, "lines") for key in panel.keys if panel.x == "d"]
    expected = {keys.score_key(cell.model, cell.checkpoint, cell.task, cell.method) for cell in study.cells}
    assert sorted(drawn) == sorted(expected)
    for section in dashboard_of(study).sections:
        assert len(section.panels) <= MAX_PANELS + 1


def test_few_cells_have_a_panel_each_and_many_a_panel_a_series():
    few = [panel for panel in panels_of(STUDIES["curve"], "lines") if panel.x == "d"]
    assert len(few) == 4 and all(len(panel.keys) == 1 and panel.pattern is None and panel.log_x for panel in few)
    many = [panel for panel in panels_of(STUDIES["400 cells"], "lines") if panel.x == "d"]
    assert len(many) == 4 * 2 * 2 and all(len(panel.keys) == 25 for panel in many)
    assert many[0].pattern == "^score_against_d/m0/[^/]+/mrpc/did$"


def test_curves_need_two_steps_and_sizes_two_models():
    names = {name: {section.name for section in dashboard_of(study).sections} for name, study in STUDIES.items()}
    assert "d90 against pretraining step" in names["curve"] and "d90 against model size" not in names["curve"]
    assert "d90 against pretraining step" not in names["sizes"] and "d90 against model size" in names["sizes"]
    assert names["one model"] == {"Score against d", "Cost", "Tables"}
    assert names["no cells"] == {"Cost", "Tables"}


def test_d90_is_drawn_on_a_logarithmic_axis_against_its_step_metric():
    for panel in panels_of(STUDIES["curve"], "lines"):
        if panel.keys[0].startswith("d90"):
            assert panel.x == "pretraining_step" and panel.log_y and not panel.log_x
    for panel in panels_of(STUDIES["sizes"], "lines"):
        if panel.keys[0].startswith("d90"):
            assert panel.x == "num_parameters" and panel.log_y and panel.log_x and len(panel.keys) == 3


def test_bounds_are_drawn_from_columns_of_their_table():
    for x, y, _ in BOUND_CHARTS:
        assert {x, y} <= set(GENERALIZATION_COLUMNS)
    assert "Bounds" in {section.name for section in dashboard_of(STUDIES["bounds"]).sections}
    assert [panel.keys for panel in panels_of(STUDIES["bounds"], "picture")] == [("figures/bounds",)]


def test_results_stand_in_the_report_as_they_are():
    summary = "\n".join(["| a `b` ```", *(f"line {index}" for index in range(500))])
    texts = dashboard_of(study_of(summary=summary, size_trends=("a trend",))).texts_after
    assert texts[0].markdown.startswith("```\n| a `b` '''\nline 0\n")
    assert texts[0].markdown.endswith("line 398\n... and 101 more lines\n```")
    assert texts[1].markdown == "```\na trend\n```"
    assert dashboard_of(study_of()).texts_after == ()


def test_the_title_is_one_that_wandb_takes():
    title = dashboard_of(replace(STUDIES["curve"], name="lr=1 🚀 'x'" + "y" * 200)).title
    assert title.startswith("d90 of lr_1 _ 'x'yyy") and len(title) == 128


def test_the_text_has_a_line_a_panel():
    dashboard = dashboard_of(STUDIES["curve"])
    text = describe_dashboard(dashboard)
    for panel in panels_of(STUDIES["curve"]):
        assert sum(f"  {panel.kind}  {panel.title}  " in line for line in text.splitlines()) == 1
    assert "against num_parameters  (log x and y)" in describe_dashboard(dashboard_of(STUDIES["sizes"]))


def test_patterns_are_of_what_all_dialects_share():
    assert pattern_of(["a/b.c/x", "a/b.c/y"]) == "^a/b[.]c/(x|y)$"
    assert pattern_of([f"a/{index}" for index in range(9)]) == "^a/[^/]+$"
    panel = line_panel("many", [f"a/{index}" for index in range(21)], x="d", y="score")
    assert panel.pattern == "^a/[^/]+$" and len(panel.keys) == 21


def test_the_coarsest_grouping_is_taken_where_all_are_too_fine():
    names = [str(index) for index in range(100)]
    assert len(grouped(names, [str, lambda name: name[0]])) == 10
    assert len(grouped(names, [str])) == 100
