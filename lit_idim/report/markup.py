"""HTML and SVG from Python: whatever is not markup already is escaped."""

import html
from collections.abc import Iterable

_VOID = frozenset({"br", "hr", "img", "input", "meta"})


class Markup(str):
    """Text that is HTML already and goes into a page as it is."""

    __slots__ = ()


Child = str | Iterable["Child"] | None
Attribute = str | float | bool | None


def element(name: str, *children: Child, **attributes: Attribute) -> Markup:
    """An element with its children and attributes, escaped.

    >>> element("a", "<b> & ", element("i", "c"), href='"', aria_label=None, class_="x")
    '<a href="&quot;" class="x">&lt;b&gt; &amp; <i>c</i></a>'

    Args:
        name: of the element.
        children: text, which is escaped, markup, which is not, or iterables of both; None is nothing.
        attributes: by name, with `_` for `-` and after a Python keyword; None and False are left out, True has no
            value, numbers are rounded to tenths.
    """
    opened = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Markup(opened if name in _VOID else f"{opened}{join(children)}</{name}>")


def join(children: Child) -> Markup:
    """Children one after the other, escaped where they are not markup.

    >>> join(["a < b", [Markup("<br>"), None]])
    'a &lt; b<br>'
    """
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return Markup(html.escape(children, quote=False))
    return Markup("".join(map(join, children)))


def number(value: float) -> str:
    """A coordinate, to a tenth.

    >>> number(3.0), number(3.14), number(-0.01)
    ('3', '3.1', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    shown = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {shown}"
    text = value if isinstance(value, str) else number(value)
    return f' {shown}="{html.escape(text)}"'
