"""`make docs`: the reference of all modules."""

import pkgutil
from pathlib import Path

import pytest

import lit_idim
from tests.forked import run_forked
from tests.study.tiny_study import environment_of_tests

from .pages import DOCS

REFERENCE = DOCS / "reference.py"


@pytest.mark.slow
def test_every_module_that_can_be_imported_has_a_page(tmp_path: Path) -> None:
    made = run_forked(REFERENCE, tmp_path, environment=environment_of_tests())
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "index.html").is_file()
    lacking = [
        found.name
        for found in pkgutil.walk_packages(lit_idim.__path__, prefix="lit_idim.")
        if not tmp_path.joinpath(*found.name.split(".")).with_suffix(".html").is_file()
    ]
    assert all("fairseq2_extension" in name or ".gpu." in name for name in lacking), lacking
    assert "lit_idim.measure" in (tmp_path / "lit_idim.html").read_text()
