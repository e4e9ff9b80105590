"""Panels and run filters as W&B's own objects; making them needs no network."""

from typing import Any

from lit_idim.dashboard.extra import REPORTS, import_extra
from lit_idim.dashboard.panels import Dashboard, Panel

_WIDE = {"w": 24, "h": 12}
_NARROW = {"w": 12, "h": 8}
_NUMBER = {"w": 6, "h": 4}
"""Sizes in a report, whose grid is 24 units wide."""


def wandb_panel(panel: Panel) -> Any:
    """A panel of `wandb_workspaces.reports.v2`, which workspaces take as well.

    Args:
        panel: what it shows.
    """
    reports = import_extra(REPORTS)
    if panel.kind == "lines":
        return _lines(reports, panel)
    if panel.kind == "number":
        # The counts grow from piece to piece of a study that was started again: the largest is the study's.
        return reports.ScalarChart(
            title=panel.title, metric=panel.keys[0], groupby_aggfunc="max", layout=reports.Layout(**_NUMBER)
        )
    if panel.kind == "bars":
        return reports.BarPlot(
            title=panel.title, metrics=list(panel.keys), groupby_aggfunc="max", layout=reports.Layout(**_NARROW)
        )
    if panel.kind == "table":
        return reports.WeavePanelSummaryTable(table_name=panel.keys[0], layout=reports.Layout(**_WIDE))
    if panel.kind == "picture":
        return reports.MediaBrowser(
            title=panel.title, media_keys=list(panel.keys), num_columns=1, layout=reports.Layout(**_WIDE)
        )
    return _chart(reports, panel)


def run_filter(dashboard: Dashboard) -> str:
    """The runs of a study's own, as an expression of W&B's.

    Every letter of a name that could mean something to its parser is written as an escape: it changes `=` and `<` in
    quoted text, too, and does not escape quotes itself.

    Args:
        dashboard: whose runs.
    """
    wanted = [("Config('study')", dashboard.study), ("Metric('JobType')", dashboard.job_type)]
    if dashboard.group is not None:
        wanted.append(("Metric('Group')", dashboard.group))
    return " and ".join(f"{name} == {_quoted(value)}" for name, value in wanted)


def _quoted(text: str) -> str:
    return "'" + "".join(one if one.isascii() and one.isalnum() else f"\\U{ord(one):08x}" for one in text) + "'"


def _lines(reports: Any, panel: Panel) -> Any:
    selection = {"y": list(panel.keys)} if panel.pattern is None else {"metric_regex": panel.pattern}
    return reports.LinePlot(
        title=panel.title,
        x=panel.x,
        log_x=panel.log_x or None,
        log_y=panel.log_y or None,
        title_x=panel.x,
        title_y=panel.y,
        smoothing_type="none",
        ignore_outliers=False,
        layout=reports.Layout(**_NARROW),
        **selection,
    )


def _chart(reports: Any, panel: Panel) -> Any:
    columns: dict[str, str | None]
    if panel.kind == "line_chart":
        table = f"{panel.keys[0]}_table"  # where wandb.plot keeps the rows of a chart
        name = "wandb/line/v0"
        columns = {"x": panel.x, "y": panel.y, "stroke": "line"}
    else:
        table = panel.keys[0]
        name = "wandb/scatter/v0"
        columns = {"x": panel.x, "y": panel.y}
    return reports.CustomChart(
        query={"summaryTable": {"tableKey": table}},
        chart_name=name,
        chart_fields=columns,
        chart_strings={"title": panel.title},
        layout=reports.Layout(**_NARROW),
    )
