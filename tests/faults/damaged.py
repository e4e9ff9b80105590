"""Files that are cut off or have a bit flipped: checkpoint, ledger, adapter, encodings, examples."""

import shutil
from collections.abc import Callable
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


HARMS: dict[str, Harm] = {"truncated": truncate, "bit-flipped": flip_bit}


def _begin(case: Case) -> None:
    study = case.start()
    case.strike_at_random(study)
    study.kill()
    case.remember()


def _checkpoint(case: Case, harm: Harm) -> Result:
    """The file is put back after the study was run with it: whatever it made of that, the table is as it was."""
    _begin(case)
    weights = case.folder / "tiny" / "step-100" / "model.safetensors"
    sound = weights.read_bytes()
    harm(weights, case.random)
    code = case.start().end()
    note = case.last_error() or "measured as another checkpoint"
    weights.write_bytes(sound)
    num_others = len(case.finished().keys() - _keys_of(case.reference))
    result = conclude(case, case.go_on(), note=note[:150], is_told=code in (0, 1, 2))
    return Result(survived=result.survived, lost=max(0, result.lost - 2 * num_others), note=result.note)


def _keys_of(case: Case | None) -> set[str]:
    assert case is not None
    return set(case.finished())


def _ledger(case: Case, harm: Harm) -> Result:
    """What is damaged is told, and put back from a copy; it must never be measured with."""
    study = case.start()
    study.reach(4 + case.random.randrange(4))
    study.kill()
    with Ledger.read(case.ledger) as ledger:
        ledger.save_copy(case.folder / "copy.sqlite")
    case.remember()
    for name in ("-wal", "-shm"):
        case.ledger.with_name(case.ledger.name + name).unlink(missing_ok=True)
    shutil.copy(case.folder / "copy.sqlite", case.ledger)
    harm(case.ledger, case.random)
    code = case.start().end()
    if code == 0 and case.num_differing_rows() == 0:  # what was hit holds nothing, or its loss was noticed and mended
        return conclude(case, code, note="without effect on the table", excused=set(case.before))
    note = case.last_error()
    is_told = code in (1, 2) and bool(note)
    for name in ("", "-wal", "-shm"):
        case.ledger.with_name(case.ledger.name + name).unlink(missing_ok=True)
    shutil.copy(case.folder / "copy.sqlite", case.ledger)
    case.told.unlink(missing_ok=True)
    return conclude(case, case.go_on(), note=note[:150], is_told=is_told)


def _encodings(case: Case, harm: Harm) -> Result:
    cache = case.folder / "cache"

    def here() -> None:
        import os

        os.environ["LIT_IDIM_CACHE"] = str(cache)

    study = case.start(setup=here)
    case.strike_at_random(study)
    study.kill()
    case.remember()
    files = sorted((cache / "encodings").glob("*.safetensors"))
    for path in files:
        harm(path, case.random)
    code = case.start(setup=here).end()
    return conclude(case, code, note=f"{len(files)} files")


def _examples(case: Case, harm: Harm) -> Result:
    _begin(case)
    path = case.folder / "data" / "SST-2" / "train.tsv"
    sound = path.read_bytes()
    harm(path, case.random)
    code = case.start().end()
    note = case.last_error() or "measured as other data"
    path.write_bytes(sound)
    num_others = len(case.finished().keys() - _keys_of(case.reference))
    result = conclude(case, case.go_on(), note=note[:150], is_told=code in (0, 1, 2))
    return Result(survived=result.survived, lost=max(0, result.lost - 2 * num_others), note=result.note)


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
