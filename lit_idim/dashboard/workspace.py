"""The dashboard as a W&B workspace."""

import importlib
from typing import Any

from lit_idim.dashboard.extra import WORKSPACES, import_extra
from lit_idim.dashboard.panels import Dashboard
from lit_idim.dashboard.wandb_panels import run_filter, wandb_panel


def workspace_of(dashboard: Dashboard, *, entity: str, project: str) -> Any:
    """A `wandb_workspaces.workspaces.Workspace`; made without a network.

    Pieces of a study that was started again are runs of one group and stand as one.

    Args:
        dashboard: what it shows.
        entity: user or team that owns the project.
        project: of the runs.

    Raises:
        UserError: if the extra `dashboard` is not installed.
    """
    workspaces = import_extra(WORKSPACES)
    expressions = importlib.import_module("wandb_workspaces.expr")
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=dashboard.title,
        sections=[
            workspaces.Section(
                name=section.name,
                panels=[wandb_panel(panel) for panel in section.panels],
                is_open=section.is_open,
                layout_settings=workspaces.SectionLayoutSettings(columns=3, rows=3),
            )
            for section in dashboard.sections
        ],
        settings=workspaces.WorkspaceSettings(smoothing_type="none", ignore_outliers=False),
        runset_settings=workspaces.RunsetSettings(filters=run_filter(dashboard), groupby=[expressions.Metric("Group")]),
    )
