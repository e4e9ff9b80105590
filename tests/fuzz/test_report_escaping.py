"""`report.html`: no name, reason, table or setting of a study becomes markup, style or script."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from html import unescape
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lit_idim.report import ReportContent, ReportTable, report_page
from lit_idim.report.markup import element

from .inputs import fuzzed

PARTS = st.sampled_from(
    [
        *("</script>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onmouseover="x', "' onclick='x"),
        *("<!--", "-->", "]]>", "<![CDATA[", "&lt;", "&#60;", "&", "<", ">", '"', "'", "`", "javascript:x", "</style>"),
        *("{{", "\0", "\ud800", "\u202e", "\u2028", "\r\n", "\t", "#", "/", "%", "\x1b[31m", "<svg/onload=x>"),
    ]
)  # fmt: skip
HOSTILE = st.one_of(st.text(max_size=8), st.lists(PARTS, max_size=3).map("".join))
FORBIDDEN = {"img", "iframe", "object", "embed", "base", "link", "form"}


class Page(HTMLParser):
    """What a page is made of: its elements with their attributes, and its script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.names: Counter[str] = Counter()
        self.script = ""
        self._is_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.names[tag] += 1
        self._is_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._is_script = False

    def handle_data(self, data: str) -> None:
        self.script += data if self._is_script else ""


def content_of(row: Any, **changes: Any) -> ReportContent:
    values: dict[str, Any] = {"study": "toy", "config": "a: 1", "manifest": {}, "is_complete": True}
    written_at = datetime(2026, 1, 2, tzinfo=timezone.utc)
    return ReportContent(variant="d90", rows=[row], records=[], written_at=written_at, **(values | changes))


@fuzzed(25)
@given(
    texts=st.lists(HOSTILE, min_size=10, max_size=10),
    status=st.sampled_from(["reached", "above_range", "below_range", "trivial", "no_signal", "failed"]),
    is_complete=st.booleans(),
)
def test_no_text_becomes_markup(make_row: Callable[..., Any], texts: list[str], status: str, is_complete: bool) -> None:
    model, checkpoint, task, reason, study, config, trend, name, cell, note = (text or "x" for text in texts)
    told = {} if status == "reached" else {"reason": reason}
    row = make_row(model=model, checkpoint=checkpoint, task=task, status=status, **told)
    of_study = {"study": study, "config": config, "trends": [trend], "manifest": {name: {note: [cell]}}}
    table = ReportTable(title=name, header=[name], rows=[[cell]], note=note)
    text = report_page(content_of(row, tables=[table], is_complete=is_complete, **of_study))
    text.encode("utf-8")
    page = Page(text)
    assert page.names["script"] == page.names["style"] == 1
    assert not FORBIDDEN & set(page.names)
    assert page.script == Page(report_page(content_of(make_row()))).script
    for one, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("href", "src", "xlink:href", "action"):
            value = attributes.get(key)
            assert value is None or value.startswith("#"), f"{one} leads to {value}"
        assert "url(" not in (attributes.get("style") or "")


@fuzzed(60)
@given(text=HOSTILE, value=HOSTILE)
def test_an_element_holds_what_it_was_given(text: str, value: str) -> None:
    written = element("p", text, title=value)
    ((name, attributes),) = Page(written).elements
    assert name == "p" and set(attributes) == {"title"}
    inner = written.partition(">")[2].removesuffix("</p>")
    assert "<" not in inner and unescape(inner.replace("\0", "0")) == text.replace("\0", "0")
