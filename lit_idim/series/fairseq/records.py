"""Inert stand-ins for the classes whose objects a fairseq checkpoint holds beside its tensors.

A checkpoint keeps the options of its run as an `argparse.Namespace`, as omegaconf configurations or as fairseq's own
dataclasses and enumerations. None of those libraries is needed, and none of their code is run, to read a number of
layers: every object becomes a `Record`, which only notes what the pickle says about it.
"""

import re
from typing import Any

# Names that are stood in for: told by how the pickle writes them, never by an import.
_STOOD_IN = re.compile(
    r"argparse\.Namespace"
    r"|(fairseq|fairseq_cli|omegaconf|hydra|typing|numpy)\..+"
    r"|pathlib\.(Pure)?(Posix|Windows)?Path"
    # Types that omegaconf notes beside its values.
    r"|builtins\.(bool|bytes|dict|float|int|list|object|str|tuple)"
    r"|types\.NoneType"
    # How Python pickles some enumerations and generic types; the call is noted, never made.
    r"|builtins\.getattr|operator\.getitem"
)


class Record:
    """An object of a pickle, as it was written: the name of its class, the arguments and the state.

    Attributes:
        pickled_name: of the class, such as `argparse.Namespace`.
        arguments: what the pickle would have passed to it.
        state: what the pickle would have set in it; None if nothing.
    """

    pickled_name = ""
    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: object) -> "Record":
        record = object.__new__(cls)
        record.arguments = arguments
        record.state = None
        return record

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __repr__(self) -> str:
        return f"<{self.pickled_name}>"


def is_stood_in(name: str) -> bool:
    """Whether objects of a class become records.

    Example:
        >>> is_stood_in("argparse.Namespace"), is_stood_in("os.system")
        (True, False)
    """
    return _STOOD_IN.fullmatch(name) is not None


def stand_in(name: str) -> type[Record]:
    """A class of records for the class of that name in a pickle."""
    return type("Record", (Record,), {"pickled_name": name, "__module__": __name__})


def plain(value: Any, depth: int = 32) -> Any:
    """Records as maps, lists and values: the options that they hold.

    A namespace or a dataclass becomes a map of its attributes, an omegaconf container the map or list that it wraps, a
    member of an enumeration its value. A record that holds nothing that is understood stays one.

    Args:
        value: anything out of a pickle.
        depth: of records and maps that are looked into; omegaconf's refer to one another in circles.

    Example:
        >>> namespace = stand_in("argparse.Namespace")()
        >>> namespace.__setstate__({"encoder_layers": 12})
        >>> plain(namespace)
        {'encoder_layers': 12}
    """
    return _plain(value, depth, {})


def _plain(value: Any, depth: int, done: dict[tuple[int, int], Any]) -> Any:
    """As `plain`; what is held in several places is made once for each depth, or a few bytes would make 2**32 lists."""
    if depth == 0 or not isinstance(value, (dict, list, tuple, Record)):
        return value
    place = (id(value), depth)
    if place not in done:
        done[place] = _unfolded(value, depth - 1, done)
    return done[place]


def _unfolded(value: Any, depth: int, done: dict[tuple[int, int], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry, depth, done) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry, depth, done) for entry in value]
    if isinstance(value.state, dict):
        for content in ("_content", "_val"):  # containers and leaves of omegaconf
            if content in value.state:
                return _plain(value.state[content], depth, done)
        return _plain(value.state, depth, done)
    if value.pickled_name == "builtins.getattr" and len(value.arguments) == 2:
        return value.arguments[1]  # the name of a member
    if len(value.arguments) == 1:
        return _plain(value.arguments[0], depth, done)
    return value
