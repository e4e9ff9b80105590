"""How many more trainings a minute two processes of one thread make than one process of two threads.

    python -m lit_idim.cost.workers [repeats]

runs three cells of the main job on the toy language, some 45 trainings, in both ways in turn, and prints the trainings
a minute of each and the median ratio of neighbouring runs. The start of the processes counts; tables and figures at the
end do not. Best run on an idle machine with two cores.
"""

import subprocess
import sys
import tempfile
import time
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
    started = time.time()
    subprocess.run([sys.executable, script, *STUDY, *WAYS[way], *fixed], check=True, stdout=subprocess.DEVNULL)
    with Ledger.read(folder / LEDGER_FILE) as ledger:
        records = ledger.records()
    ended = max(datetime.fromisoformat(record.started_at).timestamp() + record.seconds for record in records)
    return 60 * len(records) / (ended - started)


def compare(*, repeats: int = 1) -> dict[str, float]:
    """Median trainings a minute of each way, and the median over repeats of the ratio of neighbouring runs."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            for way in WAYS if number % 2 == 0 else reversed(WAYS):
                found[way].append(trainings_a_minute(way, Path(folder) / f"{len(way)}-{number}"))
    one, two = found.values()
    medians = {way: median(values) for way, values in found.items()}
    return medians | {"ratio": median(after / before for before, after in zip(one, two, strict=True))}


if __name__ == "__main__":
    for name, value in compare(repeats=int(sys.argv[1]) if len(sys.argv) > 1 else 1).items():
        print(f"{name}: {value:.3f}")
