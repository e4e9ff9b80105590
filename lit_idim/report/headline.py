"""The headline figure: d90 with its intervals against pretraining step, D, or a column a cell."""

from collections.abc import Sequence
from dataclasses import replace

from lit_idim.figures.caption import caption
from lit_idim.figures.d_axis import AXIS_LABELS
from lit_idim.report.axes import Frame, draw_axes
from lit_idim.report.content import ReportContent, cell_key
from lit_idim.report.headline_axes import STRIP, XAxis, d_scale, has_strip, x_axis
from lit_idim.report.legend import legend
from lit_idim.report.lines import Axis, LineKey, LinePlan, drawn_rows, plan_lines
from lit_idim.report.links import Links
from lit_idim.report.markup import Markup, element
from lit_idim.report.scales import Scale, nearest_gaps
from lit_idim.report.series import draw_line, draw_means
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.geometric_mean import GeometricMeanRow, geometric_mean_rows
from lit_idim.study.row_details import has_ended
from lit_idim.text import counted

AXIS_WORDS: dict[Axis, str] = {
    "pretraining_step": "pretraining step",
    "num_parameters": "D, parameters of the classifier",
    "cell": "",
}
MAX_SHIFT = 40.0  # over which the lines at one x spread
SHIFT_OF_GAP = 0.6  # of the distance to the next x


def headline(content: ReportContent, links: Links) -> Markup:
    """The figure with legend and caption; of a study without rows, a sentence."""
    drawn = drawn_rows(content)
    if not drawn:
        words = "None of the cells of this figure" if content.rows else "No cell"
        return element("p", f"{words} has been measured yet.", class_="note", id="headline")
    plan = plan_lines(drawn, content.study)
    charts = [_panel(title, rows, plan, content.variant, links) for title, rows in plan.panels]
    num_placed = sum(len(rows) for _, rows in plan.panels)
    further = []
    if len(drawn) < len(content.rows):
        which = ", those of each model's last pretraining step" if content.headline_rows is None else ""
        further.append(f"Drawn: {len(drawn)} of {counted(len(content.rows), 'cell')}{which}.")
    if left_out := len(drawn) - num_placed:
        further.append(f"Rows left out for want of a place on the x axis: {left_out}.")
    words = caption(drawn, variant=content.variant, further=" ".join(further))
    return element(
        "figure",
        legend(
            plan,
            drawn,
            content.variant,
            has_means=any(mean.d90 for _, rows in plan.panels for mean in _means(rows, plan, content.variant)),
        ),
        element("div", charts, class_="panels"),
        element("figcaption", words),
        class_="headline",
        id="headline",
    )


def _panel(title: str, rows: Sequence[D90Row], plan: LinePlan, variant: D90Variant, links: Links) -> Markup:
    x = x_axis(rows, plan.axis)
    y = d_scale(rows, variant, x.frame)
    name, x_label = AXIS_LABELS[variant], AXIS_WORDS[plan.axis]
    lines = (_line(key, rows, plan, variant, x, y, links) for key in plan.lines)
    drawn = element(
        "svg",
        draw_axes(x.frame, x.scale, y, x_label=x_label, y_label=name, x_labels_turned=x.has_turned_labels),
        _strip(x.frame) if has_strip(rows, variant) else None,
        draw_means(_means(rows, plan, variant), x.scale, y),
        lines,
        viewBox=f"0 0 {x.frame.width:g} {x.frame.height:g}",
        class_="chart",
        role="group",
        aria_label=f"{name} against {x_label or 'cell'}{f', {title}' if title else ''}",
    )
    heading = element("h3", title) if title else None
    return element("div", heading, element("div", drawn, class_="plot"), class_="panel")


def _line(
    key: LineKey, rows: Sequence[D90Row], plan: LinePlan, variant: D90Variant, x: XAxis, y: Scale, links: Links
) -> Markup | None:
    """A line of a panel, beside the other lines at the same x; None of one that the panel lacks."""
    line = plan.lines[key]
    gaps = nearest_gaps(x.places.values(), MAX_SHIFT / SHIFT_OF_GAP)
    of_line = [row for row in rows if plan.key(row) == key]
    at_x = {cell_key(row): x.places[cell_key(row)] for row in of_line}
    places = {cell: place + line.slot * SHIFT_OF_GAP * gaps[place] for cell, place in at_x.items()}
    strip = x.frame.bottom - STRIP / 2
    return draw_line(of_line, line, variant, places, y, links, strip=strip, axis=plan.axis) if of_line else None


def _strip(frame: Frame) -> Markup:
    """The place of what has no d90, apart from the axis of d."""
    edge = element("path", d=f"M{frame.left:g} {frame.bottom - STRIP:g}H{frame.right:g}", class_="axis strip")
    return Markup(edge + element("text", "no d90", x=frame.left - 6, y=frame.bottom - STRIP / 2, class_="tick y"))


def _means(rows: Sequence[D90Row], plan: LinePlan, variant: D90Variant) -> list[GeometricMeanRow]:
    """Geometric means over tasks, by method and step, empty where a search of one goes on.

    There are none where a line is a model or there is one task.
    """
    if plan.axis != "pretraining_step" or plan.by_model or len({row.task for row in rows}) < 2:
        return []
    open_groups = {(row.model, row.checkpoint, row.method) for row in rows if not has_ended(row)}
    means = [
        replace(mean, d90=None) if (mean.model, mean.checkpoint, mean.method) in open_groups else mean
        for mean in geometric_mean_rows(rows, variant)
    ]
    return sorted(means, key=lambda mean: (mean.method, mean.pretraining_step or 0))
