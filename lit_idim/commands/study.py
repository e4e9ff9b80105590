"""How a study's function becomes a command."""

import inspect
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from jsonargparse import ArgumentParser

from lit_idim.errors import UserError
from lit_idim.resources import find_resource
from lit_idim.study.stop_signals import StopSignals

USAGE_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130
FLATTENED = ("settings", "options")
"""Arguments of a study that are dataclasses and whose fields are options of the command themselves."""


def run_study(study: Callable[..., int | None], *, default_config: str | None = None) -> int:
    """Runs a study with its arguments from the command line or from `--config FILE`.

    Options may be written with hyphens or underscores. SIGTERM and SIGUSR1 end a study as Ctrl-C does, in an orderly
    way: what is finished is written.

    Args:
        study: a function whose signature and docstring are the command's options and help, the arguments in `FLATTENED`
            field by field; what it returns is the exit code, None for 0.
        default_config: the file that holds where no `--config` is given, looked for as `find_resource` does. `--out` is
            `outputs/STUDY` by default.

    Returns:
        The exit code: that of the study, 2 where the input is wrong, 130 after an interruption.
    """
    try:
        StopSignals(interrupts=True, insists=True)
        arguments = study_arguments(sys.argv[1:], default_config, flags_of(study))
        code = study(**_parse(study, arguments))
    except UserError as error:
        print(f"{study.__name__}: error: {error}", file=sys.stderr)
        return USAGE_EXIT_CODE
    except KeyboardInterrupt:
        print(f"{study.__name__}: interrupted; the same command goes on where it was", file=sys.stderr)
        return INTERRUPTED_EXIT_CODE
    return code or 0


def flags_of(study: Callable[..., object]) -> frozenset[str]:
    """Names of the arguments that are true or false, which an option alone sets to true."""
    parameters = inspect.signature(study).parameters.values()
    flags = {parameter.name for parameter in parameters if isinstance(parameter.default, bool)}
    for kind in _flattened(study).values():
        flags |= {field.name for field in fields(kind) if isinstance(field.default, bool)}
    return frozenset(flags)


def study_arguments(words: Sequence[str], default_config: str | None, flags: Collection[str] = ()) -> list[str]:
    """The command line with underscores in option names, values for flags, and the config to start from.

    >>> study_arguments(["--dry-run", "--search.d-max=50", "--out", "a-b"], None, {"dry_run"})
    ['--dry_run=true', '--search.d_max=50', '--out', 'a-b']
    """
    arguments: list[str] = []
    for position, word in enumerate(words):
        if not word.startswith("--"):
            arguments.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        name = name.replace("-", "_")
        if name in flags and not equals and [*words, ""][position + 1] not in ("true", "false"):
            equals, value = "=", "true"
        arguments.append(f"--{name}{equals}{value}")
    given = [position for position, word in enumerate(arguments) if word.split("=")[0] == "--config"]
    for position in given:
        _resolve_config(arguments, position)
    if default_config is not None and not given and not {"-h", "--help"} & set(arguments):
        arguments = ["--config", str(find_resource(default_config)), *arguments]
    return arguments


def _parse(study: Callable[..., object], arguments: Sequence[str]) -> Mapping[str, Any]:
    """The arguments of a study from its command line."""
    description = (inspect.getdoc(study) or "").split("\n\n")[0]
    parser = ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    flattened = _flattened(study)
    for kind in flattened.values():
        parser.add_class_arguments(kind)
    parser.add_function_arguments(study, skip=set(flattened))
    if any(field.name == "out" for kind in flattened.values() for field in fields(kind)):
        parser.set_defaults(out=Path("outputs") / study.__name__)
    parsed = parser.instantiate(parser.parse_args(list(arguments)))
    given = {name: parsed[name] for name in inspect.signature(study).parameters if name not in flattened}
    for name, kind in flattened.items():
        given[name] = kind(**{field.name: parsed[field.name] for field in fields(kind)})
    return given


def _flattened(study: Callable[..., object]) -> dict[str, Any]:
    return {name: kind for name, kind in get_type_hints(study).items() if name in FLATTENED}


def _resolve_config(arguments: list[str], position: int) -> None:
    """Lets a shipped config be named from any folder."""
    _, equals, value = arguments[position].partition("=")
    if equals:
        arguments[position] = f"--config={_shipped(value)}"
    elif position + 1 < len(arguments):
        arguments[position + 1] = _shipped(arguments[position + 1])


def _shipped(name: str) -> str:
    return str(find_resource(name)) if Path(name).suffix in (".yaml", ".yml") else name
