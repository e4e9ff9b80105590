"""A small study that is run, harmed, gone on with, and compared with one that was left in peace.

Studies are forks of this process, which pays for the imports once.
"""

import contextlib
import json
import os
import random
import runpy
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch

from lit_idim.commands.study import run_study
from lit_idim.errors import UserError
from lit_idim.ledger import Ledger, TrainingRecord
from lit_idim.resources import resource_path

from ..study.tiny_study import read_table, write_config  # noqa: TID252 (tests are no package that could be named)

PATIENCE_SECONDS = 120.0
FINAL = ("finished", "diverged")


class Study:
    """A study that runs in a fork of this process.

    Args:
        words: of its command.
        log: file for what it prints.
        told: file that it appends the key of each final training to, once its ledger has said that it is written.
        setup: called in the fork before the study begins.
    """

    def __init__(self, words: list[str], log: Path, told: Path, setup: Callable[[], None] | None = None) -> None:
        self.log, self._code = log, None
        log.touch()
        self.pid = os.fork()
        if self.pid == 0:
            _run(words, log, told, setup)

    @property
    def shown(self) -> str:
        return self.log.read_text(errors="replace")

    def is_running(self) -> bool:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code is None

    def reach(self, num_trainings: int) -> None:
        """Waits until it has told of so many trainings, or has ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.is_running() and self.shown.count(" rate ") < num_trainings and time.monotonic() < deadline:
            time.sleep(0.01)

    def kill(self) -> None:
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)
        self.end()

    def end(self) -> int:
        """Its exit code; one that does not end is killed."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.is_running():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.01)
        assert self._code is not None
        return self._code


class Case:
    """The folder of one injection, beside the tables of the study that was left in peace.

    Attributes:
        folder: holds the config, the series, the data and the outputs.
        random: draws where a fault strikes.
        words: further words of the study's command.
        messages: what studies printed, for the table.
        notes: what a reader must know.
    """

    def __init__(self, folder: Path, seed: str, reference: "Case | None" = None) -> None:
        folder.mkdir(parents=True)
        self.folder, self.random, self.reference = folder, random.Random(seed), reference
        search = {"d_min": 10, "d_max": 4000, "full_learning_rates": [0.003, 0.01, 0.03]}
        search |= {"tolerance": 0.5, "max_trainings": 10, "full_replicates": 2}
        self.config = write_config(folder, head_baseline=False, steps=[100], search=search)
        for path in folder.glob("tiny/step-*/config.json"):  # so that an update in parts is the whole one
            model = json.loads(path.read_text())
            path.write_text(json.dumps(model | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}))
        self.out = folder / "out"
        self.words: list[str] = []
        self.notes: list[str] = []
        self.told = folder / "told.txt"
        self.before: dict[str, TrainingRecord] = {}
        self.studies: list[Study] = []

    @property
    def ledger(self) -> Path:
        return self.out / "ledger.sqlite"

    @property
    def address(self) -> str | Path:
        return self.words[self.words.index("--ledger") + 1] if "--ledger" in self.words else self.ledger

    @property
    def has_ledger(self) -> bool:
        """Whether any study has come so far as to make one."""
        return not isinstance(self.address, Path) or self.address.exists()

    def start(self, *words: object, setup: Callable[[], None] | None = None) -> Study:
        command = ["--config", str(self.config), "--out", str(self.out), *self.words, *map(str, words)]
        log = self.folder / f"study{len(self.studies)}.log"
        self.studies.append(Study(command, log, self.told, setup))
        return self.studies[-1]

    def strike_at_random(self, study: Study) -> None:
        """Waits until the study is somewhere in its midst."""
        most = 12 if self.reference is None else max(1, self.reference.num_told - 2)
        study.reach(self.random.randrange(most))
        time.sleep(self.random.uniform(0, 0.2))

    @property
    def num_told(self) -> int:
        return self.studies[0].shown.count(" rate ")

    def finished(self) -> dict[str, TrainingRecord]:
        """Final trainings in the ledger."""
        if not self.has_ledger:
            return {}
        with contextlib.suppress(UserError), Ledger.read(self.address) as ledger:
            return {one.key: one for one in ledger.records() if one.status in FINAL}
        return {}

    def keys_of_other_inputs(self) -> set[str]:
        """Of trainings in the ledger whose checkpoint or data are not those of the study that was left in peace."""
        assert self.reference is not None
        if not self.has_ledger:
            return set()
        expected = next(iter(self.reference.finished().values())).checksums
        with Ledger.read(self.address) as ledger:
            return {
                record.key
                for record in ledger.records()
                if any(record.checksums.get(name) != expected[name] for name in ("weights", "train", "dev"))
            }

    def remember(self) -> None:
        """Keeps what is finished now, and must be as it is at the end."""
        self.before |= self.finished()

    def go_on(self) -> int:
        """Runs the study again, as a user would, to its end."""
        return self.start().end()

    def lost(self, *, others: Collection[str] = ()) -> int:
        """Trainings that were finished and are gone or were run again, and rows of tables that differ.

        Args:
            others: keys of trainings from other inputs, which a table lists beside those of the study.
        """
        after = self.finished()
        told = self.told.read_text().split() if self.told.exists() else []
        gone = {key for key, record in self.before.items() if after.get(key) != record} | (set(told) - after.keys())
        num_repeated = len(told) - len(set(told))
        return len(gone) + num_repeated + self.num_differing_rows(others=others)

    def num_differing_rows(self, *, others: Collection[str] = ()) -> int:
        """Rows that only the tables of this study, or only those of the one that was left in peace, have."""
        assert self.reference is not None
        number = 0
        for name in ("d90.csv", "trials.csv"):
            expected = read_table(self.reference.out / name)
            rows = read_table(self.out / name) if (self.out / name).exists() else []
            found = [row for row in rows if row.get("key") not in others]
            here, there = (Counter(tuple(sorted(row.items())) for row in table) for table in (found, expected))
            number += sum(((here - there) + (there - here)).values())
        return number

    def tracebacks(self) -> int:
        return sum("Traceback (most recent" in study.shown for study in self.studies)

    def last_error(self) -> str:
        """The last line that any study has printed as an error."""
        lines = [line for study in self.studies for line in study.shown.splitlines()]
        told = [line for line in lines if "error: " in line or "FAILED: " in line]
        return told[-1].replace(str(self.folder), "DIR") if told else ""


def _run(words: list[str], log: Path, told: Path, setup: Callable[[], None] | None) -> None:
    """The life of a fork; does not return."""
    code = 70
    try:
        file = os.open(log, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        torch.set_float32_matmul_precision("high")  # as the script does
        _show_warnings()
        _tell_what_is_written(told)
        if setup is not None:
            setup()
        study: Any = runpy.run_path(str(resource_path("studies") / "pretrain_curve.py"))["pretrain_curve"]
        sys.argv = ["pretrain_curve.py", *words, "--wandb", "disabled"]
        code = run_study(study)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _show_warnings() -> None:
    """As a command does: pytest, of which this may be a fork, makes errors of ours and records all others."""

    def show(message: Warning | str, category: type[Warning], filename: str, line: int, *_: object) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, filename, line))

    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
    warnings.showwarning = show  # type: ignore[assignment]


def _tell_what_is_written(told: Path) -> None:
    write = Ledger.write

    def write_and_tell(ledger: Ledger, record: TrainingRecord) -> bool:
        is_written = write(ledger, record)
        if record.status in FINAL:
            with told.open("a") as file:
                file.write(f"{record.key}\n")
        return is_written

    Ledger.write = write_and_tell  # type: ignore[method-assign]
