import importlib
import json
import re
import socket
from dataclasses import replace

import pytest

from lit_idim.dashboard import extra
from lit_idim.dashboard.payload import payload
from lit_idim.dashboard.report import report_of
from lit_idim.dashboard.workspace import workspace_of
from lit_idim.errors import UserError
from lit_idim.tracking.history import chart_table
from lit_idim.tracking.keys import AXES, chart_key

wandb = pytest.importorskip("wandb")

VIEWS = {
    "lines": "Run History Line Plot",
    "number": "Scalar Chart",
    "bars": "Bar Chart",
    "line_chart": "Vega2",
    "scatter_chart": "Vega2",
    "table": "Weave",
    "picture": "Media Browser",
}


@pytest.fixture(autouse=True)
def _no_server(monkeypatch):
    def refuse(*words):
        raise AssertionError("a dashboard is made without a network")

    pytest.importorskip("wandb_workspaces")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("wandb.Api", refuse)


@pytest.fixture
def sent(dashboard):
    return json.loads(payload(dashboard, entity="me", project="lit_idim"))


def runs_of(run_set):
    return {one["key"]["name"]: one["value"] for one in run_set["filters"]["filters"]}


def test_the_workspace_has_every_section_and_panel(dashboard, sent):
    section = sent["workspace"]["spec"]["section"]
    found = section["panelBankConfig"]["sections"]
    assert [one["name"] for one in found] == [one.name for one in dashboard.sections]
    for one, expected in zip(found, dashboard.sections, strict=True):
        assert [panel["viewType"] for panel in one["panels"]] == [VIEWS[panel.kind] for panel in expected.panels]
    assert {panel.kind for part in dashboard.sections for panel in part.panels} == set(VIEWS)


def test_lines_keep_their_axes_and_keys(dashboard, sent):
    found = {}
    for section in sent["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]:
        found |= {one["config"].get("chartTitle"): one["config"] for one in section["panels"]}
    lines = [panel for section in dashboard.sections for panel in section.panels if panel.kind == "lines"]
    assert any(panel.pattern for panel in lines) and not all(panel.pattern for panel in lines)
    for panel in lines:
        config = found[panel.title]
        assert config.get("metricRegex") == panel.pattern
        assert config["metrics"] == ([] if panel.pattern else list(panel.keys))
        assert config["xAxis"] == {"RelativeTime(Wall)": "_absolute_runtime"}.get(panel.x, panel.x)
        assert (config.get("xLogScale", False), config.get("yLogScale", False)) == (panel.log_x, panel.log_y)


def test_the_runs_are_those_of_the_study_in_its_group(dashboard, sent):
    (run_set,) = sent["workspace"]["spec"]["section"]["runSets"]
    grids = [one for one in sent["report"]["spec"]["blocks"] if one["type"] == "panel-grid"]
    assert len(grids) == sum(section.in_report for section in dashboard.sections)
    for one in (run_set, *(found for grid in grids for found in grid["metadata"]["runSets"])):
        assert runs_of(one) == {"study": dashboard.study, "jobType": "study"}
        assert one["grouping"] == [{"section": "run", "name": "group"}]
        assert "project" not in one


def test_a_group_is_asked_for_where_it_is_known(dashboard):
    sent = json.loads(payload(replace(dashboard, group="curve-0a1b=<"), entity="me", project="p"))
    (run_set,) = sent["workspace"]["spec"]["section"]["runSets"]
    assert runs_of(run_set)["group"] == "curve-0a1b=<"


@pytest.mark.parametrize("axis", AXES)
def test_a_chart_is_drawn_as_the_study_sends_it(dashboard, sent, axis, make_row):
    columns, rows = chart_table([make_row()], axis, "d90")
    chart = wandb.plot.line(wandb.Table(columns=columns, data=rows), axis, "d90", stroke="line", title="any")
    chart.set_key(chart_key(axis))
    sections = sent["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]
    panels = [one["config"] for section in sections for one in section["panels"] if one["viewType"] == "Vega2"]
    (found,) = (one for one in panels if one["fieldSettings"]["x"] == axis and one["panelDefId"] == "wandb/line/v0")
    expected = chart.spec.config_value["panel_config"]
    assert found["panelDefId"] == expected["panelDefId"]
    assert found["fieldSettings"] == {name: column for name, column in expected["fieldSettings"].items() if column}
    assert set(found["fieldSettings"].values()) <= set(columns)
    (query,) = (one for one in found["userQuery"]["queryFields"][0]["fields"] if one["name"] == "summaryTable")
    assert query["args"] == [{"name": "tableKey", "value": chart.spec.table_key}]


def test_the_report_has_the_texts(dashboard, sent):
    blocks = sent["report"]["spec"]["blocks"]
    words = [one["content"] for one in blocks if one["type"] == "markdown-block"]
    assert words[0].startswith("d90 is the smallest number") and "```\nseries step\na@main 0\n```" in words
    assert [one["children"][0]["text"] for one in blocks if one["type"] == "heading"][-1] == "d90 and model size"


def test_the_same_dashboard_is_sent_but_for_random_names(dashboard, sent):
    again = json.loads(payload(dashboard, entity="me", project="lit_idim"))
    assert _without_names(again) == _without_names(sent)


def test_wandb_reads_what_it_is_sent(dashboard):
    workspaces, reports = importlib.import_module(extra.WORKSPACES), importlib.import_module(extra.REPORTS)
    model = workspace_of(dashboard, entity="me", project="lit_idim")._to_model()
    again = workspaces.Workspace._from_model(model)._to_model()
    panels = [
        [
            one
            for part in view.spec.section.panel_bank_config.sections
            for one in part.panels
            if one.view_type != "Weave"
        ]
        for view in (model, again)  # the layout of a table is lost in reading
    ]
    assert panels[0] == panels[1] and again.spec.section.run_sets[0].filters == model.spec.section.run_sets[0].filters
    report = report_of(dashboard, entity="me", project="lit_idim")
    assert reports.Report._from_model(report._to_model()).title == dashboard.title


def test_a_dashboard_of_400_cells_is_sent_in_little(dashboard):
    many = tuple(
        replace(section, panels=section.panels * 5) for section in dashboard.sections
    )  # more than any study has
    assert len(payload(replace(dashboard, sections=many), entity="me", project="p")) < 4_000_000


def test_panels_of_a_report_do_not_lie_on_one_another(sent):
    for grid in (one for one in sent["report"]["spec"]["blocks"] if one["type"] == "panel-grid"):
        taken = set()
        for panel in grid["metadata"]["panelBankSectionConfig"]["panels"]:
            place = panel["layout"]
            squares = {
                (place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])
            }
            assert not squares & taken and place["x"] + place["w"] <= 24
            taken |= squares


def test_without_the_extra_the_error_names_it(dashboard, monkeypatch):
    def missing(module):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(extra.importlib, "import_module", missing)
    with pytest.raises(UserError, match=re.escape("pip install 'lit-idim[dashboard]'")):
        workspace_of(dashboard, entity="me", project="p")
    with pytest.raises(ModuleNotFoundError, match="numpy"):
        extra.import_extra("numpy")


def _without_names(sent):
    text = json.dumps(sent)
    return re.sub(r'"(__id__|id)": "[a-z0-9]*"', "", text)
