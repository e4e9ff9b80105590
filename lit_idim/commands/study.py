"""How a study's function becomes a command."""

import sys
from collections.abc import Callable

import jsonargparse

from lit_idim.errors import UserError

USAGE_EXIT_CODE = 2


def run_study(study: Callable[..., None]) -> int:
    """Runs a study with its arguments from the command line or from `--config FILE`.

    Args:
        study: a function whose signature and docstring are the command's options and help.

    Returns:
        The exit code: 0, or 2 where the input is wrong.
    """
    try:
        jsonargparse.auto_cli(study, as_positional=False)
    except UserError as error:
        print(f"{study.__name__}: error: {error}", file=sys.stderr)
        return USAGE_EXIT_CODE
    return 0
