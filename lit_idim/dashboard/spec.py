"""The dashboard of a study, a pure function of its description."""

import unicodedata
from collections.abc import Sequence

from lit_idim.dashboard.description import StudyDescription
from lit_idim.dashboard.panels import Dashboard, Section, Text
from lit_idim.dashboard.sections import bound_section, cost_section, figure_section, table_section
from lit_idim.dashboard.trend_sections import (
    curve_section,
    full_score_section,
    interval_section,
    score_section,
    size_section,
)

STUDY_JOB_TYPE = "study"
_MAX_TITLE = 128  # of a report, in characters
_MAX_LINES = 400  # of a text that is shown as it stands


def dashboard_of(study: StudyDescription) -> Dashboard:
    """The dashboard of a study; sections that would be empty are left out.

    Args:
        study: what is known of it.
    """
    sections: tuple[Section, ...] = (
        curve_section(study),
        interval_section(study),
        size_section(study),
        full_score_section(study),
        score_section(study),
        bound_section(study),
        cost_section(),
        table_section(study),
        figure_section(study),
    )
    return Dashboard(
        study=study.name,
        job_type=STUDY_JOB_TYPE,
        group=study.group,
        title=f"d90 of {_plain(study.name)}"[:_MAX_TITLE],
        description="Intrinsic dimension of fine-tuning, measured by lit-idim.",
        sections=tuple(section for section in sections if section.panels),
        texts_before=(Text(heading="What d90 is", markdown=_explanation(study)),),
        texts_after=_results(study),
    )


def _explanation(study: StudyDescription) -> str:
    tasks = ", ".join(dict.fromkeys(cell.task for cell in study.cells))
    methods = ", ".join(dict.fromkeys(cell.method for cell in study.cells))
    variant = "" if study.variant == "d90" else f" What is drawn as d90 here is its variant {study.variant}."
    return (
        f"d90 is the smallest number d of trained parameters that reach {study.target_fraction:.0%} of the dev score "
        "of full fine-tuning. The d numbers stand in a random subspace of all D parameters: theta_D = theta_0 + P "
        "theta_d with a fixed random P (DID), with a trained scale for every layer beside it (SAID). After Aghajanyan, "
        "Zettlemoyer and Gupta 2020 (arXiv 2012.13255).\n\n"
        "Intervals are 90% intervals. A d90 that no d of the search reached, or that the smallest one already reached, "
        "has no number and no point in a chart: the table below names its status."
        f"{variant}\n\n"
        f"This study: {len(study.cells)} cells (checkpoint x task x method), {len(study.models)} "
        f"model{'' if len(study.models) == 1 else 's'} or series; tasks: {tasks}; methods: {methods}."
    )


def _results(study: StudyDescription) -> tuple[Text, ...]:
    texts = (
        Text(heading="d90 and its trend with pretraining", markdown=_verbatim(study.summary.splitlines())),
        Text(heading="d90 and model size", markdown=_verbatim(study.size_trends)),
    )
    return tuple(text for text in texts if text.markdown)


def _verbatim(lines: Sequence[str]) -> str:
    shown = [line.replace("```", "'''") for line in lines[:_MAX_LINES]]
    if len(lines) > _MAX_LINES:
        shown.append(f"... and {len(lines) - _MAX_LINES} more lines")
    return "\n".join(["```", *shown, "```"]) if lines else ""


def _plain(name: str) -> str:
    """A name without what W&B refuses in that of a workspace: symbols, `=` and `+` among them."""
    return "".join("_" if unicodedata.category(letter).startswith(("S", "C")) else letter for letter in name)
