"""What a study was measured with, and how to do it again."""

from collections.abc import Mapping
from typing import Any

from lit_idim.report.content import ReportContent
from lit_idim.report.markup import Markup, element, join
from lit_idim.report.tables import seeds_table

STUDIES = ("pretrain_curve", "model_size", "sentence_prediction", "generalization")
# Of each training in a table of its own; of P too many to read, and in manifest.json.
_FOLDED = {"weights": "Checksums of weights", "data": "Checksums of data", "projections": "Checksums of P"}


def reproduction(content: ReportContent) -> Markup:
    """The command, and the settings that it reads."""
    parts = []
    if content.study in STUDIES:
        command = f"lightning run studies/{content.study}.py --config config.yaml --out FOLDER"
        parts.append(element("p", "Save the settings below as ", element("code", "config.yaml"), " and run"))
        parts.append(element("pre", element("code", command), tabindex="0"))
        parts.append(
            element(
                "p",
                "In a new FOLDER everything is measured anew. In the folder of this study the same command goes on "
                "where it was: finished trainings are rows of ledger.sqlite and are never repeated; everything in this "
                "report is made from that ledger. Add ",
                element("code", "--plot_only true"),
                " to write tables and figures again without a training. Paths in the settings are those of the machine "
                "it ran on.",
            )
        )
    else:
        parts.append(element("p", f"The settings of {content.study}, as it ran; its trainings are in its ledger:"))
    if content.config:
        shown = element("pre", element("code", content.config), tabindex="0")
        parts.append(element("details", element("summary", "config.yaml"), shown))
    return join(parts)


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
