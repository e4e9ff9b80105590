"""What has no d90, and why; and which numbers are to be read with care."""

from collections.abc import Iterable, Sequence

from lit_idim.figures.caption import standing
from lit_idim.report.content import ReportContent, cell_key
from lit_idim.report.links import Links
from lit_idim.report.markup import Child, Markup, element, join
from lit_idim.report.words import (
    cell_words,
    d90_words,
    rate_words,
    reason_of,
    score_words,
    status_words,
)
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.row_details import has_ended
from lit_idim.text import counted, whole

EXPLANATIONS = {
    "above_range": "Not even d_max trained numbers reach the target. d90 is larger than d_max; how much "
    "larger, nothing here tells.",
    "below_range": "The smallest d that was searched already reaches the target, and chance does not. d90 is at most "
    "d_min.",
    "trivial": "The majority class alone reaches the target, so d90 would say nothing about the model.",
    "no_signal": "Full fine-tuning scores less than 2 standard errors above chance: there is nothing of which a share "
    "could be reached.",
    "failed": "The cell could not be measured.",
    "not_measured": "No search aimed at this target, and the trainings that were run for others tell nothing of it, or "
    "the last checkpoint has no full score that stays.",
    "in_progress": "The search has not ended. What is known so far may still change.",
}


def exceptions(content: ReportContent, links: Links) -> Markup:
    """The cells without a d90, or with one that may change, each status explained; then what to beware of."""
    return join([_without_d90(content, links), _beware(content, links)])


def _without_d90(content: ReportContent, links: Links) -> Markup:
    parts = []
    for status, words in EXPLANATIONS.items():
        rows = [row for row in content.rows if standing(row, content.variant) == status]
        if rows:
            heading = element("h3", f"{status.replace('_', ' ')}: {len(rows)} of {len(content.rows)}")
            cells = _cells(((row, _why(row, status, content.variant)) for row in rows), links)
            parts.append(element("section", heading, element("p", words), cells))
    return join(parts or element("p", "Every cell has a d90."))


def _why(row: D90Row, status: str, variant: D90Variant) -> str:
    full = f"full score {score_words(row.full_score)}" if row.full_score is not None else ""
    chance = f"chance {score_words(row.chance_score)}" if row.chance_score is not None else ""
    of_status = {
        "above_range": f"d_max = {whole(row.d_max)}",
        "below_range": f"d_min = {whole(row.d_min)}",
        "trivial": f"{full}, {chance}",
        "no_signal": f"{full}, {chance}",
        "in_progress": f"{_so_far(row, variant)}{counted(row.num_trainings, 'training')}",
    }.get(status, "")
    return "; ".join(part for part in (of_status, reason_of(row, variant) or "") if part)


def _so_far(row: D90Row, variant: D90Variant) -> str:
    """What a search that goes on has found."""
    status = row.status_of(variant)
    if status in ("failed", None):
        return ""
    return f"{d90_words(row, variant) if status == 'reached' else status_words(row, variant)}; "


def _beware(content: ReportContent, links: Links) -> Markup:
    rows, variant = content.rows, content.variant
    ended = [row for row in rows if has_ended(row)]
    reached = [row for row in ended if row.status_of(variant) == "reached"]
    groups: list[tuple[str, list[tuple[D90Row, str]]]] = [
        (
            "Warnings",
            [(row, part) for row in rows for part in row.notes.split("; ") if part.startswith("WARNING")],
        ),
        (
            "Interval open: it reaches to an end of the range of d, and that end is not known",
            [(row, _open_ends(row, variant)) for row in reached if None in row.interval_of(variant)],
        ),
        (
            "Search ended at its budget, with an interval wider than the tolerance",
            [(row, "") for row in ended if row.tolerance_met is False],
        ),
        (
            "Best learning rate at the edge of those tried: a better one may lie beyond",
            [(row, rate_words(row.learning_rate_best)) for row in ended if row.learning_rate_at_edge],
        ),
        (
            "Trainings that diverged (NaN or infinite loss)",
            [(row, str(row.num_diverged)) for row in rows if row.num_diverged],
        ),
    ]
    return join(
        element(
            "details",
            element("summary", f"{title} ({len(found)})"),
            _cells(found, links),
            open=title == "Warnings",
        )
        for title, found in groups
        if found
    )


def _open_ends(row: D90Row, variant: D90Variant) -> str:
    _, low, high = row.interval_of(variant)
    ends = [f"below, down to d_min = {whole(row.d_min)}"] * (low is None)
    ends += [f"above, up to d_max = {whole(row.d_max)}"] * (high is None)
    return "open " + " and ".join(ends)


def _cells(rows: Iterable[tuple[D90Row, str]], links: Links) -> Markup:
    items: Sequence[Child] = [
        element("li", element("a", cell_words(row), href=f"#{links[cell_key(row)]}"), f": {words}" if words else None)
        for row, words in rows
    ]
    return element("ul", items)
