"""Time, memory and bytes of each projection against D and d, beside what a copy of theta costs."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from lit_idim.cost.stored import stored_bytes
from lit_idim.projections import make_projection

LARGEST_DENSE = {"cpu": 2**24, "cuda": 2**30}
"""Entries of P beyond which `dense`, whose time grows with D d, is left out, by device."""


def sweep(
    names: Iterable[str], ds: Iterable[int], Ds: Iterable[int], *, device: str, dtype: torch.dtype, repeats: int
) -> list[dict[str, Any]]:
    """One row for each pass of each projection, and for a copy, at each d and D.

    Columns: projection, pass ("forward" writes theta from theta_0, "backward" reduces a gradient), d, D, seconds (the
    median of the calls), least_bytes (read and written by any method: theta_0 and theta, or the gradient),
    bytes_a_second, working_bytes (peak memory of a call beyond its operands), stored_bytes (kept by P between calls),
    left_out (why a row has no measurement, as `dense` has none beyond `LARGEST_DENSE`; else empty).

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
        of_copy = measure(partial(theta.copy_, theta_0), device, repeats)
        rows.append(_row("copy", "forward", 0, D, copied) | _found(*of_copy, copied, 0))
        for d in ds:
            for name in names:
                if d > D:
                    continue
                least = {"forward": copied, "backward": theta.nbytes}
                of_both = [_row(name, which, d, D, least[which]) for which in least]
                rows += of_both
                if name == "dense" and D * d > LARGEST_DENSE[device]:
                    for row in of_both:
                        row["left_out"] = f"D d > {LARGEST_DENSE[device]}"
                    continue
                projection = make_projection(name, d=d, D=D)
                theta_d = torch.randn(d, device=device)
                passes: dict[str, Callable[[], object]] = {
                    "forward": partial(projection.add_rows, theta_d, 0, base=theta_0, out=theta),
                    "backward": partial(projection.adjoint, [(0, theta_0)], like=theta_d),
                }
                measured = {which: measure(function, device, repeats) for which, function in passes.items()}
                for row in of_both:  # after both passes: some helpers are made when they are first needed
                    which = row["pass"]
                    row |= _found(*measured[which], least[which], stored_bytes(projection, device))
    return rows


def left_out(rows: Iterable[dict[str, Any]]) -> str:
    """What a sweep did not measure, and why, as one line; empty if nothing.

    Example:
        >>> left_out([{"projection": "dense", "d": 100, "D": 10**6, "left_out": "D d > 16777216"}])
        'not measured: dense where D d > 16777216 (d = 100, D = 1000000)'
    """
    pairs: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        if row["left_out"]:
            pairs.setdefault((row["projection"], row["left_out"]), {})[f"d = {row['d']}, D = {row['D']}"] = None
    told = [f"{name} where {reason} ({'; '.join(where)})" for (name, reason), where in pairs.items()]
    return f"not measured: {', '.join(told)}" if told else ""


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


def measure(function: Callable[[], object], device: str, repeats: int) -> tuple[float, int | None]:
    """Median seconds of a call, and its peak memory in bytes beyond what was there; None where that cannot be told."""
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


def _row(name: str, which: str, d: int, D: int, least: int) -> dict[str, Any]:
    """A row without a measurement."""
    head = {"projection": name, "pass": which, "d": d, "D": D, "seconds": None, "least_bytes": least}
    return head | {"bytes_a_second": None, "working_bytes": None, "stored_bytes": None, "left_out": ""}


def _found(seconds: float, working: int | None, least: int, stored: int) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "bytes_a_second": least / seconds,
        "working_bytes": working,
        "stored_bytes": stored,
    }
