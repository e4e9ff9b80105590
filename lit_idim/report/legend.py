"""The legend of the headline figure: a button a line, and the marks of what has no d90 or may change."""

from collections.abc import Sequence

from lit_idim.figures.caption import standing
from lit_idim.figures.d90_marks import STATUS_LABELS
from lit_idim.report.lines import LinePlan
from lit_idim.report.marks import at, shape, status_shape
from lit_idim.report.markup import Markup, element
from lit_idim.report.series import MEANS_NAME
from lit_idim.report.standing import d90_of, is_drawn
from lit_idim.study.d90_row import D90Row, D90Variant

LABELS = STATUS_LABELS | {
    "not_measured": "target not measured",
    "reached_so_far": "in progress: d90 so far",
    "in_progress": "in progress: no d90 yet",
}
_SWATCH_PLACES = {"above_range": 24, "below_range": 6}


def legend(plan: LinePlan, rows: Sequence[D90Row], variant: D90Variant, *, has_means: bool) -> Markup:
    """A button a line, which hides and shows it, and the marks of the statuses that occur."""
    entries = []
    for line in plan.lines.values():
        stroke = element("path", d="M1 9H33", class_=f"line dash{line.dash}")
        swatch = _swatch(Markup(stroke + at(17, 9, shape(line.marker))), f"s{line.color}")
        entries.append(_button(line.name, swatch, line.label))
    if has_means:
        swatch = _swatch(element("path", d="M1 9H33", class_="line thick"), "mean")
        entries.append(_button(MEANS_NAME, swatch, "geometric mean of tasks"))
    statuses = {_mark(row, variant) for row in rows if is_drawn(row, variant)}
    keys = [
        element(
            "li",
            _swatch(at(17, _SWATCH_PLACES.get(status, 15), status_shape(status, "o")), "tall grey", height=30),
            label,
        )
        for status, label in LABELS.items()
        if status in statuses
    ]
    return element(
        "div",
        element("div", entries, class_="legend", role="group", aria_label="Lines shown"),
        element("ul", keys, class_="legend keys", aria_label="Other marks") if keys else None,
    )


def _mark(row: D90Row, variant: D90Variant) -> str:
    is_so_far = standing(row, variant) == "in_progress" and d90_of(row, variant) is not None
    return "reached_so_far" if is_so_far else standing(row, variant)


def _button(name: str, swatch: Markup, label: str) -> Markup:
    return element("button", swatch, element("span", label), type="button", aria_pressed="true", data_toggles=name)


def _swatch(drawn: Markup, looks: str, height: int = 18) -> Markup:
    return element("svg", drawn, viewBox=f"0 0 34 {height}", class_=f"swatch {looks}", aria_hidden="true")
