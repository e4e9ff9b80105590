"""Time, memory and bytes of each projection against D and d, beside what a copy of theta costs."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from lit_idim.projections import Projection, make_projection

LARGEST_DENSE = 2**24
"""Entries of P beyond which `dense`, whose time grows with D d, is left out."""


def sweep(
    names: Iterable[str], ds: Iterable[int], Ds: Iterable[int], *, device: str, dtype: torch.dtype, repeats: int
) -> list[dict[str, Any]]:
    """One row for each pass of each projection, and for a copy, at each d and D.

    Columns: projection, pass ("forward" writes theta from theta_0, "backward" reduces a gradient), d, D, seconds (the
    median of the calls), least_bytes (read and written by any method: theta_0 and theta, or the gradient),
    bytes_a_second, working_bytes (peak memory of a call beyond its operands), stored_bytes (kept by P between calls).

    Args:
        names: of projections.
        ds: trained numbers.
        Ds: parameters; pairs with d > D are passed over.
        device: "cpu" or "cuda".
        dtype: of theta.
        repeats: counted calls.
    """
    names, ds, rows = list(names), list(ds), []
    for D in Ds:
        theta_0 = torch.randn(D, device=device).to(dtype)
        theta = torch.empty_like(theta_0)
        copied = 2 * theta.nbytes
        rows.append(_row("copy", "forward", 0, D, *_measure(partial(theta.copy_, theta_0), device, repeats), copied, 0))
        for d in ds:
            for name in names:
                if d > D or (name == "dense" and D * d > LARGEST_DENSE):
                    continue
                projection = make_projection(name, d=d, D=D)
                theta_d = torch.randn(d, device=device)
                passes: dict[str, tuple[Callable[[], object], int]] = {
                    "forward": (partial(projection.add_rows, theta_d, 0, base=theta_0, out=theta), copied),
                    "backward": (partial(projection.adjoint, [(0, theta_0)], like=theta_d), theta.nbytes),
                }
                for which, (function, least) in passes.items():
                    measured = _measure(function, device, repeats)
                    rows.append(_row(name, which, d, D, *measured, least, stored_bytes(projection)))
    return rows


def stored_bytes(projection: Projection) -> int:
    """Memory of every tensor that the projection object holds."""
    return sum(value.nbytes for value in vars(projection).values() if isinstance(value, Tensor))


def seconds_of_calls(function: Callable[[], object], device: str, repeats: int) -> list[float]:
    """Seconds of each call after one that is not counted.

    On a GPU a call's time is a tenth of ten made one after another between two events, so that what is told is the
    device's work where the host is ahead of it, and the host's where it is not.
    """
    function()
    if device == "cpu":
        return [_timed(function) for _ in range(repeats)]
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(10):
            function()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1e4)
    return times


def _timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _measure(function: Callable[[], object], device: str, repeats: int) -> tuple[float, int | None]:
    seconds = median(seconds_of_calls(function, device, repeats))
    if device != "cpu":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        return seconds, torch.cuda.max_memory_allocated() - before
    return seconds, _peak_of_call(function)


def _peak_of_call(function: Callable[[], object]) -> int | None:
    """Growth of the resident memory during a call, where Linux lets a process reset its own peak; else None."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    before = _status_bytes("VmRSS")
    function()
    return max(0, _status_bytes("VmHWM") - before)


def _status_bytes(field: str) -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def _row(
    name: str, which: str, d: int, D: int, seconds: float, working: int | None, least: int, stored: int
) -> dict[str, Any]:
    return {
        "projection": name,
        "pass": which,
        "d": d,
        "D": D,
        "seconds": seconds,
        "least_bytes": least,
        "bytes_a_second": least / seconds,
        "working_bytes": working,
        "stored_bytes": stored,
    }
