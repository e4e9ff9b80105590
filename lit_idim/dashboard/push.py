"""Saves a dashboard on a W&B server, and never asks for anything."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from lit_idim.dashboard.extra import import_extra
from lit_idim.dashboard.panels import Dashboard
from lit_idim.dashboard.report import report_of
from lit_idim.dashboard.workspace import workspace_of
from lit_idim.errors import UserError
from lit_idim.tracking.server import ServerRefusedError, find_key, require_answer

ANSWER_SECONDS = 10
"""For which the server's first answer to the client is awaited."""
_MAX_WORDS = 300

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """Where a dashboard is.

    Attributes:
        workspace: address.
        report: address.
    """

    workspace: str
    report: str


def push(dashboard: Dashboard, *, entity: str | None, project: str) -> Pushed:
    """Saves a new view of the project's workspace and a new report; what was saved before stays as it is.

    Args:
        dashboard: what they show.
        entity: user or team that owns the project; the account's own if None.
        project: of the runs.

    Raises:
        UserError: if the extra is missing, nobody is logged in, the server does not answer or refuses, or there is no
            such entity or project.
    """
    wandb = import_extra("wandb")
    with _never_asking(wandb):
        api = _connect(wandb)
        owner = entity or _asked(lambda: api.default_entity, "W&B did not tell whose key this is; give --entity")
        if not owner:
            raise UserError("entity: the account has none of its own; give --entity")
        place = f"{owner}/{project}"
        unread = f"entity: W&B did not list the projects of {owner!r}; give the --entity of the study's runs"
        if project not in _asked(lambda: [one.name for one in api.projects(owner)], unread):
            raise UserError(f"project: {owner!r} has no project {project!r}; give the --project of the study's runs")
        workspace = workspace_of(dashboard, entity=owner, project=project)
        report = report_of(dashboard, entity=owner, project=project)
        _asked(workspace.save, f"W&B did not save the workspace in {place}")
        _asked(report.save, f"W&B saved the workspace in {place}, but not the report")
        return Pushed(workspace=workspace.url, report=report.url)


@contextmanager
def _never_asking(wandb: ModuleType) -> Iterator[None]:
    """Mutes wandb, which then asks for nothing, and takes the terminal away from it.

    The addresses that it would print are returned.
    """
    stdin, sys.stdin = sys.stdin, io.StringIO()
    settings = wandb.setup().settings
    wandb.termsetup(settings.model_copy(update={"silent": True}), None)
    try:
        yield
    finally:
        wandb.termsetup(settings, None)
        sys.stdin = stdin


def _connect(wandb: ModuleType) -> Any:
    base_url = os.environ.get("WANDB_BASE_URL") or wandb.setup().settings.base_url
    if key := find_key(base_url):
        # It answers sooner and in clearer words than the client, which tries again and again.
        try:
            require_answer(base_url, key)
        except ServerRefusedError as error:
            raise UserError(f"W&B: {error}") from error
    try:
        return wandb.Api(timeout=ANSWER_SECONDS)
    except wandb.errors.UsageError as error:  # the client looks for keys in more places
        raise UserError(
            f"W&B: no API key is configured for {base_url}: set WANDB_API_KEY or run `wandb login`"
        ) from error
    except wandb.errors.Error as error:
        raise UserError(f"W&B at {base_url} did not take the login ({_words(error)})") from error


def _asked(question: Callable[[], Answer], failure: str) -> Answer:
    try:
        return question()
    except Exception as error:  # the client has no error of its own for a server that refuses or stays away
        raise UserError(f"{failure} ({_words(error)})") from error


def _words(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if "did not respond in time" in text:
        return f"no answer in {ANSWER_SECONDS} s"
    return text[:_MAX_WORDS]
