"""Import of a package that only some sources of data need."""

import importlib
from types import ModuleType

from lit_idim.errors import UserError


def import_optional(module: str, *, package: str, purpose: str) -> ModuleType:
    """The module, imported where it is needed.

    Args:
        module: Name of the module, such as `pyarrow.parquet`.
        package: What to install with pip.
        purpose: What the module is needed for, as the beginning of a sentence.

    Raises:
        UserError: if it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
            raise
        raise UserError(f"{purpose} needs the package {package!r}: run `pip install {package}`") from None
