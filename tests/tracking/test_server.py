"""Whether W&B can be used is found out within seconds, and told in words."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lit_idim.tracking.server import ServerRefusedError, find_key, may_have_key, require_answer

from .conftest import KEY
from .wandb_server import FakeServer, Mood, serving


def test_a_server_that_knows_the_key(server_in: Callable[[Mood], FakeServer]) -> None:
    require_answer(server_in("well").url, KEY)


@pytest.mark.parametrize(
    ("mood", "words"),
    [("refuses", "refuses the API key"), ("broken", "answers HTTP 500"), ("unlike", "not answer as a W&B server")],
)
def test_a_server_that_does_not_do(mood: Mood, words: str) -> None:
    with serving(mood) as server, pytest.raises(ServerRefusedError, match=words):
        require_answer(server.url, KEY)


def test_a_server_that_takes_its_time_is_given_up() -> None:
    with serving("slow") as server:
        started = time.monotonic()
        with pytest.raises(ServerRefusedError, match=r"does not answer within 0\.5 s"):
            require_answer(server.url, KEY, seconds=0.5)
        assert time.monotonic() - started < 5


def test_no_route() -> None:
    with serving() as server:
        url = server.url
    with pytest.raises(ServerRefusedError, match="cannot be reached"):
        require_answer(url, KEY)


def test_no_key() -> None:
    with pytest.raises(ServerRefusedError, match="no API key is configured for https://w.example"):
        require_answer("https://w.example", None)


def test_a_key_is_that_of_the_shell_or_of_wandb_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not may_have_key() and find_key("https://w.example") is None
    (tmp_path / "netrc").write_text("machine w.example\n  login user\n  password of-the-file\n")
    assert may_have_key()
    assert find_key("https://w.example") == "of-the-file" and find_key("https://other.example") is None
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password of-the-hosted-service")
    assert find_key("https://api.forge.coreweave.com") == find_key("https://api.wandb.ai") == "of-the-hosted-service"
    (tmp_path / "netrc").write_text("default login anonymous password of-the-mail")
    assert find_key("https://api.wandb.ai") is None  # meant for other servers
    (tmp_path / "netrc").write_bytes(b"machine w.example login user password \xff")
    assert find_key("https://w.example") is None
    (tmp_path / "netrc").write_text("machine\nnonsense")
    assert find_key("https://w.example") is None
    monkeypatch.setenv("WANDB_API_KEY", "of-the-shell")
    assert find_key("https://w.example") == "of-the-shell"
