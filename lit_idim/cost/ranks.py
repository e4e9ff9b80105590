"""What it costs that two processes train together: seconds an update at equal work for each process.

    python -m lit_idim.cost.ranks [repeats]

trains the shipped `mini` in a subspace in three ways in turn: one process of one thread with a batch of 16; two
processes of one thread that have nothing to do with each other, each with a batch of 16; and two ranks (DDP over gloo)
with a batch of 32 together. Both of the latter share the machine's memory and caches, so that the ranks against the two
strangers is what talking costs. P theta_d and P^T g, which every rank does for itself, are timed alone in the same
processes and printed as well as subtracted; so is gathering P theta_d from ranks of which each has made its share, the
least that sharing the work of P would cost in its place. Best run on an idle machine with two cores.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from lit_idim.cost.timing import median_seconds, time_in_turn
from lit_idim.data import GLUEDataModule
from lit_idim.resources import find_resource
from lit_idim.subspace import Subspace
from lit_idim.training import SubspaceClassifier, quiet_lightning, shut_down_process_group
from lit_idim.training.distributed import launched_rank, num_launched_processes
from lit_idim.training.segmented import SegmentedTraining

BATCH_SIZE, NUM_UPDATES, NUM_UNCOUNTED, D = 16, 45, 5, 500
ALONE, STRANGERS, RANKS = "one process", "two processes apart", "two ranks"
_MODULE = ("-m", "lit_idim.cost.ranks")
_LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


class _Clock(Callback):
    """When each update ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.ends.append(time.perf_counter())


def train(model: str, task: str = "toy-sst2") -> dict[str, float]:
    """Trains in this process, together with those that a launcher has started beside it.

    Args:
        model: folder of a checkpoint.
        task: what it is trained on.

    Returns:
        Median seconds of an `update`, of P theta_d and P^T g together (`projection`), and, of several ranks, of
        `gathering` P theta_d.
    """
    torch.set_num_threads(1)
    quiet_lightning()
    number, _ = num_launched_processes()
    data = GLUEDataModule(task, model, batch_size=number * BATCH_SIZE, max_length=32, max_dev_examples=64)
    classifier = SubspaceClassifier(model, task, method="said", d=D, learning_rate=0.01)
    clock = _Clock()
    SegmentedTraining(classifier, data, num_updates=NUM_UPDATES, precision="32-true", callbacks=[clock]).advance(
        NUM_UPDATES
    )
    counted = clock.ends[NUM_UNCOUNTED:]
    network = classifier.network
    assert isinstance(network, Subspace)
    P, theta_d, g = network.projection, network.theta_d.detach(), torch.ones(network.layout.D)
    parts = {"forward": lambda: P.matvec(theta_d), "backward": lambda: P.rmatvec(g)}
    seconds = {
        "update": median(after - before for before, after in itertools.pairwise(counted)),
        "projection": sum(median_seconds(time_in_turn(parts, repeats=30)).values()),
    }
    if number > 1:
        share = torch.ones(-(-network.layout.D // number))
        whole = share.new_empty(number * len(share))
        gather = {"gathering": lambda: torch.distributed.all_gather_into_tensor(whole, share)}
        seconds |= median_seconds(time_in_turn(gather, repeats=30))
    return seconds


def measure(way: str, folder: Path) -> dict[str, float]:
    """Seconds of one of the ways, in processes of its own; those of the slower one where two are apart.

    Raises:
        CalledProcessError: if one fails.
    """
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    outs = [folder / f"{number}.json" for number in range(2 if way == STRANGERS else 1)]
    launcher = _LAUNCHER if way == RANKS else ()
    commands = [[sys.executable, *launcher, *_MODULE, "train", str(out)] for out in outs]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    for process, code in [(process, process.wait()) for process in processes]:
        if code:
            raise subprocess.CalledProcessError(code, process.args)
    found: list[dict[str, float]] = [json.loads(out.read_text()) for out in outs]
    return max(found, key=lambda seconds: seconds["update"])


def compare(*, repeats: int = 1) -> dict[str, float]:
    """Median seconds of each way, and the median over repeats of what two ranks take as a multiple of the others."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in (ALONE, STRANGERS, RANKS)}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            for way in found if number % 2 == 0 else reversed(found):
                found[way].append(measure(way, Path(folder)))
    told = {
        f"{way}, seconds of {part}": median(seconds[part] for seconds in values)
        for way, values in found.items()
        for part in values[0]
    }
    for base in (ALONE, STRANGERS):
        for name, share in (("", 0), (", projection subtracted", 1)):
            ratios = [
                (ours["update"] - share * ours["projection"]) / (theirs["update"] - share * theirs["projection"])
                for ours, theirs in zip(found[RANKS], found[base], strict=True)
            ]
            told[f"{RANKS} / {base}{name}"] = median(ratios)
    return told


def main(words: list[str]) -> None:
    """The command, and what it starts (`train OUT`)."""
    if words[:1] == ["train"]:
        seconds = train(str(find_resource("checkpoints/mini/step-6144")))
        if launched_rank() == 0:
            Path(words[1]).write_text(json.dumps(seconds))
        shut_down_process_group()
        return
    for name, value in compare(repeats=int(words[0]) if words else 1).items():
        print(f"{name}: {value:.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
