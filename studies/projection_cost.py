"""The cost of P and of a training step, beside the model, the customary implementation and the machine's copy speed.

    lightning run studies/projection_cost.py [--shape small] [--d 1000] [--sweep true] [--out outputs/projection_cost]
    python studies/projection_cost.py --device cuda --sweep true                             # a GPU, all at once

On a GPU the defaults are RoBERTa-large's shape, 32 x 128 tokens and bfloat16. Training steps are medians of calls made
in turn in one process, passes of P medians of calls one after another; every claim is a ratio of two of them.
"""

import csv
import json
import platform
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lit_idim.commands.study import run_study
from lit_idim.cost import PaddedFastfood, median_seconds, peak_memory_bytes, time_in_turn
from lit_idim.cost.peft_peers import peft_peers
from lit_idim.cost.steps import VOCABULARY, random_batch, step_for_cost
from lit_idim.cost.stored import stored_bytes
from lit_idim.cost.sweep import left_out, measure, seconds_of_calls
from lit_idim.cost.sweep import sweep as sweep_costs
from lit_idim.errors import UserError
from lit_idim.figures.projection_cost import projection_cost_figure
from lit_idim.figures.style import save_figure
from lit_idim.projections import make_projection

PEER = "padded fastfood"
SWEPT = {
    "cpu": {"ds": (100, 1000), "Ds": (100_000, 300_000, 1_000_000)},
    "cuda": {"ds": (100, 1000, 10_000, 65_536), "Ds": (1_000_000, 10_000_000, 100_000_000, 355_000_000)},
}


def projection_cost(
    shape: str | None = None,
    d: int = 1000,
    batch_size: int | None = None,
    length: int = 128,
    device: str = "cpu",
    dtype: str | None = None,
    repeats: int = 5,
    threads: int = 2,
    peer_repeats: int = 3,
    with_peft: bool = True,
    with_other_projections: bool = False,
    sweep: bool = False,
    out: Path = Path("outputs/projection_cost"),
) -> None:
    """Measures and writes `cost.csv` (one row a quantity), `sweep.csv` and its figure, and `machine.json`.

    Args:
        shape: Model shape: roberta-large (on a GPU), roberta-base (else), small (16M parameters) or tiny.
        d: Trained numbers.
        batch_size: Sequences of a batch; 32 on a GPU, else 8.
        length: Tokens of a sequence.
        device: cpu or cuda.
        dtype: Of theta and the model's computation, float32 or bfloat16 (on a GPU).
        repeats: Counted calls of each function.
        threads: CPU threads.
        peer_repeats: Counted calls of the customary implementation, which is slow, in this dtype; 0 leaves it out.
        with_peft: Time a step of peft's Uni-LoRA and VeRA too, where peft is installed, and ours with as many numbers.
        with_other_projections: Time sparse and onehot too.
        sweep: Time every projection against D and d too, beside the machine's copy speed, and draw it; dense, whose
            time grows with D d, only up to 2^24 entries (2^30 on a GPU): rows beyond say that they were left out.
        out: Folder for the results.
    """
    if repeats < 1 or threads < 1:
        raise UserError(f"repeats and threads must be at least 1; got repeats={repeats}, threads={threads}")
    if device not in SWEPT or (device == "cuda" and not torch.cuda.is_available()):
        raise UserError(f"device must be cpu, or cuda where there is a GPU; got {device!r}")
    on_gpu = device == "cuda"
    settings: dict[str, Any] = {
        "shape": shape or ("roberta-large" if on_gpu else "roberta-base"),
        "d": d,
        "batch_size": batch_size or (32 if on_gpu else 8),
        "length": length,
        "device": device,
        "dtype": dtype or ("bfloat16" if on_gpu else "float32"),
    }
    torch.set_num_threads(threads)
    rows, raw = _cost(settings, repeats, peer_repeats, with_other_projections)
    if with_peft:
        rows += _peft(settings, repeats, raw)
    _write(out, rows, raw, settings | {"threads": threads})
    if sweep:
        _sweep(out, settings, repeats, threads)


