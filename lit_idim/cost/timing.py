"""Wall-clock times that can be compared."""

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch


def time_in_turn(functions: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, list[float]]:
    """Seconds of each call, the functions called in turn (A B C, A B C, ...) after one call each that is not counted.

    In turn, because a machine's speed drifts: what is to be compared must share the drift.

    Args:
        functions: what is timed, by name.
        repeats: counted calls of each, at least 1.

    Example:
        >>> {name: len(seconds) for name, seconds in time_in_turn({"sum": lambda: sum(range(9))}, repeats=3).items()}
        {'sum': 3}
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for counted in range(repeats + 1):
        for name, function in functions.items():
            _synchronize()
            start = time.perf_counter()
            function()
            _synchronize()
            if counted:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def median_seconds(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each."""
    return {name: median(values) for name, values in seconds.items()}


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
