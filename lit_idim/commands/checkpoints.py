"""`lit-idim checkpoints`: list, verify and convert series of pretraining checkpoints."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, get_args

from lit_idim.commands.parser import Parser
from lit_idim.errors import UserError
from lit_idim.series import (
    CheckpointUnavailableError,
    Series,
    load_series,
)
from lit_idim.series.dtypes import Dtype
from lit_idim.series.registry import read_registry
from lit_idim.series.steps import parse_steps

_SERIES_HELP = "a registered name, a YAML file, or a folder with series.yaml or step-N/ in it"
_STEPS_HELP = "steps with commas between, as 0,100,200 (default: all)"
_OFFLINE_HELP = "use what is on this machine, never the network"


def run_checkpoints_verb(words: list[str]) -> None:
    """Runs `lit-idim checkpoints`.

    Args:
        words: the subcommand and its options.

    Raises:
        UserError: for input that the user can mend, and if a verified checkpoint is bad.
    """
    options = _parser().parse_args(words)
    if options.subcommand == "list":
        if options.families is not None:
            _list_families(options.families)
        elif options.series is None:
            _list_all(as_json=options.json)
        else:
            _list_steps(load_series(options.series), as_json=options.json)
    elif options.subcommand == "verify":
        _verify(load_series(options.series), _steps(options.steps), offline=options.offline)
    else:
        _convert(
            load_series(options.series),
            options.out,
            _steps(options.steps),
            dtype=options.dtype,
            offline=options.offline,
        )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="lit-idim checkpoints", description="Series of pretraining checkpoints.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="list|verify|convert")

    lists = commands.add_parser("list", help="the registered series, or the steps of one", allow_abbrev=False)
    lists.add_argument("series", nargs="?", metavar="SERIES", help=_SERIES_HELP)
    lists.add_argument(
        "--families",
        nargs="*",
        metavar="FAMILY",
        help="list model families instead, all or some, with D counted from their configurations",
    )
    lists.add_argument("--json", action="store_true", help="print JSON instead of a table")

    verify = commands.add_parser("verify", help="load every checkpoint and say which are damaged", allow_abbrev=False)
    verify.add_argument("series", metavar="SERIES", help=_SERIES_HELP)
    verify.add_argument("--steps", metavar="STEPS", help=_STEPS_HELP)
    verify.add_argument("--offline", action="store_true", help=_OFFLINE_HELP)

    convert = commands.add_parser("convert", help="write a series as folders with safetensors", allow_abbrev=False)
    convert.add_argument("series", metavar="SERIES", help=_SERIES_HELP)
    convert.add_argument("--out", required=True, metavar="DIR", help="folder of the new series")
    convert.add_argument("--steps", metavar="STEPS", help=_STEPS_HELP)
    convert.add_argument("--dtype", default="keep", choices=get_args(Dtype), help="of the weights (default: keep)")
    convert.add_argument("--offline", action="store_true", help=_OFFLINE_HELP)
    return parser


def _steps(words: str | None) -> tuple[int, ...] | None:
    return None if words is None else parse_steps(words)


def _list_families(names: Sequence[str]) -> None:
    from lit_idim.families import families_table  # needs torch

    print(families_table(names or None))


def _list_all(*, as_json: bool) -> None:
    rows = [_describe(series) for series in read_registry().values()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    _print_table(
        ("series", "steps", "first", "last", "tokens per step", "licence", "cached"),
        [
            (
                row["name"],
                *(_cell(row[key]) for key in ("num_steps", "first", "last")),
                _tokens_cell(row["tokens_per_step"]),
                *(_cell(row[key]) for key in ("license", "num_cached")),
            )
            for row in rows
        ],
    )
    print("\n? is asked of the hub (lit-idim checkpoints list SERIES), - is not known.")


def _describe(series: Series) -> dict[str, Any]:
    """A row of the table. The hub is not asked: `?` stands for what only it knows."""
    try:
        steps: tuple[int, ...] | None = series.find_steps(offline=True)
    except CheckpointUnavailableError:
        steps = None
    return {
        "name": series.name,
        "title": series.title,
        "num_steps": "?" if steps is None else len(steps),
        "first": "?" if steps is None else min(steps, default=None),
        "last": "?" if steps is None else max(steps, default=None),
        "unit": series.unit,
        "tokens_per_step": series.tokens_per_step,
        "license": series.license,
        "num_cached": sum(map(series.is_cached, steps or ())),
        "source": series.source.kind,
        "citation": series.citation,
        "url": series.url,
    }


def _list_steps(series: Series, *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "step": step,
            "tokens": series.tokens(step),
            "cached": series.is_cached(step),
            "location": series.source.origin(step),
        }
        for step in series.steps
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{series.title} ({series.name})")
    for label, text in (
        ("unit", series.unit),
        ("tokens per step", series.tokens_per_step_reason if series.tokens_per_step is None else None),
        ("architecture", series.architecture),
        ("tokenizer", series.tokenizer),
        ("licence", series.license),
        ("citation", series.citation),
        ("url", series.url),
        ("notes", series.notes),
    ):
        if text:
            print(f"{label}: {text}")
    print()
    _print_table(
        ("step", "tokens", "cached", "location"),
        [
            (str(row["step"]), _tokens_cell(row["tokens"]), "yes" if row["cached"] else "no", row["location"])
            for row in rows
        ],
    )


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    is_number = [all(cell.replace(",", "").isdigit() or cell in "-?" for cell in column[1:]) for column in columns]
    for line in (header, *rows):
        cells = zip(line, widths, is_number, strict=True)
        print("  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip())


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


def _tokens_cell(tokens: int | None) -> str:
    return "-" if tokens is None else f"{tokens:,}"


def _verify(series: Series, steps: tuple[int, ...] | None, *, offline: bool) -> None:
    from lit_idim.series.verification import verify_series  # needs torch

    statuses: dict[str, list[int]] = {"ok": [], "bad": [], "unavailable": []}
    for report in verify_series(series, steps, offline=offline):
        statuses[report.status].append(report.step)
        word = {"ok": f"ok {report.checksum}", "bad": "BAD", "unavailable": "NOT AVAILABLE"}[report.status]
        print(" ".join(filter(None, (f"step {report.step}: {word}", "; ".join(report.faults)))), flush=True)
    bad, missing, sound = statuses["bad"], statuses["unavailable"], statuses["ok"]
    if bad:
        others = f"the other {len(sound)} are usable" if sound else "no other step was found usable"
        unknown = f", {len(missing)} were not available" if missing else ""
        raise UserError(
            f"series {series.name!r}: {len(bad)} bad checkpoints, at steps {', '.join(map(str, bad))}; "
            f"{others}{unknown}"
        )
    if missing and not sound:
        raise CheckpointUnavailableError(
            f"series {series.name!r}: none of the {len(missing)} steps was available, so that nothing is verified; "
            "connect to the network, or name cached steps with --steps"
        )
    print(
        f"series {series.name!r}: {len(sound)} checkpoints are sound"
        + (f", {len(missing)} were not available" if missing else "")
    )


def _convert(series: Series, out: str, steps: tuple[int, ...] | None, *, dtype: Dtype, offline: bool) -> None:
    from lit_idim.series.conversion import convert_series  # needs torch

    for step, is_new in convert_series(series, out, steps, dtype=dtype, offline=offline):
        print(f"step {step}: {'written' if is_new else 'there already'}", flush=True)
    print(f"series: {out}")