def _cost(
    settings: dict[str, Any], repeats: int, peer_repeats: int, with_other_projections: bool
) -> tuple[list[tuple[str, float, str]], dict[str, list[float]]]:
    shape, d, device = settings["shape"], settings["d"], settings["device"]
    batch = random_batch(VOCABULARY[shape], batch_size=settings["batch_size"], length=settings["length"], device=device)
    of_step = {"d": d, "device": device, "dtype": settings["dtype"]}
    _tell(f"training steps of {shape}, in full and in a subspace")
    full = step_for_cost("full", shape, batch, **of_step)
    step = step_for_cost("did", shape, batch, **of_step)
    raw = time_in_turn(
        {
            "model forward+backward": full.forward_backward,
            "full step (AdamW)": full,
            "subspace step (did)": step,
        },
        repeats=repeats,
    )
    subspace = step.model
    sizes = [parameter.stop - parameter.start for parameter in subspace.layout.parameters]
    D, P = subspace.layout.D, subspace.projection
    del full, step, subspace
    theta_d = torch.randn(d, device=device)
    theta_0 = torch.randn(D, device=device).to(getattr(torch, settings["dtype"]))
    theta = torch.empty_like(theta_0)
    passes = {
        "copy of theta": partial(theta.copy_, theta_0),
        "P forward": partial(P.add_rows, theta_d, 0, base=theta_0, out=theta),
        "P backward": partial(P.adjoint, [(0, theta_0)], like=theta_d),
    }
    if with_other_projections:
        for name in ("sparse", "onehot"):
            other = make_projection(name, d=d, D=D)
            passes[f"{name} forward"] = partial(other.add_rows, theta_d, 0, base=theta_0, out=theta)
            passes[f"{name} backward"] = partial(other.adjoint, [(0, theta_0)], like=theta_d)
    _tell("passes of P")
    raw |= {name: seconds_of_calls(function, device, repeats) for name, function in passes.items()}
    rows: list[tuple[str, float, str]] = [("D", D, "")]
    for name in ("P forward", "P backward"):
        _, scratch = measure(passes[name], device, 1)
        if scratch is not None:
            rows.append((f"scratch of {name}", scratch / D, "bytes a parameter"))
    if peer_repeats:
        _tell("the customary implementation, whose calls are the slowest")
        peer = PaddedFastfood(sizes, d=d, device=device, dtype=theta.dtype)
        rows.append((f"stored by {PEER}", peer.stored_bytes / D, "bytes a parameter"))
        # as P itself is timed, and in its dtype
        raw[f"{PEER} forward+backward"] = seconds_of_calls(partial(_peer_pass, peer, theta_d), device, peer_repeats)
        del peer
    seconds = median_seconds(raw)
    both = seconds["P forward"] + seconds["P backward"]
    floor = seconds["copy of theta"]
    rows = [(name, value, "s") for name, value in seconds.items()] + rows
    rows += [
        ("copy speed", 2 * theta.nbytes / floor / 1e9, "GB/s"),
        ("P forward / copy of theta", seconds["P forward"] / floor, ""),
        ("P backward / half a copy of theta", 2 * seconds["P backward"] / floor, ""),
        ("P forward+backward / model forward+backward", both / seconds["model forward+backward"], ""),
        ("subspace step / full step", seconds["subspace step (did)"] / seconds["full step (AdamW)"], ""),
        ("stored by P, helper tensors included", stored_bytes(P, device) / D, "bytes a parameter"),
    ]
    if peer_repeats:
        ratio = seconds[f"{PEER} forward+backward"] / both
        rows.append((f"{PEER} / P, forward+backward, both {settings['dtype']}", ratio, ""))
    of_batch = {"batch_size": settings["batch_size"], "length": settings["length"]}
    _tell("peak memory, a process a method")
    memory = {method: peak_memory_bytes(method, shape, **of_step, **of_batch) for method in ("full", "did", "said")}
    rows += [(f"peak memory, {method}", value / 2**20, "MiB") for method, value in memory.items()]
    rows.append(("peak memory, did / full", memory["did"] / memory["full"], ""))
    return rows, raw


