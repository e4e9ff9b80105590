"""A server on this machine that stands for the Hugging Face hub and for the archives of Probing Across Time.

Use the fixture `hub` of `conftest.py`, and start what shall see the hub with `hub.environment(tmp_path)`: the hub's
libraries read their variables when they are imported, so that only another process can be sent here.
"""

import functools
import hashlib
import http.server
import io
import json
import os
import re
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .examples import REPOSITORIES, dataset_files
from .tiny_models import Files, multiberts_files, probe_across_time_files, roberta_files

ARCHIVE = re.compile(r"/probe-across-time/ALL/roberta_bz256_savesteps/checkpoint-(\d+)\.tar")
MULTIBERTS = re.compile(r"google/multiberts-seed_([0-4])-step_(\d+)k")
RESOLVE = re.compile(r"/(datasets/)?([^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)")
API = re.compile(
    r"/api/(?P<kind>models|datasets)/(?P<repository>[^/]+(?:/[^/]+)??)"
    r"(?:/(?P<verb>revision|tree|paths-info|refs)(?:/(?P<revision>[^/]+)(?:/(?P<under>.*))?)?)?"
)
# The hub sends old names of one word on to those with an owner.
MOVED = {"roberta-base": "FacebookAI/roberta-base"}


class HubServer(http.server.ThreadingHTTPServer):
    """Answers on 127.0.0.1; `requests` holds method and path of everything that was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def write_mirror(self, folder: Path) -> Path:
        """Writes a series `mirror`: that of Probing Across Time, its archives taken from here. Returns its path."""
        path = folder / "mirror.yaml"
        url = f"{self.url}/probe-across-time/ALL/roberta_bz256_savesteps/checkpoint-{{step}}.tar"
        path.write_text(f"name: mirror\nextends: probe-across-time-roberta\nsource: {{url: '{url}'}}\n")
        return path

    def environment(self, folder: Path) -> dict[str, str]:
        """Variables for a process that shall take this server for the hub, and keep what it caches in `folder`.

        The server is the proxy of all other addresses, too, so that it sees and refuses them.
        """
        ours = ("hf_", "huggingface", "transformers_", "lit_idim_", "xdg_")
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().startswith(ours) and not name.lower().endswith("_proxy")
        }
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), self.url)
        here = {
            "no_proxy": "127.0.0.1",
            "NO_PROXY": "127.0.0.1",
            "HF_ENDPOINT": self.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # else `datasets` tells a bucket on S3
            "HF_HOME": str(folder / "huggingface"),
            "LIT_IDIM_CACHE": str(folder / "lit_idim"),
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        return kept | proxies | here


@contextmanager
def serve_hub() -> Iterator[HubServer]:
    """A running server, closed at the end."""
    with HubServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def find_files(kind: str, repository: str) -> Files | None:
    """The files of a repository on the main branch; None if the hub has none of that name."""
    if kind == "datasets":
        return dataset_files(repository) if repository in REPOSITORIES else None
    if repository == "FacebookAI/roberta-base":
        return roberta_files()
    match = MULTIBERTS.fullmatch(repository)
    if match is None or int(match[2]) not in {0, *range(20, 201, 20), *range(300, 2001, 100)}:
        return None
    return multiberts_files(int(match[1]), 1000 * int(match[2]))


@functools.cache
def archive(step: int) -> bytes:
    """A tar as the server of Probing Across Time keeps it: the checkpoint in a folder of its own."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in probe_across_time_files(step).items():
            member = tarfile.TarInfo(f"checkpoint-{step}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_GET(self) -> None:
        self.server.requests.append((self.command, self.path))
        address = urlsplit(self.path)
        if address.netloc:  # asked as a proxy
            self._refuse(404, None)
            return
        path = unquote(address.path)
        if match := ARCHIVE.fullmatch(path):
            self._answer(archive(int(match[1])), {"Content-Type": "application/x-tar"})
        elif match := API.fullmatch(path):
            self._answer_api(**match.groupdict())
        elif match := RESOLVE.fullmatch(path):
            self._answer_file("datasets" if match[1] else "models", match[2], match[3], match[4])
        else:
            self._refuse(404, None)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.server.requests.append((self.command, self.path))
        self._refuse(403, None)

    def _answer_file(self, kind: str, repository: str, revision: str, name: str) -> None:
        files = self._files(kind, repository, revision)
        if files is None:
            return
        commit = {"X-Repo-Commit": _commit(kind, repository)}
        if name not in files:
            self._refuse(404, "EntryNotFound", commit)
        else:
            self._answer(files[name], {**commit, "ETag": f'"{_digest(files[name])}"'})

    def _answer_api(
        self, kind: str, repository: str, verb: str | None, revision: str | None, under: str | None
    ) -> None:
        files = self._files(kind, repository, revision or "main")
        if files is None:
            return
        commit = _commit(kind, repository)
        if verb == "refs":
            content: Any = {"branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": commit}]}
            content |= {"tags": [], "converts": []}
        elif verb == "paths-info":
            content = _entries(files, asked=json.loads(self._body)["paths"])
        elif verb == "tree":
            content = _entries(files, under=under)
        else:
            siblings = [{"rfilename": name, "size": len(files[name])} for name in sorted(files)]
            content = {"_id": commit[:24], "id": repository, "sha": commit, "private": False, "gated": False}
            content |= {"disabled": False, "downloads": 0, "likes": 0, "tags": [], "siblings": siblings}
        self._answer(json.dumps(content).encode(), {"Content-Type": "application/json", "X-Repo-Commit": commit})

    def _files(self, kind: str, repository: str, revision: str) -> Files | None:
        """The files, or None where the answer (sent on, or refused) has been given."""
        if kind == "models" and repository in MOVED:
            self.send_response(307)
            self.send_header("Location", self.path.replace(repository, MOVED[repository], 1))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        files = find_files(kind, repository)
        if files is None:
            self._refuse(404, "RepoNotFound")
        elif revision not in ("main", _commit(kind, repository)):
            self._refuse(404, "RevisionNotFound")
        else:
            return files
        return None

    def _answer(self, content: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, status: int, code: str | None, headers: dict[str, str] | None = None) -> None:
        self._answer(b"", {**(headers or {}), **({"X-Error-Code": code} if code else {})}, status)

    def log_message(self, *args: object) -> None:
        pass


def _entries(files: Files, *, under: str | None = None, asked: list[str] | None = None) -> list[dict[str, Any]]:
    """Files and folders as the hub lists them."""
    folders = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    entries = [
        {"type": "directory", "path": name, "oid": _digest(name.encode()), "size": 0} for name in sorted(folders)
    ]
    entries += [
        {"type": "file", "path": name, "oid": _digest(content), "size": len(content)}
        for name, content in sorted(files.items())
    ]
    if asked is not None:
        return [entry for entry in entries if entry["path"] in asked]
    return [entry for entry in entries if under is None or str(entry["path"]).startswith(f"{under.rstrip('/')}/")]


def _commit(kind: str, repository: str) -> str:
    return _digest(f"{kind}/{repository}".encode())


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
