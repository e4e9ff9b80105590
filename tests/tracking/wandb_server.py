"""A server that answers as W&B's does, as far as the client asks while a study runs; or as servers fail."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Mood = Literal["well", "refuses", "broken", "slow", "unlike"]
SLOW_SECONDS = 30.0


class FakeServer:
    """What the server has been sent, and how it answers from now on."""

    def __init__(self, mood: Mood) -> None:
        self.mood: Mood = mood
        self.requests: list[tuple[str, dict[str, Any]]] = []
        handler = type("Handler", (_Handler,), {"server_of_test": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Closes the port."""
        self._http.shutdown()
        self._http.server_close()

    def operations(self) -> list[str]:
        """Names of the GraphQL operations, as the client gives them."""
        return [body.get("operationName", "") for path, body in self.requests if path == "/graphql"]

    def variables(self, operation: str) -> list[dict[str, Any]]:
        """Of all requests of one operation."""
        return [body["variables"] for _, body in self.requests if body.get("operationName") == operation]

    def history(self) -> list[dict[str, Any]]:
        """Rows of the histories of all runs."""
        return [
            json.loads(line)
            for path, body in list(self.requests)
            if path.endswith("file_stream")
            for line in body.get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
        ]


@contextmanager
def serving(mood: Mood = "well") -> Iterator[FakeServer]:
    server = FakeServer(mood)
    try:
        yield server
    finally:
        server.stop()


def wait_until(holds: Callable[[], bool], *, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    name, query, given = body.get("operationName") or "", body.get("query", ""), body.get("variables") or {}
    if name == "UpsertBucket":
        project = {"id": "p", "name": given.get("project"), "entity": {"id": "e", "name": "tester"}}
        empty = {"description": "", "config": "{}", "sweepName": None, "historyLineCount": 0, "displayName": "a run"}
        bucket = {"id": "b", "name": given.get("name"), "project": project, **empty}
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}
    if name == "CreateRunFiles":
        return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": []}}
    if name == "CreateArtifact":  # one that it has already, so that no file need be sent
        sequence = {"id": "s", "latestArtifact": {"id": "a", "versionIndex": 0}}
        return {"createArtifact": {"artifact": {"id": "a", "state": "COMMITTED", "artifactSequence": sequence}}}
    if "ArtifactType" in query:
        return {"project": {"artifact": None}}
    if "viewer" in query.lower():
        person = {"id": "u", "username": "tester", "entity": "tester", "flags": "{}", "email": "", "admin": False}
        return {"viewer": person | {"teams": {"edges": []}}, "serverInfo": {"features": []}}
    return {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_test: FakeServer

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        server = self.server_of_test
        try:
            body = json.loads(data)
        except ValueError:
            body = {}
        server.requests.append((self.path, body))
        if server.mood == "slow":
            time.sleep(SLOW_SECONDS)
        status = {"refuses": 401, "broken": 500}.get(server.mood, 200)
        answer = json.dumps({"data": _answer(body) if self.path == "/graphql" else {}} | {"errors": None})
        text = ("<html></html>" if server.mood == "unlike" else answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except OSError:
            pass

    do_GET = do_PUT = do_POST

    def log_message(self, *args: Any) -> None:
        pass
