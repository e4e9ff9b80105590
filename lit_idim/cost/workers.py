"""How many more trainings a minute two processes of one thread make than one process of two threads, and Ray.

    python -m lit_idim.cost.workers [repeats]

runs three cells of the main job on the toy language, some 45 trainings, in every way in turn, and prints the trainings
a minute of each, from the start of the first to the end of the last, and the median ratio of neighbouring runs to one
process. Best run on an idle machine with two cores. Ray is left out where it is not installed.
"""

import importlib.util
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from statistics import median

from lit_idim.ledger import Ledger
from lit_idim.resources import find_resource
from lit_idim.study.run import LEDGER_FILE

STUDY = ("--tasks", "[toy-opinion]", "--steps", "[1000, 2000, 4000]", "--search.d_max", "10000")
WAYS = {
    "one process of two threads": ("--workers", "1", "--threads", "2"),
    "two processes of one thread": ("--workers", "2", "--threads", "1"),
    "Ray, two trainings of one thread": ("--workers", "2", "--threads", "1", "--engine", "ray"),
}


def trainings_a_minute(way: str, folder: Path) -> float:
    """Runs the study from its beginning, in one of the ways.

    Args:
        way: key of `WAYS`.
        folder: for the outputs.

    Raises:
        CalledProcessError: if it fails.
    """
    script = str(find_resource("studies/pretrain_curve.py"))
    fixed = ("--head_baseline", "false", "--wandb", "disabled", "--out", str(folder))
    subprocess.run([sys.executable, script, *STUDY, *WAYS[way], *fixed], check=True, stdout=subprocess.DEVNULL)
    with Ledger.read(folder / LEDGER_FILE) as ledger:
        records = ledger.records()
    starts = [datetime.fromisoformat(record.started_at).timestamp() for record in records]
    ended = max(start + record.seconds for start, record in zip(starts, records, strict=True))
    return 60 * len(records) / (ended - min(starts))


def compare(*, repeats: int = 1) -> dict[str, float]:
    """Median trainings a minute of each way, and the median over repeats of its ratio to one process."""
    ways = [way for way in WAYS if "Ray" not in way or importlib.util.find_spec("ray") is not None]
    found: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            for way in ways if number % 2 == 0 else reversed(ways):
                found[way].append(trainings_a_minute(way, Path(folder) / f"{ways.index(way)}-{number}"))
    one = found[ways[0]]
    medians = {way: median(values) for way, values in found.items()}
    return medians | {
        f"ratio of {way}": median(rate / base for rate, base in zip(found[way], one, strict=True)) for way in ways[1:]
    }


if __name__ == "__main__":
    for name, value in compare(repeats=int(sys.argv[1]) if len(sys.argv) > 1 else 1).items():
        print(f"{name}: {value:.3f}")
