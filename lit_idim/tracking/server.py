"""Whether W&B can be used: is a key configured, and does the server answer to it in time.

The client of W&B would ask for a key, and wait for a server for minutes; a study does neither.
"""

import netrc
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

from lit_idim.errors import UserError

ANSWER_SECONDS = 5.0
# Names of the public server; the client takes a key of one for the other.
_HOSTED = ("api.wandb.ai", "api.forge.coreweave.com")
_QUERY = "query Viewer { viewer { username } }"


class ServerRefusedError(UserError):
    """W&B cannot be used online; the message says why, in words that follow "W&B: "."""


def may_have_key() -> bool:
    """Whether a key can be configured at all; looked up without the client, whose import takes a second."""
    return bool(os.environ.get("WANDB_API_KEY")) or _netrc_path().is_file()


def find_key(base_url: str) -> str | None:
    """The key of a server: `WANDB_API_KEY`, or what `wandb login` wrote.

    Args:
        base_url: address of the server.
    """
    if key := os.environ.get("WANDB_API_KEY"):
        return key
    try:
        entries = netrc.netrc(_netrc_path())
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError):
        return None
    host = urlsplit(base_url).netloc
    # Not authenticators(), which would give the password of a "default" entry to any server.
    found = [entries.hosts[name] for name in (_HOSTED if host in _HOSTED else (host,)) if name in entries.hosts]
    return found[0][2] if found else None


def require_answer(base_url: str, key: str | None, *, seconds: float = ANSWER_SECONDS) -> None:
    """Asks the server who the key belongs to.

    Args:
        base_url: address of the server.
        key: that is configured.
        seconds: within which the whole answer must be there, looking up the name included.

    Raises:
        ServerRefusedError: if there is no key, no answer in time, or one that does not accept the key.
    """
    if key is None:
        raise ServerRefusedError(f"no API key is configured for {base_url}; `wandb login` sets one")
    answer: list[str | None] = []
    # A timeout of a socket begins anew with every byte, and does not hold for looking up a name.
    asking = threading.Thread(target=lambda: answer.append(_refusal(base_url, key, seconds)), daemon=True)
    asking.start()
    asking.join(seconds)
    if not answer:
        raise ServerRefusedError(f"{base_url} does not answer within {seconds:g} s")
    if answer[0] is not None:
        raise ServerRefusedError(answer[0])


def _refusal(base_url: str, key: str, seconds: float) -> str | None:
    """Why the server cannot be used; None if it can."""
    import requests

    try:
        reply = requests.post(
            f"{base_url.rstrip('/')}/graphql", json={"query": _QUERY}, auth=("api", key), timeout=seconds
        )
    except requests.Timeout:
        return f"{base_url} does not answer within {seconds:g} s"
    except requests.RequestException as error:
        return f"{base_url} cannot be reached ({type(error).__name__})"
    if reply.status_code in (401, 403):
        return f"{base_url} refuses the API key (HTTP {reply.status_code}); `wandb login --relogin` sets another"
    if reply.status_code != 200:
        return f"{base_url} answers HTTP {reply.status_code}"
    try:
        is_known = bool(reply.json()["data"]["viewer"])
    except (ValueError, KeyError, TypeError):
        return f"{base_url} does not answer as a W&B server does"
    return None if is_known else f"{base_url} does not know the API key; `wandb login --relogin` sets another"


def _netrc_path() -> Path:
    if given := os.environ.get("NETRC"):
        return Path(given).expanduser()
    try:
        home = Path.home()
    except RuntimeError:
        return Path(".netrc")
    return next((home / name for name in (".netrc", "_netrc") if (home / name).is_file()), home / ".netrc")
