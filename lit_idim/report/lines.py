"""Which lines the headline figure has, in which panels, along which axis, and how each looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lit_idim.figures.style import COLORS, MARKERS
from lit_idim.report.content import ReportContent
from lit_idim.study.d90_row import D90Row

Axis = Literal["pretraining_step", "num_parameters", "cell"]
LineKey = tuple[str, str]
"""Task (or model, where models are the lines) and method."""
MAX_LINES = 6  # in one panel; beyond that each method has a panel of its own
NUM_DASHES = 4


@dataclass(frozen=True, kw_only=True)
class Line:
    """How a line looks.

    Attributes:
        label: in the legend.
        name: of the line within the page.
        color: its number among the colours.
        marker: as matplotlib names it.
        dash: number of its dashes; 0 is a solid line.
        slot: its place among the lines at one x, from -0.5 to 0.5.
    """

    label: str
    name: str
    color: int
    marker: str
    dash: int
    slot: float


@dataclass(frozen=True, kw_only=True)
class LinePlan:
    """Lines and panels of the headline figure.

    Attributes:
        axis: what x is.
        by_model: whether a line is a model, all on one task, instead of a task.
        panels: (title, rows) of each panel, from the top.
        lines: by key, in the order of the legend.
    """

    axis: Axis
    by_model: bool
    panels: list[tuple[str, list[D90Row]]]
    lines: dict[LineKey, Line]

    def key(self, row: D90Row) -> LineKey:
        """The line that a row belongs to."""
        return _key(row, self.by_model)


def drawn_rows(content: ReportContent) -> Sequence[D90Row]:
    """The rows of the headline figure.

    Along D all checkpoints of a model have one x, so that only those of its last pretraining step are drawn.
    """
    if content.headline_rows is not None:
        return content.headline_rows
    if choose_axis(content.rows, content.study) != "num_parameters":
        return content.rows
    lasts: dict[str, int] = {}
    for row in content.rows:
        lasts[row.model] = max(lasts.get(row.model, -1), _step(row))
    return [row for row in content.rows if _step(row) == lasts[row.model]]


def plan_lines(rows: Sequence[D90Row], study: str) -> LinePlan:
    """One panel where it stays legible; else one a model, and one a method where lines are many.

    Colour and marker tell the task, or the model if there is one task; dashes tell the method.

    Args:
        rows: at least one.
        study: "model_size" is drawn against D where it can be.
    """
    axis = choose_axis(rows, study)
    placed = [row for row in rows if axis == "cell" or getattr(row, axis) is not None]
    models, tasks, methods = (list(dict.fromkeys(_of(row, name) for row in placed)) for name in _NAMES)
    along_steps = axis == "pretraining_step"
    by_model = along_steps and len(models) > 1 and len(tasks) == 1
    names = models if by_model else tasks
    split_models = along_steps and len(models) > 1 and not by_model
    split_methods = axis != "cell" and len(methods) > 1 and len(names) * len(methods) > MAX_LINES
    panels: dict[str, list[D90Row]] = {}
    for row in sorted(placed, key=lambda row: (models.index(row.model), methods.index(row.method))):
        parts = [row.model] * split_models + [row.method.upper()] * split_methods
        panels.setdefault(", ".join(parts), []).append(row)
    present = list(dict.fromkeys(_key(row, by_model) for row in placed))
    slots = list(dict.fromkeys((name, "" if split_methods else method) for name, method in present))
    lines = {}
    for number, (name, method) in enumerate(present):
        place = slots.index((name, "" if split_methods else method))
        lines[name, method] = Line(
            label=f"{name}, {method.upper()}" if len(methods) > 1 else name,
            name=f"line-{number}",
            color=names.index(name) % len(COLORS),
            marker=MARKERS[names.index(name) % len(MARKERS)],
            dash=0 if split_methods else methods.index(method) % NUM_DASHES,
            slot=0.0 if axis == "cell" else (place + 0.5) / len(slots) - 0.5,
        )
    return LinePlan(axis=axis, by_model=by_model, panels=list(panels.items()), lines=lines)


def choose_axis(rows: Sequence[D90Row], study: str) -> Axis:
    """Pretraining step or D, where the rows have several of them; else a column a cell."""
    kinds: list[Axis] = ["pretraining_step", "num_parameters"]
    if study == "model_size":
        kinds.reverse()
    for kind in kinds:
        if len({getattr(row, kind) for row in rows} - {None}) >= 2:
            return kind
    return "cell"


_NAMES = ("model", "task", "method")


def _step(row: D90Row) -> int:
    return -1 if row.pretraining_step is None else row.pretraining_step


def _of(row: D90Row, name: str) -> str:
    value: str = getattr(row, name)
    return value


def _key(row: D90Row, by_model: bool) -> LineKey:
    return (row.model if by_model else row.task, row.method)
