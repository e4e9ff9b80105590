"""How many inputs a target gets, how valid files are damaged, and what an answer may be."""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from lit_idim.errors import UserError

PATIENCE = timedelta(seconds=30)  # an input that takes longer hangs
_OF_DEFAULT = 100  # inputs of a test under hypothesis' own profile


def fuzzed(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test gets `count` inputs in the ordinary suite, and `CAMPAIGN_FACTOR` times as many in a campaign."""
    profile = settings()
    is_campaign = profile.max_examples > _OF_DEFAULT
    return settings(
        max_examples=count * profile.max_examples // _OF_DEFAULT,
        deadline=PATIENCE,
        derandomize=not is_campaign,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def damaged(draw: st.DrawFn, originals: Sequence[bytes], tokens: Sequence[bytes] = ()) -> bytes:
    """One of the files, with up to four changes: bits flipped, parts cut, doubled, swapped with others, or put in."""
    content = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from((1, 2, 4, 8, 64, 1024))))
        change = draw(st.sampled_from(("flip", "cut", "truncate", "double", "splice", "insert", "set")))
        if change == "flip" and start < len(content):
            content[start] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del content[start:end]
        elif change == "truncate":
            del content[start:]
        elif change == "double":
            content[end:end] = content[start:end]
        elif change == "splice":
            other = draw(st.sampled_from(originals))
            content[start:end] = other[start:end] if draw(st.booleans()) else other[start:]
        elif change == "insert":
            content[start:start] = draw(st.sampled_from(tokens)) if tokens else draw(st.binary(max_size=8))
        elif start < len(content):
            content[start:end] = bytes([draw(st.sampled_from((0, 1, 127, 128, 255)))]) * (end - start)
    return bytes(content)


def answer(read: Callable[[], Any], *named: str) -> Any:
    """What a reader returns, or the error that it tells; any other exception is a bug.

    Args:
        read: calls it.
        named: words of which a message must hold one.
    """
    try:
        return read()
    except UserError as error:
        message = str(error)
        assert len(message) < 5_000_000, "a message that nobody can read"
        assert not named or any(word in message for word in named), f"the message names none of {named}: {message}"
        return error


def snapshot(folder: Path) -> set[str]:
    """All that is in a folder, links not followed."""
    return {f"{place}/{name}" for place, *names in os.walk(folder) for part in names for name in part}
