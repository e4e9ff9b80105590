"""The notebook of the documentation runs as a script, and measures a d90."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lit_idim.study.tables import read_d90

from .pages import DOCS

EXAMPLE = DOCS / "example.py"


def test_it_is_a_notebook_of_markdown_and_code() -> None:
    text = EXAMPLE.read_text()
    assert text.startswith("# %% [markdown]\n# # ")
    cells = text.split("# %%")[1:]
    assert sum(not cell.startswith(" [markdown]") for cell in cells) >= 8
    for cell in cells:
        if cell.startswith(" [markdown]"):
            assert all(line.startswith("#") for line in cell.splitlines()[1:] if line)


@pytest.mark.slow
def test_it_yields_a_row(tmp_path: Path) -> None:
    environment = os.environ | {"LIT_IDIM_CACHE": str(tmp_path / "cache"), "MPLBACKEND": "agg"}
    ran = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    out = tmp_path / "outputs" / "example"
    (row,) = read_d90(out / "d90.csv")
    assert (row.task, row.method, row.num_parameters) == ("verdicts", "said", 497_410)
    assert row.status == "reached" and row.d90 is not None and row.d_min <= row.d90 <= row.d_max
    assert f"status      {row.status}" in ran.stdout and "the same logits: True" in ran.stdout
    assert (out / "figures_again" / "score_against_d_verdicts_said.png").stat().st_size > 10_000
