"""Figures as files: two processes on one folder, as drivers on one study are, do not take them from each other."""

import os
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from lit_idim.figures.style import save_figure


def test_another_process_may_save_the_same_figure_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save, codes = Figure.savefig, []

    def save_beside_another(figure: Figure, *arguments: Any, **options: Any) -> None:
        save(figure, *arguments, **options)
        monkeypatch.setattr(Figure, "savefig", save)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = len(save_figure(Figure(), tmp_path, "empty")) - 2
            finally:
                os._exit(code)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    monkeypatch.setattr(Figure, "savefig", save_beside_another)
    paths = save_figure(Figure(), tmp_path, "empty")
    assert codes == [0]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
