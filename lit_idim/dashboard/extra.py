"""Import of what only the extra `dashboard` installs."""

import importlib
from types import ModuleType

from lit_idim.errors import UserError

WORKSPACES = "wandb_workspaces.workspaces"
REPORTS = "wandb_workspaces.reports.v2"


def import_extra(module: str) -> ModuleType:
    """The module, imported where it is needed.

    Args:
        module: such as `WORKSPACES`.

    Raises:
        UserError: if the extra is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("wandb", "wandb_workspaces"):
            raise
        raise UserError(
            f"a dashboard for W&B needs the package {error.name.split('.')[0].replace('_', '-')}: "
            "run `pip install 'lit-idim[dashboard]'`"
        ) from None
