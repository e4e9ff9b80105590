"""Download of a file over HTTP that goes on where it broke off."""

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from lit_idim.errors import UserError
from lit_idim.series.location import CheckpointUnavailableError

TIMEOUT_SECONDS = 60
_CHUNK_BYTES = 1 << 20
_NOT_FOUND = (404, 410)
_RANGE_NOT_SATISFIABLE = 416


def download(url: str, path: Path, *, checkpoint: str, attempts: int = 3) -> None:
    """Downloads `url` to `path`; a broken download stays beside it as `.part` and is gone on with.

    Args:
        url: http or https.
        path: of the file, which appears only when it is complete.
        checkpoint: names step and series in errors.
        attempts: connections that may break in a row without a byte having come.

    Raises:
        CheckpointUnavailableError: without a network, or if the connection keeps breaking.
        UserError: if the server has no such file, or it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _download_rest(url, part):
                part.replace(path)
                return
            reason = "the connection broke"
        except urllib.error.HTTPError as error:
            if error.code in _NOT_FOUND:
                raise UserError(
                    f"{checkpoint} does not exist: {url} answers {error.code}; the other steps stay usable"
                ) from error
            reason = f"the server answers {error.code}"
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        except OSError as error:
            raise UserError(
                f"{checkpoint}: {part} cannot be written ({error}); free some space, or set LIT_IDIM_CACHE to a folder "
                "that has it; the other steps stay usable"
            ) from error
        num_bytes = part.stat().st_size if part.exists() else 0
        failures = 0 if num_bytes > before else failures + 1
        if failures == attempts:
            raise CheckpointUnavailableError(
                f"{checkpoint} could not be downloaded from {url} ({reason}; {num_bytes:,} bytes are kept). Run again "
                "with a network to go on from there"
            )


def check_sha256(path: Path, expected: str, *, checkpoint: str, url: str) -> None:
    """Compares a file with its checksum, and removes it if they differ.

    Raises:
        UserError: if they differ.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != expected.lower():
        path.unlink()
        raise UserError(
            f"{checkpoint}: {url} has the wrong checksum: expected sha256 {expected.lower()}, got "
            f"{digest.hexdigest()}; the file is removed: run again, or correct the series' YAML file"
        )


def _download_rest(url: str, part: Path) -> bool:
    """Appends what is missing to `part`. Returns whether it is complete by the length that the server names."""
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code != _RANGE_NOT_SATISFIABLE or not start:
            raise
        total = (error.headers.get("Content-Range") or "").rpartition("/")[2]
        if total == str(start):
            return True
        # What is kept is longer than the file: it belongs to another version of it.
        part.unlink()
        return False
    with response:
        continues = response.status == 206
        if continues and not (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            part.unlink()
            return False
        num_bytes = start if continues else 0
        length = response.headers.get("Content-Length")
        expected = None if length is None else num_bytes + int(length)
        with part.open("ab" if continues else "wb") as file:
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)
                num_bytes += len(chunk)
    return expected is None or num_bytes == expected
