"""Mutation test of the pure parts: `python -m tests.mutation --seed 0 --mutants 200 --out table.md`.

A random sample of small faults is tried on a copy of the repository, one after another, each against the fast tests of
its file. A fault that no test notices is a gap in the tests, or changes nothing.
"""

import argparse
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a process with threads of its own cannot be forked

from tests.mutation.forked import copy_repository, enter, outcome
from tests.mutation.operators import Mutant, mutants
from tests.mutation.subsets import SUBSETS

ROOT = Path(__file__).parents[2]
LEAST_LIMIT_SECONDS = 30.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--mutants", type=int, default=200, help="how many")
    parser.add_argument("--only", default="", help="files whose path holds this")
    parser.add_argument("--again", type=Path, help="table of an earlier run, to try its faults instead")
    parser.add_argument("--out", type=Path, help="where to write the table of those that were not noticed")
    options = parser.parse_args(arguments)
    paths = [path for path in SUBSETS if options.only in path]
    population = [mutant for path in paths for mutant in mutants(path, (ROOT / path).read_bytes())]
    if options.again is None:
        sample = random.Random(options.seed).sample(population, min(options.mutants, len(population)))
    else:
        sample = _listed(options.again.read_text(), population)
    sample.sort(key=lambda mutant: (mutant.path, mutant.start))
    drawn = f"seed {options.seed}" if options.again is None else f"those of {options.again.name}"
    print(f"{len(sample)} of {len(population)} mutants of {len(paths)} files, {drawn}", flush=True)
    out = None if options.out is None else options.out.absolute()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        copy_repository(ROOT, copy)
        sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
        enter(copy)
        results = _try_all(copy, sample)
        os.chdir(ROOT)
    print(_rates(results))
    if out is not None:
        out.write_text(_table(results))


def _try_all(copy: Path, sample: Sequence[Mutant]) -> list[tuple[Mutant, str]]:
    limits: dict[str, float] = {}
    results = []
    for number, mutant in enumerate(sample, 1):
        if mutant.path not in limits:
            result, seconds, said = outcome(copy, None, mutant.path, 600)
            if result != "survived":
                sys.exit(f"the tests of {mutant.path} fail without a mutant:\n{said}")
            limits[mutant.path] = max(LEAST_LIMIT_SECONDS, 3 * seconds)
            print(f"     {mutant.path}: {seconds:.0f} s", flush=True)
        started = time.monotonic()
        result, _, said = outcome(copy, mutant, mutant.path, limits[mutant.path])
        results.append((mutant, result))
        print(
            f"{number:4} {result:8} {time.monotonic() - started:4.0f} s  {_line(mutant)}{_why(result, said)}",
            flush=True,
        )
    return results


def _line(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line}  {_short(mutant.before)}  ->  {_short(mutant.after)}"


def _why(result: str, said: str) -> str:
    failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return f"  # {failed[0][:100]}" if result == "killed" and failed else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 70 else f"{text[:67]}..."


def _rates(results: Sequence[tuple[Mutant, str]]) -> str:
    noticed, total = Counter(), Counter()
    for mutant, result in results:
        for part in (mutant.path.split("/")[1], "all"):
            total[part] += 1
            noticed[part] += result != "survived"
    return "\n".join(
        f"{part}: {noticed[part]} of {total[part]} killed, {noticed[part] / total[part]:.1%}" for part in total
    )


def _table(results: Sequence[tuple[Mutant, str]]) -> str:
    rows = [_row(mutant) for mutant, result in results if result == "survived"]
    return "\n".join([_rates(results), "", "| place | fault | before | after |", "|---|---|---|---|", *rows, ""])


def _listed(table: str, population: Sequence[Mutant]) -> list[Mutant]:
    """The mutants of a table; of several with the same text in a file those whose line is nearest."""
    found = []
    for row in table.splitlines():
        place = re.match(r"\| (\S+\.py):(\d+) \|", row)
        if place is None:
            continue
        path, line = place[1], int(place[2])
        same = [
            mutant for mutant in population if mutant.path == path and _row(mutant).endswith(row[place.end() - 1 :])
        ]
        if not same:
            print(f"{path}:{line} is no mutant any more: {row}", flush=True)
        found += sorted(same, key=lambda mutant: abs(mutant.line - line))[:1]
    return found


def _row(mutant: Mutant) -> str:
    cells = (f"{mutant.path}:{mutant.line}", mutant.operator, f"`{_cell(mutant.before)}`", f"`{_cell(mutant.after)}`")
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return _short(text).replace("|", "\\|")


if __name__ == "__main__":
    main()
