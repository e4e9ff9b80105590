"""`docs/api.md` names what the package exports, with the parameters that there are."""

import ast
import inspect
from typing import Any

import lit_idim

from .pages import DOCS, blocks

API = DOCS / "api.md"


def shown_signatures() -> dict[str, dict[str, Any]]:
    """Kind and default of every parameter, by name of the function or class."""
    shown = {}
    for block in blocks(API, "python signature"):
        name, _, rest = block.strip().partition("(")
        (function,) = ast.parse(f"def {name}({rest}: ...").body
        assert isinstance(function, ast.FunctionDef)
        shown[name] = _parameters(function.args)
    return shown


def _parameters(arguments: ast.arguments) -> dict[str, Any]:
    positional = [None] * (len(arguments.args) - len(arguments.defaults)) + [*arguments.defaults]
    found: dict[str, Any] = {}
    for kind, names, defaults in (
        (inspect.Parameter.POSITIONAL_OR_KEYWORD, arguments.args, positional),
        (inspect.Parameter.KEYWORD_ONLY, arguments.kwonlyargs, arguments.kw_defaults),
    ):
        for name, default in zip(names, defaults, strict=True):
            value = inspect.Parameter.empty if default is None else ast.literal_eval(default)
            found[name.arg] = (kind, value)
    return found


def test_every_public_name_has_a_heading_and_a_signature() -> None:
    headings = [line.removeprefix("### ") for line in API.read_text().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(shown_signatures()) == sorted(lit_idim.__all__)


def test_signatures_are_those_of_the_code() -> None:
    for name, parameters in shown_signatures().items():
        real = inspect.signature(getattr(lit_idim, name)).parameters
        assert list(parameters) == list(real), name
        assert parameters == {key: (one.kind, one.default) for key, one in real.items()}, name
