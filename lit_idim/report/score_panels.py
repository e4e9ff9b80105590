"""The scores against d behind every d90: a panel a cell, with its short facts."""

from collections.abc import Mapping, Sequence

from lit_idim.figures.score_against_d import CellKey, Curve
from lit_idim.ledger.record import TrainingRecord
from lit_idim.report.content import ReportContent, cell_key
from lit_idim.report.facts import facts
from lit_idim.report.links import Links
from lit_idim.report.markup import Markup, element, join
from lit_idim.report.score_chart import NUM_RATE_COLORS, ScoreRange, rate_color, score_chart
from lit_idim.study.d90_row import D90Row


def score_panels(content: ReportContent, links: Links) -> Markup:
    """All panels; those of one task share the scale of scores, and all the colours of learning rates."""
    trainings = {key: drawn_trainings(found) for key, found in trainings_by_cell(content).items()}
    rates = [record.rate for found in trainings.values() for record in found]
    span = (min(rates, default=0), max(rates, default=0))
    ranges = _ranges(content.rows, trainings)
    cards = [
        _card(content, row, trainings[cell_key(row)], content.curves.get(cell_key(row)), ranges[row.task], span, links)
        for row in content.rows
    ]
    return join([_legend(content, span), element("div", cards, class_="cards")])


def trainings_by_cell(content: ReportContent) -> dict[CellKey, list[TrainingRecord]]:
    """The trainings in subspaces of each row's cell."""
    found: dict[tuple[str | None, ...], list[TrainingRecord]] = {}
    for record in content.records:
        if record.d is not None:
            place = (record.model, record.checkpoint, record.task, record.method, record.projection)
            found.setdefault(place, []).append(record)
    return {cell_key(row): found.get((*cell_key(row), row.projection), []) for row in content.rows}


def drawn_trainings(records: Sequence[TrainingRecord]) -> list[TrainingRecord]:
    """Those that have ended with a score or diverged, by d, learning rate and replicate."""
    ended = [
        record
        for record in records
        if record.status == "diverged" or (record.status == "finished" and record.score is not None)
    ]
    return sorted(ended, key=lambda record: (record.d or 0, record.rate, record.replicate))


def _ranges(rows: Sequence[D90Row], trainings: Mapping[CellKey, Sequence[TrainingRecord]]) -> dict[str, ScoreRange]:
    """Lowest and highest score by task, with room about them."""
    scores: dict[str, list[float]] = {}
    for row in rows:
        of_task = scores.setdefault(row.task, [])
        lines = (row.full_score, row.target_score, row.chance_score)
        points = (record.score for record in trainings[cell_key(row)])
        of_task += [score for score in (*lines, *points) if score is not None]
    ranges = {}
    for task, found in scores.items():
        low, high = min(found, default=0.0), max(found, default=1.0)
        room = 0.06 * (high - low) or 0.05
        ranges[task] = (low - room, high + room)
    return ranges


def _card(
    content: ReportContent,
    row: D90Row,
    trainings: Sequence[TrainingRecord],
    curve: Curve | None,
    scores: ScoreRange,
    rates: tuple[int, int],
    links: Links,
) -> Markup:
    name = links[cell_key(row)]
    heading = element("h3", f"{row.model}, {row.checkpoint}: {row.task}, {row.method.upper()}")
    chart = score_chart(row, content.variant, trainings, curve, scores, rates)
    back = element("a", "back to the figure", href="#headline", class_="back")
    drawn = element("div", chart, class_="plot small")
    return element("article", heading, drawn, facts(row, content.variant), back, id=name, class_="card", tabindex="-1")


def _legend(content: ReportContent, rates: tuple[int, int]) -> Markup:
    """What lines and colours mean."""
    shares = sorted({f"{100 * row.target_fraction:g}%" for row in content.rows})
    target = {
        "d90": f"target, {' / '.join(shares)} of the full score",
        "d90_chance_corrected": "target, chance-corrected",
        "d90_final_target": "target, of the last checkpoint",
    }[content.variant]
    strokes = [
        _key(element("path", d="M1 9H33", class_=f"score {kind}"), label)
        for kind, label in (("full", "full score"), ("target", target), ("chance", "chance"), ("fit", "fitted curve"))
    ]
    band = _key(element("path", d="M1 0H33V18H1z", class_="band"), "d90 and its interval")
    steps = range(rates[0], rates[1] + 1)
    points = [
        _key(
            element("circle", cx=17, cy=9, r=5, class_=f"point r{rate_color(rate, rates)}"),
            f"{rate:+d}" if rate else "0",
        )
        for rate in steps
        if len(steps) <= NUM_RATE_COLORS or rate in (rates[0], rates[1])
    ]
    diverged = []
    if any(record.status == "diverged" for record in content.records):
        drawn = element("path", d="M13 5l8 8m0-8l-8 8", class_="point diverged")
        diverged = [_key(drawn, "diverged, drawn at chance")]
    rate_words = "learning rate, steps on the ladder (0 is the rule's):"
    return element(
        "ul", strokes, band, diverged, element("li", rate_words, class_="words"), points, class_="legend keys"
    )


def _key(drawn: Markup, label: str) -> Markup:
    return element("li", element("svg", drawn, viewBox="0 0 34 18", class_="swatch", aria_hidden="true"), label)
