"""Score against d of one cell: its trainings, the fit, full, target and chance score, d90 and its interval."""

import itertools
import math
from collections.abc import Sequence

from lit_idim.figures.score_against_d import Curve
from lit_idim.ledger.record import TrainingRecord
from lit_idim.report.axes import Frame, draw_axes
from lit_idim.report.markup import Markup, element, join, number
from lit_idim.report.scales import Scale, linear_scale, log_scale
from lit_idim.report.words import BETWEEN, cell_words, d90_words, training_lines
from lit_idim.study.d90_row import D90Row, D90Variant

ScoreRange = tuple[float, float]
FRAME = Frame(width=380, height=250, left=44, right=372, top=28, bottom=204)
NUM_RATE_COLORS = 9
CURVE_POINTS = 40
MANY_TRAININGS = 100


def score_chart(
    row: D90Row,
    variant: D90Variant,
    trainings: Sequence[TrainingRecord],
    curve: Curve | None,
    scores: ScoreRange,
    rates: tuple[int, int],
) -> Markup:
    """The chart.

    Args:
        row: of the cell.
        variant: whose target, d90 and interval are drawn.
        trainings: that have ended, in the order in which the keyboard goes through them.
        curve: fitted score against ln d.
        scores: that the axis must hold.
        rates: lowest and highest step of a learning rate on the ladder.
    """
    all_d = [record.d for record in trainings if record.d is not None] + [row.d_min, row.d_max]
    low, high = min(all_d), max(all_d)
    pad = (high / low) ** 0.04 if high > low else 2.0
    x = log_scale(low / pad, high * pad, FRAME.left, FRAME.right, most_ticks=5)
    y = linear_scale(*scores, FRAME.bottom, FRAME.top)
    radius = 4.0 if len(trainings) <= MANY_TRAININGS else 3.0
    parts = [
        _band(row, variant, x),
        draw_axes(FRAME, x, y, x_label="d (trained numbers)", y_label=f"dev {row.metric}"),
        _levels(row, variant, y),
        *(_point(record, x, y, rates, radius, is_first=place == 0) for place, record in enumerate(trainings)),
        _fit(curve, x, y),
    ]
    return element(
        "svg",
        join(parts),
        viewBox=f"0 0 {FRAME.width:g} {FRAME.height:g}",
        class_="chart scores",
        role="group",
        aria_label=f"Score against d: {cell_words(row)}; {d90_words(row, variant)}; {len(trainings)} trainings",
    )


def target_score(row: D90Row, variant: D90Variant) -> float | None:
    """The score that a variant of d90 asks for."""
    return {
        "d90": row.target_score,
        "d90_chance_corrected": row.chance_corrected_target_score,
        "d90_final_target": row.final_target_score,
    }[variant]


def rate_color(rate: int, rates: tuple[int, int]) -> int:
    """Number of a learning rate's colour, from that of the lowest to that of the highest.

    >>> [rate_color(rate, (-2, 2)) for rate in range(-2, 3)]
    [0, 2, 4, 6, 8]
    """
    low, high = rates
    return NUM_RATE_COLORS // 2 if low == high else round((NUM_RATE_COLORS - 1) * (rate - low) / (high - low))


def _band(row: D90Row, variant: D90Variant, x: Scale) -> Markup:
    if row.status_of(variant) != "reached":
        return Markup("")
    d90, low, high = row.drawn_interval_of(variant)
    if d90 is None or low is None or high is None:
        return Markup("")
    start, end = x.place(low), x.place(high)
    shown = element("rect", x=start, y=FRAME.top, width=end - start, height=FRAME.bottom - FRAME.top, class_="band")
    line = element("path", d=f"M{number(x.place(d90))} {FRAME.top:g}V{FRAME.bottom:g}", class_="d90")
    return Markup(shown + line)


def _levels(row: D90Row, variant: D90Variant, y: Scale) -> Markup:
    levels = (("full", row.full_score), ("target", target_score(row, variant)), ("chance", row.chance_score))
    return join(
        element("path", d=f"M{FRAME.left:g} {number(y.place(score))}H{FRAME.right:g}", class_=f"score {kind}")
        for kind, score in levels
        if score is not None
    )


def _fit(curve: Curve | None, x: Scale, y: Scale) -> Markup:
    if curve is None or len(curve[0]) < 2:
        return Markup("")
    every = max(1, len(curve[0]) // CURVE_POINTS)
    kept = itertools.islice(zip(*curve, strict=True), 0, None, every)
    places = [(x.place(math.exp(ln_d)), y.place(float(score))) for ln_d, score in kept]
    points = [f"{number(at_x)} {number(at_y)}" for at_x, at_y in places if FRAME.top <= at_y <= FRAME.bottom]
    if len(points) < 2:
        return Markup("")
    return element("path", d="M" + "L".join(points), class_="score fit")


def _point(
    record: TrainingRecord, x: Scale, y: Scale, rates: tuple[int, int], radius: float, *, is_first: bool
) -> Markup:
    """One training; the keyboard enters a panel at its first and goes on with the arrows."""
    score = record.chance_score if record.status == "diverged" or record.score is None else record.score
    place_x, place_y = x.place(record.d or 1), y.place(score)
    of_focus = {
        "role": "img",
        "tabindex": "0" if is_first else "-1",
        "aria_label": BETWEEN.join(training_lines(record)),
    }
    if record.status == "diverged":
        path = f"M{number(place_x - 4)} {number(place_y - 4)}l8 8m0-8l-8 8"
        return element("path", d=path, class_="mark point diverged", **of_focus)
    of_rate = f"mark point r{rate_color(record.rate, rates)}"
    return element("circle", cx=place_x, cy=place_y, r=radius, class_=of_rate, **of_focus)
