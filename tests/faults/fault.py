"""What a fault is, and the list of all of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from .case import Case


class Skipped(Exception):
    """This machine cannot make the fault; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of an injection.

    Attributes:
        survived: whether the study came to its end, in the end, and told clearly of what it could not mend itself.
        lost: finished trainings that were gone or run again afterwards, and differing rows of tables.
        note: what a reader must know.
    """

    survived: bool
    lost: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A kind of fault.

    Attributes:
        name: in the table.
        inject: runs a study, harms it, and goes on with it.
        is_quick: whether the ordinary tests inject it, too.
    """

    name: str
    inject: Callable[[Case], Result]
    is_quick: bool = False


FAULTS: dict[str, Fault] = {}


def fault(name: str, *, is_quick: bool = False) -> Callable[[Callable[[Case], Result]], Callable[[Case], Result]]:
    """Adds a function to the list."""

    def add(inject: Callable[[Case], Result]) -> Callable[[Case], Result]:
        FAULTS[name] = Fault(name=name, inject=inject, is_quick=is_quick)
        return inject

    return add


def conclude(case: Case, code: int, *, note: str = "", is_told: bool = True, others: Collection[str] = ()) -> Result:
    """The result once the last study of a case has ended; `others` as for `Case.lost`."""
    problems = [f"exit code {code}"] if code else []
    problems += ["a traceback"] if case.tracebacks() else []
    problems += [] if is_told else ["not told clearly"]
    words = "; ".join([*problems, *([note] if note else [])])
    return Result(survived=not problems, lost=case.lost(others=others), note=words)
