"""`report.html`: no name, reason, table or setting of a study becomes markup, style or script."""

from collections import Counter
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_idim.report import ReportContent, ReportTable, report_page
from lit_idim.report.markup import element

from ..report.conftest import make_content  # noqa: F401 (a fixture)
from ..report.parsed import parse
from .inputs import fuzzed

PARTS = st.sampled_from(
    [
        *("</script>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onmouseover="x', "' onclick='x"),
        *("<!--", "-->", "]]>", "<![CDATA[", "&lt;", "&#60;", "&", "<", ">", '"', "'", "`", "javascript:x", "</style>"),
        *("{{", "\0", "\ud800", "\u202e", "\u2028", "\r\n", "\t", "#", "/", "%", "\x1b[31m", "</title>", "<svg/onload=x>"),
    ]
)
HOSTILE = st.one_of(st.text(max_size=8), st.lists(PARTS, max_size=3).map("".join))
NUMBERS = st.one_of(st.none(), st.floats(10, 16384))


def shape(page: str) -> Counter[str]:
    """Elements and attributes by name: what a page is made of, whatever its texts are."""
    found: Counter[str] = Counter()
    for one in parse(page).all():
        found.update([one.name, *(f"{one.name} {name}" for name in one.attributes)])
    return found


@fuzzed(25)
@given(
    texts=st.lists(HOSTILE, min_size=10, max_size=10),
    status=st.sampled_from(["reached", "above_range", "below_range", "trivial", "no_signal", "failed"]),
    is_complete=st.booleans(),
)
def test_no_text_becomes_markup(
    make_row: Callable[..., Any],
    make_content: Callable[..., ReportContent],  # noqa: F811
    texts: list[str],
    status: str,
    is_complete: bool,
) -> None:
    model, checkpoint, task, reason, study, config, trend, name, cell, note = (text or "x" for text in texts)
    row = make_row(model=model, checkpoint=checkpoint, task=task, status=status, **({"reason": reason} if status != "reached" else {}))
    table = ReportTable(title=name, header=[name], rows=[[cell]], note=note)
    page = report_page(
        make_content(
            [row], study=study, config=config, trends=[trend], manifest={name: {note: [cell]}}, tables=[table],
            is_complete=is_complete,
        )
    )  # fmt: skip
    page.encode("utf-8")
    found = shape(page)
    assert found["script"] == 1 and found["style"] == 1 and not found["img"] and not found["iframe"]
    root = parse(page)
    assert not [key for one in root.all() for key in one.attributes if key.startswith("on")]
    for one in root.all():
        for key in ("href", "src", "xlink:href", "action"):
            value = one.attributes.get(key)
            assert value is None or value.startswith("#"), f"{one.name} leads to {value}"
        assert "style" not in one.attributes or "url(" not in str(one.attributes["style"])
    assert root.all("script")[0].text == parse(report_page(make_content([make_row()]))).all("script")[0].text


@fuzzed(60)
@given(text=HOSTILE, value=HOSTILE)
def test_an_element_holds_what_it_was_given(text: str, value: str) -> None:
    (found,) = parse(element("p", text, title=value)).children
    assert not isinstance(found, str) and set(found.attributes) == {"title"} and not found.all()
    written = element("p", text, title=value)
    inner = written.partition(">")[2].removesuffix("</p>")
    assert "<" not in inner and unescape(inner.replace("\0", "0")) == text.replace("\0", "0")
