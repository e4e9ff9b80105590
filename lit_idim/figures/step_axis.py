"""The axis of pretraining steps: logarithmic, with a place for step 0, the untrained encoder."""

import itertools
import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from lit_idim.figures.style import DARK, log_ticks, set_log_ticks

MARGIN_DECADES_SHARE = 0.05
MAX_STEPS_NAMED = 9


def set_step_axis(axes: Axes, steps: Sequence[int], *, most_ticks: int = 7) -> None:
    """Scales the x axis for these steps, 0 among them or not.

    Without 0 it is logarithmic. With 0 it is so from the first step on, and linear below it (`symlog`): 0 stands at the
    left, behind a break mark, and no other step lies in between. At most about `most_ticks` steps are named.
    """
    positive = sorted({step for step in steps if step > 0})
    if not positive:
        axes.set_xlim(-1, 1)
        axes.set_xticks([0], labels=["0"])
        return
    first, last = positive[0], positive[-1]
    ratio = max(last / first, 2.0)
    pad = ratio**MARGIN_DECADES_SHARE
    if 0 not in steps:
        axes.set_xscale("log")
        axes.set_xlim(first / pad, last * pad)
        set_log_ticks(axes, "x", _ticks(positive, most_ticks))
        return
    # One decade of the symmetric scale is as long as linscale linear units: step 0 stands a sixth of the range away.
    axes.set_xscale("symlog", linthresh=first, linscale=max(0.15, math.log10(ratio) / 5))
    axes.set_xlim(-0.35 * first, last * pad)
    set_log_ticks(axes, "x", [0, *_ticks(positive, most_ticks)])
    axes.plot(
        [0.42 * first, 0.48 * first],
        [0, 0],
        marker=[(-0.5, -1), (0.5, 1)],
        markersize=9,
        linestyle="",
        color=DARK,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        gid="break",
    )


def gaps(steps: Sequence[int]) -> dict[int, float]:
    """Distance of each step to its nearest neighbour, as a share of the logarithmic axis; step 0 stands apart.

    >>> gaps([0, 10, 100, 1000])
    {0: 1.0, 10: 0.5, 100: 0.5, 1000: 0.5}
    """
    positive = sorted({step for step in steps if step > 0})
    whole = math.log(positive[-1] / positive[0]) if len(positive) > 1 else 1.0
    between = [round(math.log(b / a) / whole, 9) for a, b in itertools.pairwise(positive)]
    nearest = {step: min([*between[max(0, n - 1) : n + 1], 1.0]) for n, step in enumerate(positive)}
    return {0: 1.0, **nearest} if 0 in steps else nearest


def _ticks(positive: Sequence[int], most: int) -> list[float]:
    """The steps themselves where they are few, last and first preferred; else round numbers."""
    if len(positive) > MAX_STEPS_NAMED:
        return log_ticks(positive[0], positive[-1], most)
    apart = 0.8 / most * math.log(positive[-1] / positive[0])
    ticks = [float(positive[-1])]
    for step in reversed(positive[:-1]):
        clear_of_first = step == positive[0] or math.log(step / positive[0]) >= apart
        if math.log(ticks[-1] / step) >= apart and clear_of_first:
            ticks.append(float(step))
    return ticks[::-1]
