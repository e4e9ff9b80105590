"""What a study was measured with, and how to do it again."""

from collections.abc import Mapping
from typing import Any

import yaml

from lit_idim.report.content import ReportContent
from lit_idim.report.markup import Child, Markup, element, join
from lit_idim.report.tables import seeds_table
from lit_idim.yaml_text import parse_yaml

STUDIES = ("pretrain_curve", "model_size", "sentence_prediction", "generalization", "learning_rates")
# Of each training in a table of its own; of P too many to read, and in manifest.json.
_FOLDED = {"weights": "Checksums of weights", "data": "Checksums of data", "projections": "Checksums of P"}


def reproduction(content: ReportContent) -> Markup:
    """The command, and the settings that it reads."""
    ledger = _ledger_of(content.config)
    parts = []
    if content.study in STUDIES and content.config:
        parts += [*_command(content.study, ledger), _afresh(ledger)]
    else:
        whose = content.study or "this study"
        where = "its ledger" if ledger is None else f"the ledger {ledger}"
        settings = f"The settings of {whose}, as it ran" if content.config else f"The settings of {whose} are not known"
        parts.append(element("p", f"{settings}; its trainings are in {where}."))
    if content.config:
        shown = element("pre", element("code", content.config), tabindex="0")
        parts.append(element("details", element("summary", "config.yaml"), shown))
    return join(parts)


def _command(study: str, ledger: str | None) -> list[Markup]:
    """How to measure all of it again; without its own database, in which the trainings are already."""
    of_ledger = "" if ledger is None else " --ledger null"
    command = f"lightning run studies/{study}.py --config config.yaml --out FOLDER{of_ledger}"
    return [
        element("p", "Save the settings below as ", element("code", "config.yaml"), " and run"),
        element("pre", element("code", command), tabindex="0"),
    ]


def _afresh(ledger: str | None) -> Markup:
    """What the command measures, and what the ledger already holds."""
    goes_on: list[Child] = ["In the folder of this study the same command goes on where it was"]
    if ledger is not None:
        without = element("code", "--ledger null")
        goes_on = ["Without ", without, ", in any folder, the command goes on where this study was"]
    return element(
        "p",
        "In a new FOLDER everything is measured anew. ",
        goes_on,
        f": finished trainings are rows of {ledger or 'ledger.sqlite'} and are never repeated; everything in this "
        "report is made from that ledger. There, add ",
        element("code", "--plot_only true"),
        " to write tables and figures again without a training. Paths in the settings are those of the machine it ran "
        "on.",
    )


def _ledger_of(config: str) -> str | None:
    """Address of the ledger that the settings name; None if it is the study's own file."""
    try:
        settings = parse_yaml(config)
    except yaml.YAMLError:
        return None
    ledger = settings.get("ledger") if isinstance(settings, Mapping) else None
    return None if ledger is None else str(ledger)


def provenance(content: ReportContent) -> Markup:
    """Versions, commit, machine and seeds; folded, checksums and every training's seeds."""
    manifest = dict(content.manifest)
    manifest.pop("seeds", None)
    folded = [
        element("details", element("summary", title), _entries(value))
        for name, title in _FOLDED.items()
        if isinstance(value := manifest.pop(name, None), Mapping) and value
    ]
    if any(record.seeds for record in content.records):
        seeds = seeds_table(content.records)
        folded.append(element("details", element("summary", "Seeds of every training"), seeds))
    return join([_entries(manifest), folded])


def _entries(entries: Mapping[str, Any]) -> Markup:
    """A list of names and values, lists within lists."""
    return element("dl", ((element("dt", str(name)), _value(value)) for name, value in entries.items()), class_="facts")


def _value(value: Any) -> Markup:
    if isinstance(value, Mapping):
        return element("dd", _entries(value))
    if isinstance(value, (list, tuple)):
        return element("dd", ", ".join(map(str, value)))
    return element("dd", "unknown" if value is None else str(value))