def _peft(settings: dict[str, Any], repeats: int, raw: dict[str, list[float]]) -> list[tuple[str, float, str]]:
    """Steps in turn: each of peft's, and ours at the same number of trained numbers; single calls go to `raw`."""
    shape, device, dtype = settings["shape"], settings["device"], settings["dtype"]
    batch = random_batch(VOCABULARY[shape], batch_size=settings["batch_size"], length=settings["length"], device=device)
    peers = peft_peers(shape, batch, d=settings["d"], device=device, dtype=dtype)
    if peers.missing:
        print(peers.missing)
    rows = []
    for name, step in peers.steps.items():
        _tell(f"training steps of peft's {name} and of a subspace")
        d = peers.num_trained[name]
        ours, theirs = f"subspace step (did), d = {d}, beside {name}", f"{name} step (peft), d = {d}"
        subspace = step_for_cost("did", shape, batch, d=d, device=device, dtype=dtype)
        found = time_in_turn({theirs: step, ours: subspace}, repeats=repeats)
        raw |= found
        seconds = median_seconds(found)
        rows += [(called, value, "s") for called, value in seconds.items()]
        rows.append((f"subspace step / {name} step, d = {d}, both {dtype}", seconds[ours] / seconds[theirs], ""))
    return rows


def _sweep(out: Path, settings: dict[str, Any], repeats: int, threads: int) -> None:
    _tell("every projection against D and d")
    device, dtype = settings["device"], settings["dtype"]
    names = ("fastfood", "onehot", "sparse", "dense")
    rows = sweep_costs(names, **SWEPT[device], device=device, dtype=getattr(torch, dtype), repeats=repeats)
    with (out / "sweep.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    where = _machine()["processor"] if device == "cpu" else _machine()["gpu"]
    amount = f"{threads} threads" if device == "cpu" else "one GPU"
    title = f"Cost of P, {dtype}, {amount}: {where}; medians of {repeats} calls"
    if missing := left_out(rows):
        print(missing)
        title += f"\n{missing.partition(' (')[0]}"
    save_figure(projection_cost_figure(rows, title=title), out, "sweep")


def _tell(what: str) -> None:
    """A run takes minutes: what it is at."""
    print(f"measuring {what}", file=sys.stderr, flush=True)


def _peer_pass(peer: PaddedFastfood, theta_d: torch.Tensor) -> None:
    leaf = theta_d.clone().requires_grad_()
    torch.autograd.backward(outputs := peer(leaf), [torch.ones_like(output) for output in outputs])


def _write(
    out: Path, rows: list[tuple[str, float, str]], raw: dict[str, list[float]], settings: dict[str, object]
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "cost.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["quantity", "value", "unit"])
        writer.writerows(rows)
    machine = _machine() | {"seconds": raw, "settings": settings}
    (out / "machine.json").write_text(json.dumps(machine, indent=1))
    for name, value, unit in rows:
        print(f"{name:<58} {value:>14,.4g} {unit}")
    print(f"written to {out}")


def _machine() -> dict[str, Any]:
    """What the numbers hold for; the commit is that of the checkout that this file lies in, if it is one."""
    cpu = Path("/proc/cpuinfo")
    models = [line for line in cpu.read_text().splitlines() if line.startswith("model name")] if cpu.exists() else []
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        commit = ""
    return {
        "processor": models[0].split(":")[1].strip() if models else platform.machine(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": commit or None,
    }


if __name__ == "__main__":
    sys.exit(run_study(projection_cost))
