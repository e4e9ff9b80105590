"""`lit-idim status`: how far a study is."""

from pathlib import Path

from lit_idim.commands.parser import Parser
from lit_idim.study.status import describe_study


def run_status_verb(words: list[str]) -> None:
    """Runs `lit-idim status`.

    Args:
        words: the folder and options.

    Raises:
        UserError: for input that the user can mend.
    """
    parser = Parser(
        prog="lit-idim status",
        description="What a study has measured, runs and has left, from its ledger, also while it runs.",
        allow_abbrev=False,
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the study's outputs")
    parser.add_argument(
        "--ledger", help="address of the ledger, where it is not the one that OUT/config.yaml names, or has a password"
    )
    options = parser.parse_args(words)
    print(describe_study(options.out, ledger=options.ledger))
