"""A series of one's own that is a shipped one but for a few fields: another server, other steps, a checksum."""

from collections.abc import Iterable
from typing import Any

from lit_idim.errors import UserError

EXTENDS = "extends"


def extend(document: dict[str, Any], shipped: Iterable[dict[str, Any]], *, where: str) -> dict[str, Any]:
    """The document of a series that `extends` a shipped one: that one's fields, with the document's own put over them.

    Fields of `source` are put over one by one; all other fields as a whole. Checksums stay unless they are replaced, so
    that another server is held to the same weights where these are known.

    Args:
        document: with a field `extends`.
        shipped: documents of the shipped series, their variants expanded.
        where: names the file in errors.

    Example:
        >>> shipped = {"name": "a", "source": {"kind": "tar", "url": "https://there/{step}.tar"}, "steps": [0]}
        >>> own = {"name": "b", "extends": "a", "source": {"url": "https://here/{step}.tar"}}
        >>> extend(own, [shipped], where="b.yaml")
        {'name': 'b', 'source': {'kind': 'tar', 'url': 'https://here/{step}.tar'}, 'steps': [0]}

    Raises:
        UserError: if there is no such series, it is a local one, the name is taken, or source is not a map. A name of
            its own keeps what is cached under it, and what is measured, apart from the shipped series.
    """
    by_name = {entry["name"]: entry for entry in shipped}
    base = by_name.get(document[EXTENDS]) if isinstance(document[EXTENDS], str) else None
    if base is None:
        raise UserError(
            f"{where}: {EXTENDS}: expected the name of a series that lit-idim ships (`lit-idim checkpoints list`), got "
            f"{document[EXTENDS]!r}"
        )
    if base["source"]["kind"] == "folder":
        raise UserError(f"{where}: {EXTENDS}: {base['name']!r} is a folder of this machine; describe yours by itself")
    own = {key: value for key, value in document.items() if key != EXTENDS}
    if own.get("name") in by_name:
        raise UserError(
            f"{where}: name: {own['name']!r} is the name of a series that lit-idim ships; give this one a name of its "
            "own, under which its checkpoints are cached and its results are listed"
        )
    source = own.get("source", {})
    if not isinstance(source, dict):
        raise UserError(f"{where}: source: expected a map, got {source!r}")
    # The name is not inherited: without one of its own the series would be read from the shipped one's cache.
    inherited = {key: value for key, value in base.items() if key != "name"}
    merged = inherited | own | {"source": base["source"] | source}
    return {"name": merged.pop("name"), **merged} if "name" in merged else merged
