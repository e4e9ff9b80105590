"""Files that are cut off or have a bit flipped: checkpoint, ledger, adapter, encodings, examples."""

import math
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import torch

from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.subspace.adapter import Adapter, AdapterBase, read_adapter, write_adapter

from .case import Case
from .fault import Result, conclude, fault

Harm = Callable[[Path, Random], None]
NUM_ADAPTERS = 60


def truncate(path: Path, random: Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random.randrange(len(content))])


def flip_bit(path: Path, random: Random) -> None:
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


def flip_score(path: Path, random: Random) -> None:
    """Flips a bit of a score in a ledger: as SQLite sees it, the file stays whole."""
    with closing(sqlite3.connect(path)) as connection, connection:
        scores = connection.execute("SELECT key, score FROM trainings WHERE score IS NOT NULL ORDER BY key").fetchall()
        key, score = random.choice(scores)
        harmed = math.nan
        while not math.isfinite(harmed):  # SQLite holds no NaN
            bits = bytearray(struct.pack(">d", score))
            bits[random.randrange(8)] ^= 1 << random.randrange(8)
            (harmed,) = struct.unpack(">d", bits)
        connection.execute("UPDATE trainings SET score = ? WHERE key = ?", (harmed, key))


HARMS: dict[str, Harm] = {"truncated": truncate, "bit-flipped": flip_bit}


def _checkpoint(case: Case, harm: Harm) -> Result:
    return _input(case, case.folder / "tiny" / "step-100" / "model.safetensors", harm, what="another checkpoint")


def _examples(case: Case, harm: Harm) -> Result:
    return _input(case, case.folder / "data" / "SST-2" / "train.tsv", harm, what="other data")


def _input(case: Case, path: Path, harm: Harm, *, what: str) -> Result:
    """The file is put back after the study was run with it: whatever it made of that, the table is as it was."""
    study = case.start()
    case.strike_at_random(study)
    study.kill()
    case.remember()
    sound = path.read_bytes()
    harm(path, case.random)
    code = case.start().end()
    note = case.last_error()
    path.write_bytes(sound)
    others = case.keys_of_other_inputs()
    note = note or (f"measured as {what}: {len(others)} trainings" if others else "without effect")
    is_told = code == 0 if others else code in (0, 1, 2)
    return conclude(case, case.go_on(), note=note[:150], is_told=is_told, others=others)


def _ledger(case: Case, harm: Harm) -> Result:
    """What is damaged is told, and put back from a copy; it must never be measured with."""
    study = case.start()
    study.reach(4 + case.random.randrange(4))
    study.kill()
    with Ledger.read(case.ledger) as ledger:
        ledger.save_copy(case.folder / "copy.sqlite")
    case.remember()
    told = case.told.read_bytes()
    _put_back(case)
    harm(case.ledger, case.random)
    code = case.start().end()
    if code == 0:  # what was hit holds nothing
        return conclude(case, code, note="without effect on the table")
    note = case.last_error()
    _put_back(case)
    case.told.write_bytes(told)  # what was run with the damaged ledger is gone with it
    return conclude(case, case.go_on(), note=note[:150], is_told=code in (1, 2) and bool(note))


def _put_back(case: Case) -> None:
    for name in ("", "-wal", "-shm"):
        case.ledger.with_name(case.ledger.name + name).unlink(missing_ok=True)
    shutil.copy(case.folder / "copy.sqlite", case.ledger)


@fault("ledger score bit-flipped", is_quick=True)
def score_of_ledger(case: Case) -> Result:
    result = _ledger(case, flip_score)
    is_noticed = "the checksum differs" in result.note
    return Result(survived=result.survived and is_noticed, lost=result.lost, note=result.note)


def _encodings(case: Case, harm: Harm) -> Result:
    cache = case.folder / "cache"

    def here() -> None:
        os.environ["LIT_IDIM_CACHE"] = str(cache)

    study = case.start(setup=here)
    study.reach(1 + case.random.randrange(6))  # the first training needs them all
    study.kill()
    case.remember()
    files = sorted((cache / "encodings").glob("*.safetensors"))
    if not files:
        raise RuntimeError(f"no encodings were kept in {cache}")
    for path in files:
        harm(path, case.random)
    code = case.start(setup=here).end()
    num_noticed = sum(f"{path} is damaged (" in case.studies[-1].shown for path in files)
    note = f"{num_noticed} of {len(files)} files made again"
    return conclude(case, code, note=note, is_told=num_noticed == len(files))


def _adapter(case: Case, harm: Harm) -> Result:
    base = AdapterBase(model="tiny", num_labels=2, label_names=("no", "yes"))
    adapter = Adapter(base=base, subspace={"d": 20}, theta_d=torch.arange(18.0), lambdas=torch.ones(2))
    path = case.folder / "adapter.safetensors"
    wrong, told = 0, ""
    for _ in range(NUM_ADAPTERS):
        write_adapter(adapter, path)
        harm(path, case.random)
        try:
            read = read_adapter(path)
        except UserError as error:
            told = str(error).replace(str(case.folder), "DIR")
            continue
        except Exception as error:
            return Result(survived=False, lost=0, note=f"{type(error).__name__}: {error}")
        wrong += not torch.equal(read.theta_d, adapter.theta_d) or read.base != base
    return Result(survived=wrong == 0, lost=wrong, note=f"{NUM_ADAPTERS} files; {told[:120]}")


FILES = {
    "checkpoint": _checkpoint,
    "ledger": _ledger,
    "encoding cache": _encodings,
    "TSV": _examples,
    "adapter": _adapter,
}


def _with(inject: Callable[[Case, Harm], Result], harm: Harm) -> Callable[[Case], Result]:
    return lambda case: inject(case, harm)


for kind, damage in HARMS.items():
    for what, inject_ in FILES.items():
        fault(f"{what} {kind}", is_quick=what == "adapter")(_with(inject_, damage))
