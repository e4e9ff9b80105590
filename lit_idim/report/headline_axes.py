"""The axes of the headline figure: where each cell is along x, and which d the other axis holds."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lit_idim.figures.caption import standing
from lit_idim.figures.score_against_d import CellKey
from lit_idim.figures.style import compact
from lit_idim.report.axes import Frame
from lit_idim.report.content import cell_key
from lit_idim.report.lines import Axis
from lit_idim.report.scales import Scale, column_scale, log_scale, step_scale, value_scale
from lit_idim.report.standing import d90_of, is_on_strip
from lit_idim.study.d90_row import D90Row, D90Variant

FRAME = Frame(width=640, height=364, left=64, right=628, top=30, bottom=316)
STRIP = 30.0  # height of the strip for what has no place on the scale of d
MAX_LABEL = 20
# Of a label where the page is narrowest and texts largest.
WIDEST_LETTER = 10.0
TURNED_LETTER = 5.4
LINE_HEIGHT = 18.0
APART_TURNED = 26.0  # between turned labels
LEFT_OF_TURNED = 94.0


@dataclass(frozen=True, kw_only=True)
class XAxis:
    """The x axis of a panel.

    Attributes:
        scale: of it.
        places: of the cells, those of one x not yet spread.
        frame: of the panel, high enough for the labels.
        has_turned_labels: whether they are too many to stand side by side.
    """

    scale: Scale
    places: Mapping[CellKey, float]
    frame: Frame
    has_turned_labels: bool


def x_axis(rows: Sequence[D90Row], axis: Axis) -> XAxis:
    """Along steps or D, which all rows must have, or a column a row."""
    if axis != "cell":
        values: list[int] = [getattr(row, axis) for row in rows]
        named = _models_named(rows) if axis == "num_parameters" else None
        if named is not None:
            return named
        scale = (step_scale if axis == "pretraining_step" else value_scale)(values, FRAME.left + 12, FRAME.right - 8)
        places = {cell_key(row): scale.place(value) for row, value in zip(rows, values, strict=True)}
        return XAxis(scale=scale, places=places, frame=FRAME, has_turned_labels=False)
    labels = _column_labels(rows)
    longest = max(len(line) for label in labels for line in label.split("\n"))
    turned = longest * WIDEST_LETTER > (FRAME.right - FRAME.left) / len(labels)
    if turned:
        labels = [_cut(label.replace("\n", ", ")) for label in labels]
        frame = _frame_of_turned(labels)
    else:
        extra = LINE_HEIGHT * max(label.count("\n") for label in labels)
        frame = replace(FRAME, height=FRAME.height + extra)
    frame = replace(frame, height=frame.height - LINE_HEIGHT)  # no name below the labels
    scale = column_scale(labels, frame.left, frame.right)
    places = {cell_key(row): scale.place(column) for column, row in enumerate(rows)}
    return XAxis(scale=scale, places=places, frame=frame, has_turned_labels=turned)


def _models_named(rows: Sequence[D90Row]) -> XAxis | None:
    """The axis of D with the models' names at their D; None where these would touch."""
    names: dict[int, list[str]] = {}
    for row in rows:
        of_size = names.setdefault(row.num_parameters or 0, [])
        if row.model not in of_size:
            of_size.append(row.model)
    sizes = {size: f", {compact(size)}" for size in sorted(names)}
    labels = [_cut(" / ".join(names[size]), MAX_LABEL - len(shown)) + shown for size, shown in sizes.items()]
    frame = _frame_of_turned(labels)
    scale = value_scale(list(sizes), frame.left + 12, frame.right - 8)
    at = [scale.place(size) for size in sizes]
    if any(b - a < APART_TURNED for a, b in itertools.pairwise(at)):
        return None
    places = {cell_key(row): scale.place(row.num_parameters or 0) for row in rows}
    ticks = list(zip(at, labels, strict=True))
    return XAxis(scale=replace(scale, ticks=ticks), places=places, frame=frame, has_turned_labels=True)


def _frame_of_turned(labels: Sequence[str]) -> Frame:
    """Room below for labels, and at the left for the first of them."""
    return replace(FRAME, left=LEFT_OF_TURNED, height=FRAME.height + TURNED_LETTER * max(map(len, labels)))


def has_strip(rows: Sequence[D90Row], variant: D90Variant) -> bool:
    """Whether some row has no place on the scale of d."""
    return any(is_on_strip(row, variant) for row in rows)


def d_scale(rows: Sequence[D90Row], variant: D90Variant, frame: Frame) -> Scale:
    """A logarithmic axis that holds all numbers of the rows and their arrows, above the strip."""
    ends = [end for row in rows for end in _ends(row, variant)] or [float(rows[0].d_min), float(rows[0].d_max)]
    statuses = {standing(row, variant) for row in rows}
    low, high = math.log10(min(ends)), math.log10(max(ends))
    spare = max(0.0, 1 - (high - low)) / 2
    low, high = low - spare, high + spare
    above, below = ((high - low) * (0.13 if status in statuses else 0.05) for status in ("above_range", "below_range"))
    bottom = frame.bottom - (STRIP if has_strip(rows, variant) else 0)
    return log_scale(10 ** (low - below), 10 ** (high + above), bottom, frame.top)


def _ends(row: D90Row, variant: D90Variant) -> list[float]:
    """What the axis must hold of a row: its number and interval, or the end of the range that it lies beyond."""
    if d90_of(row, variant) is not None:
        return [end for end in row.drawn_interval_of(variant) if end is not None]
    edges = {"above_range": [float(row.d_max)], "below_range": [float(row.d_min)]}
    return edges.get(standing(row, variant), [])


def _column_labels(rows: Sequence[D90Row]) -> list[str]:
    """What tells the cells apart, a line each."""
    parts = [(row.model, row.checkpoint, row.task, row.method.upper()) for row in rows]
    differing = [n for n in range(4) if len({part[n] for part in parts}) > 1] or [2, 3]
    return ["\n".join(_cut(part[n]) for n in differing) for part in parts]


def _cut(name: str, most: int = MAX_LABEL) -> str:
    """A name cut in its middle, since its ends tell more."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-most // 2 + 1 :]}"
