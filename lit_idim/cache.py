"""The folder for what can be made or downloaded again."""

import os
from pathlib import Path

CACHE_VARIABLE = "LIT_IDIM_CACHE"


def default_cache_dir() -> Path:
    """`$LIT_IDIM_CACHE`, else `$XDG_CACHE_HOME/lit_idim`, else `~/.cache/lit_idim`."""
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "lit_idim"
