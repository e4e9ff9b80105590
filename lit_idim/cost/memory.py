"""Peak memory of a training, each in a process of its own."""

import resource
import subprocess
import sys
from pathlib import Path

import torch

from lit_idim.cost.steps import VOCABULARY, random_batch, step_for_cost

STEPS = 3


def peak_memory_bytes(
    method: str, shape: str, *, d: int, batch_size: int, length: int, device: str = "cpu", dtype: str = "float32"
) -> int:
    """Peak memory over three steps of a fresh process: resident on the CPU, allocated on a GPU.

    Args:
        method: "full", "did" or "said".
        shape: see `classifier_for_cost`.
        d: trained numbers of a subspace.
        batch_size: sequences.
        length: tokens a sequence.
        device: "cpu" or "cuda".
        dtype: "float32" or "bfloat16", see `lit_idim.cost.steps.step_for_cost`.
    """
    words = [method, shape, str(d), str(batch_size), str(length), device, dtype]
    out = subprocess.run([sys.executable, "-m", __name__, *words], capture_output=True, text=True, check=True)
    return int(out.stdout.split()[-1])


def _measure(method: str, shape: str, d: int, batch_size: int, length: int, device: str, dtype: str) -> int:
    batch = random_batch(VOCABULARY[shape], batch_size=batch_size, length=length, device=device)
    step = step_for_cost(method, shape, batch, d=d, device=device, dtype=dtype)
    for _ in range(STEPS):
        step()
    if device != "cpu":
        return int(torch.cuda.max_memory_allocated())
    return _peak_resident_bytes()


def _peak_resident_bytes() -> int:
    """Of this process alone: what getrusage gives on Linux includes that of the process which started this one."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    method, shape, d, batch_size, length, device, dtype = sys.argv[1:]
    print(_measure(method, shape, int(d), int(batch_size), int(length), device, dtype))
