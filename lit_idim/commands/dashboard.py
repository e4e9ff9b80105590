"""`lit-idim dashboard`: a study's W&B workspace and report, as code."""

import os
from pathlib import Path

from lit_idim.commands.parser import Parser
from lit_idim.dashboard.panels import describe_dashboard
from lit_idim.dashboard.payload import payload
from lit_idim.dashboard.push import push
from lit_idim.dashboard.reading import read_study
from lit_idim.dashboard.spec import dashboard_of
from lit_idim.errors import UserError


def run_dashboard_verb(words: list[str]) -> None:
    """Runs `lit-idim dashboard`.

    Args:
        words: the folder and options.

    Raises:
        UserError: for input that the user can mend.
    """
    parser = Parser(
        prog="lit-idim dashboard",
        description="Builds a W&B workspace and report for the runs of a study: d90 against pretraining and model "
        "size, scores against d, bounds, cost. Prints what they show, a line a panel; --push saves them.",
        allow_abbrev=False,
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the study's outputs")
    parser.add_argument("--study", metavar="NAME", help="as the runs carry it (config.study); OUT tells if left out")
    parser.add_argument(
        "--group", metavar="NAME", help="of the runs; all studies of this name if left out, a line each"
    )
    parser.add_argument(
        "--entity", help="user or team that owns the project; $WANDB_ENTITY, or the account's own, if left out"
    )
    parser.add_argument("--project", default="lit_idim", help="project of the runs (%(default)s)")
    parser.add_argument("--push", action="store_true", help="save a new workspace view and report on W&B's server")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write what the server would be sent, as JSON")
    options = parser.parse_args(words)
    dashboard = dashboard_of(read_study(options.out, name=options.study, group=options.group))
    entity = options.entity or os.environ.get("WANDB_ENTITY")
    if options.output:
        _write(options.output, payload(dashboard, entity=entity or "", project=options.project))
    if options.push:
        pushed = push(dashboard, entity=entity, project=options.project)
        print(f"workspace: {pushed.workspace}\nreport: {pushed.report}")
    else:
        print(describe_dashboard(dashboard))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output: {path} cannot be written ({error.strerror}); give another file") from error
