"""The digest of a large file, read once and remembered until the file changes."""

import hashlib
import json
import os
import threading
from pathlib import Path

from lit_idim.cache import default_cache_dir

_CHUNK_BYTES = 1 << 20


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    It is kept in the cache folder beside the size and the time of the last change of the file; as long as both are the
    same, the file is not read again.

    Args:
        path: of the file.

    Raises:
        OSError: if the file cannot be read, or the cache folder not written.
    """
    path = path.resolve()
    status = path.stat()
    state = {"path": str(path), "num_bytes": status.st_size, "changed_ns": status.st_mtime_ns}
    memo = default_cache_dir() / "digests" / f"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}.json"
    remembered = _read_memo(memo)
    if {key: remembered.get(key) for key in state} == state and isinstance(remembered.get("sha256"), str):
        return str(remembered["sha256"])
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    memo.parent.mkdir(parents=True, exist_ok=True)
    aside = memo.with_name(f".{memo.name}.{os.getpid()}.{threading.get_ident()}")
    aside.write_text(json.dumps(state | {"sha256": digest.hexdigest()}))
    aside.replace(memo)
    return digest.hexdigest()


def _read_memo(memo: Path) -> dict[str, object]:
    try:
        remembered = json.loads(memo.read_text())
    except (OSError, ValueError):
        return {}
    return remembered if isinstance(remembered, dict) else {}
