"""What W&B adds to the time of a study: the same study with and without it, in turn.

    python -m lit_idim.cost.tracking [repeats]

runs one cell of the main job on the toy language, some 14 trainings, with `--wandb offline` and `--wandb disabled`,
and prints the median seconds of both, the median ratio of neighbouring runs, and the CPU seconds of both. Offline the
client does all that it does online but wait for the network, which a study does not wait for. Start-up and end of the
client count in full, so that a longer study pays a smaller share. Best run on an idle machine.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lit_idim.resources import find_resource

STUDY = ("--tasks", "[toy-opinion]", "--steps", "[2000]", "--search.d_max", "10000", "--head_baseline", "false")
MODES = ("disabled", "offline")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one run of the study.

    Attributes:
        seconds: wall time.
        cpu_seconds: of all its processes.
    """

    seconds: float
    cpu_seconds: float


def run_study(mode: str, folder: Path) -> Cost:
    """Runs the study from its beginning.

    Args:
        mode: of W&B.
        folder: for the outputs.

    Raises:
        CalledProcessError: if it fails.
    """
    script = str(find_resource("studies/pretrain_curve.py"))
    words = [sys.executable, script, *STUDY, "--workers", "1", "--out", str(folder), "--wandb", mode]
    before, started = os.times(), time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu_seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(seconds=time.perf_counter() - started, cpu_seconds=cpu_seconds)


def compare(*, repeats: int = 3) -> dict[str, float]:
    """Median seconds and CPU seconds by mode, and what W&B adds to either as a share.

    The share of time is the median over repeats of the ratio of neighbouring runs, less 1, so that a drifting machine
    cancels.
    """
    costs: dict[str, list[Cost]] = {mode: [] for mode in MODES}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            for mode in MODES if number % 2 == 0 else reversed(MODES):
                costs[mode].append(run_study(mode, Path(folder) / f"{mode}{number}"))
    found = {}
    for mode, measured in costs.items():
        found[f"{mode}_seconds"] = median(cost.seconds for cost in measured)
        found[f"{mode}_cpu_seconds"] = median(cost.cpu_seconds for cost in measured)
    pairs = list(zip(costs["offline"], costs["disabled"], strict=True))
    found["share_of_time"] = median(shown.seconds / bare.seconds for shown, bare in pairs) - 1
    found["share_of_cpu_time"] = median(shown.cpu_seconds / bare.cpu_seconds for shown, bare in pairs) - 1
    return found


if __name__ == "__main__":
    for name, value in compare(repeats=int(sys.argv[1]) if len(sys.argv) > 1 else 3).items():
        print(f"{name} {value:.4f}")
