"""Lists of steps, in YAML files and on the command line."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lit_idim.errors import UserError

_MOST_STEPS = 1_000_000  # of a list; a range of a few bytes could fill the memory


def expand_steps(entries: Any, *, where: str) -> tuple[int, ...]:
    """The steps of a YAML list, ascending.

    Args:
        entries: steps, and ranges such as `{start: 20000, stop: 1000000, step: 20000}`; `stop` is part of the range.
        where: names the list in errors.

    Example:
        >>> expand_steps([0, 10, {"start": 20, "stop": 40, "step": 10}], where="steps")
        (0, 10, 20, 30, 40)

    Raises:
        UserError: for anything else, or a step that stands there twice.
    """
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{where}: expected a list of steps, got {entries!r}")
    steps: list[int] = []
    for entry in entries:
        if _is_step(entry):
            steps.append(entry)
        elif isinstance(entry, dict) and set(entry) == {"start", "stop", "step"} and all(map(_is_step, entry.values())):
            spacing = entry["step"]
            if spacing == 0 or entry["stop"] < entry["start"] or (entry["stop"] - entry["start"]) % spacing:
                raise UserError(f"{where}: {entry} never reaches its stop; stop = start + a multiple of step")
            steps.extend(range(entry["start"], min(entry["stop"] + 1, entry["start"] + _MOST_STEPS * spacing), spacing))
        else:
            raise UserError(f"{where}: expected a step or {{start: A, stop: B, step: C}}, got {entry!r}")
        if len(steps) >= _MOST_STEPS:
            raise UserError(f"{where}: expected fewer than {_MOST_STEPS:,} steps, up to {entry} they are more")
    if len(set(steps)) < len(steps):
        doubled = next(step for step, count in Counter(steps).items() if count > 1)
        raise UserError(f"{where}: step {doubled} stands there twice")
    return tuple(sorted(steps))


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def parse_steps(words: str) -> tuple[int, ...]:
    """The steps of `--steps 0,100,200`, ascending.

    Example:
        >>> parse_steps("0,200,100")
        (0, 100, 200)

    Raises:
        UserError: if a word is not a step.
    """
    steps = set()
    for word in words.split(","):
        if not word.strip().isdecimal():
            raise UserError(f"--steps: expected whole numbers with commas between, as 0,100,200; got {words!r}")
        steps.add(int(word))
    return tuple(sorted(steps))


def check_steps(steps: Sequence[int], known: Sequence[int], *, series: str) -> None:
    """Refuses steps that a series does not have.

    Raises:
        UserError: for the first of them; the message names the nearest that exist.
    """
    for step in steps:
        if step not in known:
            hint = f"the nearest are {nearest_steps(known, step)}" if known else "it has no steps at all"
            raise UserError(f"series {series!r} has no step {step}; {hint}")


def nearest_steps(steps: Sequence[int], step: int, count: int = 4) -> str:
    """The steps closest to one that does not exist, for an error.

    Example:
        >>> nearest_steps((0, 10, 100, 1000), 90, count=2)
        '10, 100'
    """
    closest = sorted(steps, key=lambda other: abs(other - step))[:count]
    return ", ".join(map(str, sorted(closest)))
