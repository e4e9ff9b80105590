"""Injects every fault into a small study, at random points, and tells what was lost: it must be nothing.

    python -m tests.faults.campaign [--seed S] [--repeats N] [--only WORDS] --out DIR

Writes `faults.csv` and `faults.md` into DIR; the exit code is 1 if anything was lost or not survived.
"""

import argparse
import csv
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from . import damaged, killed, machine, servers  # noqa: F401 (they add their faults to the list)
from .case import Case
from .fault import FAULTS, Fault, Result, Skipped

COLUMNS = ("fault", "injected", "survived", "lost", "seconds", "note")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", default="", help="faults whose name holds these words")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", WANDB_MODE="disabled", HF_HUB_OFFLINE="1", COLUMNS="200")
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        reference = undisturbed(Path(folder))
        for fault in FAULTS.values():
            if given.only in fault.name:
                rows.append(row_of(fault, Path(folder), reference, seed=given.seed, repeats=given.repeats))
                print("  ".join(f"{name}: {rows[-1][name]}" for name in COLUMNS), flush=True)
                write(rows, given.out)
    bad = [row for row in rows if row["lost"] not in ("0", "") or row["survived"] != row["injected"]]
    return int(bool(bad))


def undisturbed(folder: Path) -> Case:
    case = Case(folder / "undisturbed", "undisturbed")
    code = case.start().end()
    if code:
        raise RuntimeError(f"the study that was left in peace fails:\n{case.studies[0].shown}")
    return case


def inject(fault: Fault, folder: Path, reference: Case, seed: str) -> Result:
    """One injection, in a folder of its own."""
    try:
        return fault.inject(Case(folder, seed, reference))
    except Skipped:
        raise
    except Exception as error:
        traceback.print_exc()
        return Result(survived=False, lost=0, note=f"{type(error).__name__}: {error}"[:200])


def row_of(fault: Fault, folder: Path, reference: Case, *, seed: int, repeats: int) -> dict[str, str]:
    started, results = time.monotonic(), []
    skipped = ""
    for repeat in range(repeats):
        place = folder / f"{fault.name.replace(' ', '-')}-{repeat}"
        try:
            results.append(inject(fault, place, reference, f"{seed} {fault.name} {repeat}"))
        except Skipped as why:
            skipped = f"skipped: {why}"
            break
    worst = [result.note for result in results if result.lost or not result.survived]
    notes = worst or [result.note for result in results[-1:]] or [skipped]
    return {
        "fault": fault.name,
        "injected": str(len(results)),
        "survived": str(sum(result.survived for result in results)),
        "lost": str(sum(result.lost for result in results)) if results else "",
        "seconds": f"{time.monotonic() - started:.0f}",
        "note": notes[0].replace("|", "/").replace(str(folder), "DIR"),
    }


def write(rows: list[dict[str, str]], out: Path) -> None:
    with (out / "faults.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(row[name] for name in COLUMNS) + " |" for row in rows]
    (out / "faults.md").write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    sys.exit(main())
