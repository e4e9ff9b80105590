"""A study's dashboard, and a W&B server that is none."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lit_idim.dashboard.description import CellName, StudyDescription
from lit_idim.dashboard.panels import Dashboard
from lit_idim.dashboard.spec import dashboard_of

os.environ["WANDB_ERROR_REPORTING"] = "false"  # read when wandb is imported

ODD_NAME = 'it\'s "odd" = <1> \\ / näme'


@pytest.fixture
def dashboard() -> Dashboard:
    """With every kind of panel."""
    cells = tuple(
        CellName(model=model, checkpoint=f"step-{step}", pretraining_step=step, task="it's [new]", method="said")
        for model in ("a@main", "b c")
        for step in range(40)
    )
    study = StudyDescription(
        name=ODD_NAME,
        cells=cells,
        tables=("d90", "generalization", "trends"),
        figures=("bounds", "d90_vs_pretraining_step"),
        summary="series step\na@main 0",
        size_trends=("rank correlation",),
    )
    return dashboard_of(study)


@dataclass
class FakeServer:
    """Answers W&B's questions.

    Attributes:
        url: where it is.
        status: of every answer.
        projects: names of all projects.
        entity: of the account.
        refusal: what it answers to being asked to save, if it refuses.
        asked: the questions, parsed.
    """

    url: str = ""
    status: int = 200
    projects: tuple[str, ...] = ("lit_idim",)
    entity: str | None = "me"
    refusal: str | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def saved(self) -> list[dict[str, Any]]:
        """Variables of the mutations."""
        return [one["variables"] for one in self.asked if "upsertView" in one["query"]]

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """To a question of GraphQL."""
        query = question["query"]
        if "upsertView" in query:
            return {"errors": [{"message": self.refusal}]} if self.refusal else {"data": self._view(question)}
        if "models(" in query:
            return {
                "data": {"models": {"pageInfo": _PAGE, "edges": [{"node": self._project(n)} for n in self.projects]}}
            }
        return {"data": {"viewer": _VIEWER | {"entity": self.entity}, "serverInfo": None}}

    def _project(self, name: str) -> dict[str, Any]:
        node = {
            "__typename": "Project",
            "id": name,
            "name": name,
            "entityName": "me",
            "createdAt": "2026-01-01T00:00:00",
        }
        return node | {"isBenchmark": False, "user": None}

    def _view(self, question: dict[str, Any]) -> dict[str, Any]:
        asked = question["variables"]
        view = {"id": "VmlldzoxMjM=", "name": asked["name"], "displayName": asked["displayName"], "spec": asked["spec"]}
        project = {"id": "p", "name": asked["projectName"], "entityName": asked["entityName"]}
        more = {"type": asked["type"], "description": "", "project": project, "updatedAt": "2026-01-01T00:00:00"}
        return {"upsertView": {"view": view | more, "inserted": True}}


_PAGE = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
_VIEWER = {"id": "u", "username": "me", "email": "", "flags": "{}", "teams": {"edges": []}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[FakeServer]:
    """A running server, and wandb told of it and of a key."""
    fake = FakeServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{http.server_port}"
    monkeypatch.setenv("WANDB_BASE_URL", fake.url)
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_ENTITY", raising=False)
    yield fake
    http.shutdown()
    http.server_close()
    thread.join()


def _handler(fake: FakeServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/graphql":  # the client's own statistics
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            question = json.loads(body)
            fake.asked.append(question)
            body = json.dumps(fake.answer(question)).encode()
            self.send_response(fake.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            pass

    return Handler
