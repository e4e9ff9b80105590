"""How much faster this checkout trains than another, and whether it trains the same numbers.

    python -m lit_idim.cost.paired OTHER [size] [method] [pairs] [data_dir]

makes trainings as a study does (`configs/pretrain_curve/<size>.yaml`: updates, then the score) with the code of this
checkout and with that of the folder OTHER, in two processes of one thread, in turn: this, other; other, this; ... Both
train on the same checkpoint, data and seeds. Prints updates a second of both, for the updates alone and for the whole
training (start and score included), the median over pairs of their ratio, and how far the trained numbers and scores
are apart. `size` is toy or mini (toy), `method` said, did, full or head (said), 7 pairs; mini trains on the toy
language unless `data_dir` holds SST-2. Best run on an idle machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch

from lit_idim.cost.paired_worker import CHECKPOINTS, RATES

_WORKER = Path(__file__).with_name("paired_worker.py")
_HERE = Path(__file__).resolve().parents[2]
PARTS = ("updates", "training")


class Checkout:
    """A process that trains with the code of a checkout.

    Args:
        folder: of the checkout.
        words: what `paired_worker.py` takes.
    """

    def __init__(self, folder: Path, words: list[str]) -> None:
        # -P and PYTHONPATH: the package of the folder, not that beside the script
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER), *words],
            env={**os.environ, "PYTHONPATH": str(folder)},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def train(self, seed: int, numbers: Path) -> dict[str, float]:
        """Seconds of the updates and of the whole training, their number and the score; trained numbers go to a file.

        Raises:
            CalledProcessError: if the process has failed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seed} {numbers}\n")
        self._process.stdin.flush()
        if not (line := self._process.stdout.readline()):
            raise subprocess.CalledProcessError(self._process.wait(), self._process.args)
        answer: dict[str, float] = json.loads(line)
        return answer

    def close(self) -> None:
        self._process.communicate()


def compare(other: Path, words: list[str], *, pairs: int) -> dict[str, float]:
    """Medians of both checkouts and of the ratios of neighbouring trainings; the first pair is not counted.

    Args:
        other: the checkout to compare with.
        words: what `paired_worker.py` takes.
        pairs: counted trainings of each.
    """
    checkouts = {"this": Checkout(_HERE, words), "other": Checkout(other.resolve(), words)}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    apart = 0.0
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / name for name in checkouts}
        for number in range(pairs + 1):
            for name in checkouts if number % 2 == 0 else reversed(checkouts):
                found[name].append(checkouts[name].train(number, files[name]))
            ours, theirs = (torch.load(file, weights_only=True).double() for file in files.values())
            apart = max(apart, float((ours - theirs).norm() / theirs.norm()))
    for checkout in checkouts.values():
        checkout.close()
    return _summary(found) | {"relative distance of trained numbers, largest": apart}


def _summary(found: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    told: dict[str, float] = {}
    for part in PARTS:
        rates = {name: [run["num_updates"] / run[part] for run in runs[1:]] for name, runs in found.items()}
        told |= {f"{part}, updates a second, {name}": median(values) for name, values in rates.items()}
        ratios = [ours / theirs for ours, theirs in zip(rates["this"], rates["other"], strict=True)]
        told |= {f"{part}, ratio": median(ratios), f"{part}, least ratio": min(ratios)}
        told[f"{part}, largest ratio"] = max(ratios)
    differences = [abs(a["score"] - b["score"]) for a, b in zip(found["this"], found["other"], strict=True)]
    return told | {"difference of scores, largest": max(differences)}


def main(words: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m lit_idim.cost.paired", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("other", type=Path, metavar="OTHER", help="folder of the checkout to compare with")
    parser.add_argument("size", nargs="?", choices=tuple(CHECKPOINTS), default="toy")
    parser.add_argument("method", nargs="?", choices=tuple(RATES), default="said")
    parser.add_argument("pairs", nargs="?", type=int, default=7, help="counted trainings of each; 7")
    parser.add_argument("data_dir", nargs="?", help="with SST-2; the toy language if it is left out")
    given = parser.parse_args(words)
    if not (given.other / "lit_idim").is_dir():
        parser.error(f"OTHER: expected the folder of a checkout, which holds lit_idim; got {str(given.other)!r}")
    if given.pairs < 1:
        parser.error(f"pairs: must be at least 1, got {given.pairs}")
    of_worker = [given.size, given.method, *([] if given.data_dir is None else [str(Path(given.data_dir).resolve())])]
    for name, value in compare(given.other, of_worker, pairs=given.pairs).items():
        print(f"{name}: {value:.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
