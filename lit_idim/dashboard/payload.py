"""What W&B's server is sent, as JSON; made without a network."""

import json
from typing import Any

from lit_idim.dashboard.panels import Dashboard
from lit_idim.dashboard.report import report_of
from lit_idim.dashboard.workspace import workspace_of


def payload(dashboard: Dashboard, *, entity: str, project: str) -> str:
    """Workspace and report as `--push` sends them, but for the random names of panels, which differ in every call.

    Args:
        dashboard: what they show.
        entity: user or team that owns the project; "" if it is not known.
        project: of the runs.

    Raises:
        UserError: if the extra `dashboard` is not installed.
    """
    made = {
        "workspace": workspace_of(dashboard, entity=entity, project=project),
        "report": report_of(dashboard, entity=entity, project=project),
    }
    sent = {name: _sent(one) for name, one in made.items()}
    return json.dumps({"entity": entity, "project": project, **sent}, indent=2, ensure_ascii=False) + "\n"


def _sent(made: Any) -> dict[str, Any]:
    # wandb-workspaces has no public way to its JSON; this is what `save()` does.
    model = made._to_model()
    spec = json.loads(model.spec.model_dump_json(by_alias=True, exclude_none=True))
    return {"display_name": model.display_name, "spec": spec}
