"""Sections of lines: d90 against pretraining and model size, full scores, scores against d."""

from lit_idim.dashboard.description import CellName, StudyDescription
from lit_idim.dashboard.lines import MAX_REPORT_PANELS, grouped, line_panel
from lit_idim.dashboard.panels import Panel, Section
from lit_idim.tracking.keys import D90_NUMBERS, chart_key, d90_key, full_score_key, score_key

Line = tuple[str, str, str]
"""Model, task and method."""


def curve_section(study: StudyDescription) -> Section:
    """d90 against pretraining step, a panel a task and method, a line a model."""
    groups = grouped(study.lines, [_task_and_method, _method])
    panels = [
        line_panel(
            f"d90 against pretraining step: {title}",
            (d90_key("d90", "pretraining_step", *line) for line in lines),
            x="pretraining_step",
            y="d90",
            log_y=True,
        )
        for title, lines in groups.items()
    ]
    if panels:
        panels.insert(
            0,
            Panel(
                kind="line_chart",
                title="d90 against pretraining step",
                keys=(chart_key("pretraining_step"),),
                x="pretraining_step",
                y="d90",
            ),
        )
    shows = "d90 as pretraining goes on, a line a model; one that falls says that fewer numbers suffice."
    return Section(name="d90 against pretraining step", shows=shows, panels=tuple(panels), is_open=True)


def interval_section(study: StudyDescription) -> Section:
    """d90 and the ends of its interval, a panel a line of the curves, or several where these are many."""
    groups = grouped(study.lines, [" ".join, _task_and_method, _method])
    panels = tuple(
        line_panel(
            f"d90 and its interval: {title}",
            (d90_key(number, "pretraining_step", *line) for number in D90_NUMBERS for line in lines),
            x="pretraining_step",
            y="d90",
            log_y=True,
        )
        for title, lines in groups.items()
    )
    shows = "Each d90 with the ends of its 90% interval; an end that is open has no point."
    return Section(name="d90 with its interval", shows=shows, panels=panels, in_report=len(panels) <= MAX_REPORT_PANELS)


def size_section(study: StudyDescription) -> Section:
    """d90 against D, a panel a task and method; nothing where there is one model."""
    lines = {(cell.task, cell.method): None for cell in study.cells} if len(study.models) > 1 else {}
    panels = [
        line_panel(
            f"d90 against number of parameters: {title}",
            (d90_key(number, "num_parameters", *pair) for number in D90_NUMBERS for pair in pairs),
            x="num_parameters",
            y="d90",
            log_x=True,
            log_y=True,
        )
        for title, pairs in grouped(lines, [" ".join, lambda pair: pair[1]]).items()
    ]
    if panels:
        panels.insert(
            0,
            Panel(
                kind="line_chart",
                title="d90 against number of parameters",
                keys=(chart_key("num_parameters"),),
                x="num_parameters",
                y="d90",
            ),
        )
    shows = "d90 and the ends of its interval over models of D parameters, both logarithmic; a point a model."
    return Section(name="d90 against model size", shows=shows, panels=tuple(panels), is_open=True)


def full_score_section(study: StudyDescription) -> Section:
    """Full scores of the series, a panel a task."""
    groups = grouped(study.lines, [lambda line: line[1], lambda line: "all tasks"])
    panels = tuple(
        line_panel(
            f"full score against pretraining step: {task}",
            (full_score_key(model, of) for model, of, _ in lines),
            x="pretraining_step",
            y="dev score",
        )
        for task, lines in groups.items()
    )
    shows = "The dev score of fine-tuning all parameters, of which d90 asks a share: an early one is low and easy."
    return Section(name="Full fine-tuning", shows=shows, panels=panels)


def score_section(study: StudyDescription) -> Section:
    """Scores against d: a panel a cell, or a panel for many checkpoints or models where cells are many."""
    by_series = [_cell, _line_of_cell, lambda cell: f"{cell.task} {cell.method}", lambda cell: cell.method]
    panels = tuple(
        line_panel(
            f"score against d: {title}",
            (score_key(cell.model, cell.checkpoint, cell.task, cell.method) for cell in cells),
            x="d",
            y="dev score",
            log_x=True,
        )
        for title, cells in grouped(study.cells, by_series).items()
    )
    shows = (
        "The dev score of every training in a subspace of d numbers, all learning rates and seeds: d90 is read where "
        f"the best of a d reach {study.target_fraction:.0%} of the full score."
    )
    return Section(name="Score against d", shows=shows, panels=panels, in_report=len(panels) <= MAX_REPORT_PANELS)


def _task_and_method(line: Line) -> str:
    return f"{line[1]} {line[2]}"


def _method(line: Line) -> str:
    return line[2]


def _cell(cell: CellName) -> str:
    return f"{cell.model} {cell.checkpoint} {cell.task} {cell.method}"


def _line_of_cell(cell: CellName) -> str:
    return f"{cell.model} {cell.task} {cell.method}"
