"""A dashboard as plain data: it can be compared, printed and tested, and knows nothing of W&B's own classes."""

from dataclasses import dataclass
from typing import Literal

PanelKind = Literal["lines", "number", "bars", "line_chart", "scatter_chart", "table", "picture"]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        kind: "lines" of history numbers, a "number" or "bars" of summaries, a "line_chart" as
            `wandb.plot.line` sends it, a "scatter_chart" of two columns of a table, a "table" or a "picture".
        title: above it.
        keys: of what is drawn; of lines all of them, also where a pattern selects them.
        pattern: regular expression that selects the lines, where they are too many to be listed.
        x: of lines, the step metric; of a chart, a column of its table.
        y: of a chart, a column of its table; of lines, the label of the axis.
        log_x: whether x is logarithmic.
        log_y: whether y is logarithmic.
    """

    kind: PanelKind
    title: str
    keys: tuple[str, ...]
    pattern: str | None = None
    x: str | None = None
    y: str | None = None
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True, kw_only=True)
class Section:
    """Panels under a heading.

    Attributes:
        name: heading.
        shows: what is to be seen, in words.
        panels: in reading order.
        is_open: whether a workspace unfolds it.
        in_report: whether the report has it, too.
    """

    name: str
    shows: str
    panels: tuple[Panel, ...]
    is_open: bool = False
    in_report: bool = True


@dataclass(frozen=True, kw_only=True)
class Text:
    """A part of the report.

    Attributes:
        heading: above it.
        markdown: the text.
    """

    heading: str
    markdown: str


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """Workspace and report of a study.

    Attributes:
        study: the runs are those whose `config.study` is this.
        job_type: and whose job type is this: trainings with runs of their own are left out.
        group: and of this group; of any if None.
        title: of workspace and report.
        description: of the report.
        sections: of the workspace.
        texts_before: of the report, before its sections.
        texts_after: after them.
    """

    study: str
    job_type: str
    title: str
    description: str
    sections: tuple[Section, ...]
    group: str | None = None
    texts_before: tuple[Text, ...] = ()
    texts_after: tuple[Text, ...] = ()


def describe_dashboard(dashboard: Dashboard) -> str:
    """A dashboard as text, a line a panel."""
    group = "" if dashboard.group is None else f", group {dashboard.group!r}"
    lines = [f"{dashboard.title}: runs of study {dashboard.study!r}, job type {dashboard.job_type!r}{group}"]
    for section in dashboard.sections:
        place = "workspace and report" if section.in_report else "workspace"
        lines += ["", f"{section.name} ({place}): {section.shows}", *map(_line, section.panels)]
    lines += ["", "report: " + "; ".join(text.heading for text in (*dashboard.texts_before, *dashboard.texts_after))]
    return "\n".join(lines)


def _line(panel: Panel) -> str:
    drawn = panel.pattern if panel.pattern is not None else ", ".join(panel.keys)
    axes = "" if panel.x is None else f"  against {panel.x}"
    logs = " and ".join(name for name, is_log in (("x", panel.log_x), ("y", panel.log_y)) if is_log)
    return f"  {panel.kind}  {panel.title}  {drawn}{axes}{f'  (log {logs})' if logs else ''}"
