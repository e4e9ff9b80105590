"""The Python blocks of the documentation are Python, and those marked `python run` run."""

from pathlib import Path

import pytest

from .pages import PAGES, blocks

RUNNABLE = [(page, number) for page in PAGES for number in range(len(blocks(page, "python run")))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_are_python(page: Path) -> None:
    for code in (*blocks(page, "python"), *blocks(page, "python run")):
        compile(code, str(page), "exec")


@pytest.mark.parametrize(("page", "number"), RUNNABLE, ids=lambda value: getattr(value, "name", value))
def test_a_block_runs(page: Path, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))
    exec(compile(blocks(page, "python run")[number], f"{page.name}[{number}]", "exec"), {"__name__": page.stem})
