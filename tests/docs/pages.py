"""The pages of the documentation, taken apart."""

import re
import shlex
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (DOCS.parent / "README.md", *sorted(DOCS.glob("*.md")))
_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_PATTERN = re.compile(r"\b(NAME|SCRIPT)\b|\[--|^lit-idim$")
_COMMAND = re.compile(r"^(?:\w+=\S+ )*(?P<command>(?:lit-idim|lightning run)\b.*)")


def blocks(page: Path, info: str) -> list[str]:
    """Fenced blocks whose opening line says exactly this, as `python run`."""
    return [found["code"] for found in _FENCE.finditer(page.read_text()) if found["info"].strip() == info]


def commands(page: Path) -> list[list[str]]:
    """The command lines of this package, in indented blocks and between backticks, as words.

    Patterns are left out: those with NAME or SCRIPT or something in brackets where a word would stand.
    """
    text = _FENCE.sub("", page.read_text()).replace("\\\n", " ")
    indented = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    inline = [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", text)]
    matches = (_COMMAND.match(line) for line in (*indented, *inline) if not _PATTERN.search(line))
    return [shlex.split(found["command"].removesuffix("&"), comments=True) for found in matches if found]


def code_spans(page: Path) -> list[str]:
    """What stands between backticks in the text."""
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", page.read_text()))
