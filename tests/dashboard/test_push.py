import importlib
import json
import socket
import sys
import time

import pytest

from lit_idim.dashboard import push as pushing
from lit_idim.dashboard.payload import payload
from lit_idim.dashboard.push import push
from lit_idim.errors import UserError

wandb = pytest.importorskip("wandb")
pytest.importorskip("wandb_workspaces")


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(pushing, "ANSWER_SECONDS", 3)
    term = importlib.import_module("wandb.errors.term")
    monkeypatch.setattr(term, "_sys_stdin_isatty", lambda: True)  # a terminal, which wandb would ask at
    monkeypatch.setattr(term, "_sys_stderr_isatty", lambda: True)
    monkeypatch.setattr("builtins.input", _never)
    monkeypatch.setattr("click.prompt", _never)


def _never(*words, **more):
    raise AssertionError("a push never asks")


def test_a_push_saves_workspace_and_report(dashboard, server, capfd):
    stdin = sys.stdin
    pushed = push(dashboard, entity="team", project="lit_idim")
    workspace, report = server.saved
    expected = json.loads(payload(dashboard, entity="team", project="lit_idim"))
    for sent, name, kind in ((workspace, "workspace", "project-view"), (report, "report", "runs")):
        assert (sent["entityName"], sent["projectName"], sent["type"]) == ("team", "lit_idim", kind)
        assert sent["displayName"] == dashboard.title and not sent.get("id")
        assert _shape(json.loads(sent["spec"])) == _shape(expected[name]["spec"])
    assert pushed.workspace.startswith(f"{server.url}/team/lit_idim?nw=")
    assert pushed.report.startswith(f"{server.url}/team/lit_idim/reports/")
    assert sys.stdin is stdin and importlib.import_module("wandb.errors.term").can_use_terminput()
    assert capfd.readouterr().out == ""


def test_the_entity_is_the_accounts_own_where_none_is_given(dashboard, server):
    push(dashboard, entity=None, project="lit_idim")
    assert [sent["entityName"] for sent in server.saved] == ["me", "me"]


def test_an_account_without_an_entity_is_told_so(dashboard, server):
    server.entity = None
    with pytest.raises(UserError, match="entity: the account has none of its own; give --entity"):
        push(dashboard, entity=None, project="lit_idim")


def test_a_project_that_is_not_there_is_not_made(dashboard, server):
    with pytest.raises(UserError, match="project: 'me' has no project 'other'; give the --project"):
        push(dashboard, entity="me", project="other")
    assert not server.saved and not any("upsertModel" in one["query"] for one in server.asked)


def test_a_server_that_refuses_to_save_is_quoted(dashboard, server):
    server.refusal = "permission denied"
    with pytest.raises(UserError, match=r"did not save the workspace in me/lit_idim \(.*permission denied"):
        push(dashboard, entity="me", project="lit_idim")


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, r"refuses the API key \(HTTP 401\)"), (403, "HTTP 403"), (500, "answers HTTP 500")],
)
def test_a_server_that_does_not_let_in_is_an_error_in_words(dashboard, server, status, words):
    server.status = status
    started = time.monotonic()
    with pytest.raises(UserError, match=f"W&B: {server.url} {words}" if status != 403 else words):
        push(dashboard, entity="me", project="lit_idim")
    assert time.monotonic() - started < 10


def test_a_server_that_fails_later_is_an_error_in_words(dashboard, server, monkeypatch):
    monkeypatch.setattr(pushing, "require_answer", lambda *words: None)
    server.status = 500
    with pytest.raises(UserError, match=f"W&B at {server.url} did not take the login .no answer in 3 s."):
        push(dashboard, entity="me", project="lit_idim")
    server.status = 401
    with pytest.raises(UserError, match=f"W&B at {server.url} did not take the login .*401"):
        push(dashboard, entity="me", project="lit_idim")


def test_a_server_that_is_not_there_is_an_error_in_words(dashboard, server, monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="W&B: http://127.0.0.1:9 cannot be reached"):
        push(dashboard, entity="me", project="lit_idim")


def test_a_server_that_says_nothing_is_waited_for_a_few_seconds(dashboard, server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(UserError, match=r"does not answer within 5 s|cannot be reached"):
            push(dashboard, entity="me", project="lit_idim")
        assert time.monotonic() - started < 10


def test_without_a_key_nobody_is_asked_for_one(dashboard, server, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(UserError, match="W&B: no API key is configured for .*: set WANDB_API_KEY or run `wandb login`"):
        push(dashboard, entity="me", project="lit_idim")
    assert not server.asked


def test_a_key_that_is_none_is_not_shown(dashboard, server, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "a secret")
    with pytest.raises(UserError, match="WANDB_API_KEY") as caught:
        push(dashboard, entity="me", project="lit_idim")
    assert "secret" not in str(caught.value)


def _shape(spec):
    if isinstance(spec, dict):
        return {key: _shape(value) for key, value in spec.items() if key not in ("__id__", "id")}
    return [_shape(value) for value in spec] if isinstance(spec, list) else spec
