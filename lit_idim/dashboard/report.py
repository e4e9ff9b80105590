"""The dashboard as a W&B report."""

from typing import Any

from lit_idim.dashboard.extra import REPORTS, import_extra
from lit_idim.dashboard.panels import Dashboard, Section, Text
from lit_idim.dashboard.wandb_panels import run_filter, wandb_panel


def report_of(dashboard: Dashboard, *, entity: str, project: str) -> Any:
    """A `wandb_workspaces.reports.v2.Report`; made without a network.

    Args:
        dashboard: what it shows.
        entity: user or team that owns the project.
        project: of the runs.

    Raises:
        UserError: if the extra `dashboard` is not installed.
    """
    reports = import_extra(REPORTS)
    blocks: list[Any] = [reports.TableOfContents()]
    blocks += [block for text in dashboard.texts_before for block in _text(reports, text)]
    blocks += [
        block for section in dashboard.sections if section.in_report for block in _section(reports, dashboard, section)
    ]
    blocks += [block for text in dashboard.texts_after for block in _text(reports, text)]
    return reports.Report(
        entity=entity,
        project=project,
        title=dashboard.title,
        description=dashboard.description,
        blocks=blocks,
        width="fluid",
    )


def _text(reports: Any, text: Text) -> list[Any]:
    return [reports.H1(text.heading), reports.MarkdownBlock(text.markdown)]


def _section(reports: Any, dashboard: Dashboard, section: Section) -> list[Any]:
    # A run set that names its project asks the server for it; one that names none is of the report's own project.
    runs = reports.Runset(name=dashboard.study, filters=run_filter(dashboard), groupby=["run.group"])
    return [
        reports.H1(section.name),
        reports.MarkdownBlock(section.shows),
        reports.PanelGrid(runsets=[runs], panels=[wandb_panel(panel) for panel in section.panels]),
    ]
