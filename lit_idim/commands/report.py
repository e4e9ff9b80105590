"""`lit-idim report`: `report.html` of a study, anew."""

from pathlib import Path

from lit_idim.commands.parser import Parser
from lit_idim.study.reporting import report_from_ledger


def run_report_verb(words: list[str]) -> None:
    """Runs `lit-idim report`.

    Args:
        words: the folder and options.

    Raises:
        UserError: for input that the user can mend.
    """
    parser = Parser(
        prog="lit-idim report",
        description="Writes report.html of a study anew from its ledger, also while it runs.",
        allow_abbrev=False,
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the study's outputs")
    parser.add_argument(
        "--ledger", help="address of the ledger, where it is not the one that OUT/config.yaml names, or has a password"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="file to write (default: OUT/report.html)")
    options = parser.parse_args(words)
    print(report_from_ledger(options.out, ledger=options.ledger, path=options.output))
