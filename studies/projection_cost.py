"""The cost of P and of a training step, beside the model, the customary implementation and the machine's copy speed.

    lightning run studies/projection_cost.py [--shape small] [--d 1000] [--out outputs/projection_cost]

Times are medians of calls made in turn in one process; every claim is a ratio of two of them.
"""

import csv
import json
import platform
import sys
from functools import partial
from pathlib import Path

import torch

from lit_idim.commands.study import run_study
from lit_idim.cost import FullStep, PaddedFastfood, SubspaceStep, classifier_for_cost, peak_memory_bytes, time_in_turn
from lit_idim.cost.steps import VOCABULARY, random_batch
from lit_idim.cost.timing import median_seconds
from lit_idim.errors import UserError
from lit_idim.projections import make_projection
from lit_idim.subspace import Subspace


def projection_cost(
    shape: str = "roberta-base",
    d: int = 1000,
    batch_size: int = 8,
    length: int = 128,
    repeats: int = 5,
    threads: int = 2,
    peer_repeats: int = 3,
    with_other_projections: bool = False,
    out: Path = Path("outputs/projection_cost"),
) -> None:
    """Measures and writes `cost.csv` (one row a quantity) and `machine.json`.

    Args:
        shape: Model shape: roberta-large, roberta-base, small (16M parameters) or tiny.
        d: Trained numbers.
        batch_size: Sequences of a batch.
        length: Tokens of a sequence.
        repeats: Counted calls of each function.
        threads: CPU threads.
        peer_repeats: Counted calls of the customary implementation, which is slow; 0 leaves it out.
        with_other_projections: Time sparse and onehot too.
        out: Folder for the results.
    """
    if repeats < 1 or threads < 1:
        raise UserError(f"repeats and threads must be at least 1; got repeats={repeats}, threads={threads}")
    torch.set_num_threads(threads)
    batch = random_batch(VOCABULARY[shape], batch_size=batch_size, length=length)
    full = FullStep(classifier_for_cost(shape), batch)
    subspace = Subspace(classifier_for_cost(shape), d=d, method="did").train()
    step = SubspaceStep(subspace, batch)
    D, P = subspace.layout.D, subspace.projection
    theta_d, theta_0, theta = torch.randn(d), torch.randn(D), torch.empty(D)

    functions = {
        "model forward+backward": full.forward_backward,
        "full step (AdamW)": full,
        "subspace step (did)": step,
        "copy of theta": partial(theta.copy_, theta_0),
        "P forward": partial(P.add_rows, theta_d, 0, base=theta_0, out=theta),
        "P backward": partial(P.adjoint, [(0, theta_0)], like=theta_d),
    }
    if with_other_projections:
        for name in ("sparse", "onehot"):
            other = make_projection(name, d=d, D=D)
            functions[f"{name} forward"] = partial(other.add_rows, theta_d, 0, base=theta_0, out=theta)
            functions[f"{name} backward"] = partial(other.adjoint, [(0, theta_0)], like=theta_d)
    raw = time_in_turn(functions, repeats=repeats)
    if peer_repeats:
        peer = PaddedFastfood([p.stop - p.start for p in subspace.layout.parameters], d=d)
        raw |= time_in_turn(
            {"padded fastfood forward+backward": partial(_peer_pass, peer, theta_d)}, repeats=peer_repeats
        )
    seconds = median_seconds(raw)

    both = seconds["P forward"] + seconds["P backward"]
    rows = [(name, value, "s") for name, value in seconds.items()]
    rows += [
        ("D", D, ""),
        ("P forward+backward / model forward+backward", both / seconds["model forward+backward"], ""),
        ("subspace step / full step", seconds["subspace step (did)"] / seconds["full step (AdamW)"], ""),
        ("stored by P", _stored_bytes(P) / D, "bytes a parameter"),
    ]
    if peer_repeats:
        rows += [
            ("padded fastfood / P, forward+backward", seconds["padded fastfood forward+backward"] / both, ""),
            ("stored by padded fastfood", peer.stored_bytes / D, "bytes a parameter"),
        ]
        del peer
    memory = {
        m: peak_memory_bytes(m, shape, d=d, batch_size=batch_size, length=length) for m in ("full", "did", "said")
    }
    rows += [(f"peak memory, {method}", value / 2**20, "MiB") for method, value in memory.items()]
    rows += [("peak memory, did / full", memory["did"] / memory["full"], "")]
    _write(out, rows, raw, {"shape": shape, "d": d, "batch": [batch_size, length], "threads": threads})


def _peer_pass(peer: PaddedFastfood, theta_d: torch.Tensor) -> None:
    leaf = theta_d.clone().requires_grad_()
    torch.autograd.backward(outputs := peer(leaf), [torch.ones_like(output) for output in outputs])


def _stored_bytes(projection: object) -> int:
    """Memory of every tensor that the projection object holds."""
    return sum(value.nbytes for value in vars(projection).values() if isinstance(value, torch.Tensor))


def _write(
    out: Path, rows: list[tuple[str, float, str]], raw: dict[str, list[float]], settings: dict[str, object]
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "cost.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["quantity", "value", "unit"])
        writer.writerows(rows)
    machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    machine |= {"torch": torch.__version__, "seconds": raw, "settings": settings}  # type: ignore[dict-item]
    (out / "machine.json").write_text(json.dumps(machine, indent=1))
    for name, value, unit in rows:
        print(f"{name:<46} {value:>14,.4g} {unit}")
    print(f"written to {out}")


if __name__ == "__main__":
    sys.exit(run_study(projection_cost))
