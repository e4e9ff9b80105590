"""Made-up studies, and a look at where a figure's texts lie."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from lit_idim.study.d90_row import D90Row

STATUSES = ("no_signal", "trivial", "above_range", "failed", "below_range")


@pytest.fixture
def study(make_row: Callable[..., D90Row]) -> Callable[..., list[D90Row]]:
    """Makes rows of steps x tasks x methods x models whose d90 falls; some cells have every other status."""

    def make(
        steps: Sequence[int],
        tasks: Sequence[str],
        methods: Sequence[str] = ("said",),
        models: Sequence[str] = ("toy-L2-H128",),
        with_statuses: bool = True,
    ) -> list[D90Row]:
        rng = np.random.default_rng(0)
        rows = []
        for number, (model, method, task, step) in enumerate(itertools.product(models, methods, tasks, steps)):
            d90 = float(6000 / (1 + step / max(1, steps[-1]) * 9) * np.exp(0.3 * rng.standard_normal()))
            changes: dict[str, Any] = {"d90": d90, "d90_low": d90 * 0.8, "d90_high": d90 * 1.3}
            if with_statuses and number % 5 == 0:
                changes = {"status": STATUSES[number // 5 % 5]}
            rows.append(make_row(model=model, method=method, task=task, pretraining_step=step, **changes))
        return rows

    return make


@pytest.fixture
def check_texts() -> Callable[[Figure], None]:
    """Asserts that every text lies within the figure and that no two overlap."""

    def check(figure: Figure) -> None:
        figure.draw_without_rendering()
        texts = [text for text in _texts(figure) if text.get_visible() and text.get_text().strip()]
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
        page = figure.bbox
        for words, box in boxes:
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1, words
        for (words, box), (other_words, other) in itertools.combinations(boxes, 2):
            assert _common_area(box, other) <= 1, (words, other_words)

    return check


def _texts(figure: Figure) -> list[Text]:
    ticks: set[Text] = set()
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not low * (1 - 1e-9) <= tick.get_loc() <= high * (1 + 1e-9):
                    ticks |= {tick.label1, tick.label2}
                ticks |= {tick.label2} | (set() if tick.label1.get_visible() else {tick.label1})
    return [text for text in figure.findobj(Text) if text not in ticks]


def _common_area(a: Bbox, b: Bbox) -> float:
    common = Bbox.intersection(a, b)
    return 0.0 if common is None else common.width * common.height
