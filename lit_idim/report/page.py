"""The page: its head, its sections in reading order, and the file."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from lit_idim.report.content import ReportContent, cell_key
from lit_idim.report.exceptions import exceptions
from lit_idim.report.figures import embedded
from lit_idim.report.headline import headline
from lit_idim.report.lead import lead, measured, title_of
from lit_idim.report.links import panel_names
from lit_idim.report.markup import Child, Markup, element, join
from lit_idim.report.provenance import provenance, reproduction
from lit_idim.report.score_panels import score_panels
from lit_idim.report.tables import d90_table, further_table, trainings_table
from lit_idim.study.provenance import write_whole


def write_report(path: Path, content: ReportContent) -> Path:
    """Writes `report.html` whole: aside, then renamed.

    Args:
        path: of the file.
        content: of the report.

    Returns:
        The path.

    Raises:
        OSError: if the file cannot be written or a figure cannot be read.
        ValueError: if a figure is neither PNG nor SVG.
    """
    write_whole(path, report_page(content))
    return path


def report_page(content: ReportContent) -> str:
    """The page as HTML, with everything that it needs inside.

    Raises:
        OSError: if a figure cannot be read.
        ValueError: if a figure is neither PNG nor SVG.
    """
    links = panel_names(dict.fromkeys(map(cell_key, content.rows)))
    sections = [
        ("trends", "Trends", _list(content.trends)),
        ("figures", "Further figures", embedded(content.figures)),
        ("exceptions", "What has no d90, and why", exceptions(content, links) if content.rows else None),
        ("table", "Table of d90", d90_table(content, links) if content.rows else None),
        ("scores", "Scores against d", score_panels(content, links) if content.rows else None),
        ("tables", "Further tables", join(map(further_table, content.tables))),
        ("trainings", "Trainings", _trainings(content) if content.records else None),
        ("reproduce", "How to reproduce", reproduction(content)),
        ("provenance", "Provenance", provenance(content)),
    ]
    shown = [section for section in sections if section[2]]
    main = element(
        "main",
        lead(content),
        headline(content, links),
        measured(content),
        _navigation([(name, title) for name, title, _ in shown]),
        [element("section", element("h2", title), body, id=name) for name, title, body in shown],
    )
    tip = element("div", id="tip", role="tooltip", hidden=True)
    style, script = (Markup(_asset(name)) for name in ("report.css", "report.js"))
    page = element(
        "html",
        element("head", _head(title_of(content), style, script), element("style", style)),
        element("body", main, tip, element("script", script)),
        lang="en",
    )
    # A name may hold half of a pair of surrogates, which UTF-8 lacks.
    return f"<!DOCTYPE html>\n{page}\n".encode(errors="replace").decode()


def _head(title: str, style: str, script: str) -> Markup:
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return join(
        [
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name_="color-scheme", content="light dark"),
            element("meta", name_="generator", content="lit_idim"),
            element("title", title),
        ]
    )


def _navigation(sections: Sequence[tuple[str, str]]) -> Markup:
    links = [element("a", title, href=f"#{name}") for name, title in sections]
    return element("nav", links, aria_label="Sections")


def _list(sentences: Sequence[str]) -> Markup | None:
    return element("ul", [element("li", sentence) for sentence in sentences]) if sentences else None


def _trainings(content: ReportContent) -> Child:
    summary = element("summary", f"All {len(content.records):,} trainings")
    return element("details", summary, trainings_table(content.records))


def _asset(name: str) -> str:
    """The style or script; neither may end its element early, and nothing in them comes from a study."""
    return files("lit_idim.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
