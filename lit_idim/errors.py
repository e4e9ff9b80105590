"""The error that a user can mend."""

import re

_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*:[^/\s]*@")


class UserError(ValueError):
    """Input that the user can mend: the message names the argument, what was expected, what came, and the fix.

    The command line prints it without a traceback and exits with status 2. A message can end in a ledger, a table or a
    report: user and password of an address in it are blotted out.

    Example:
        >>> str(UserError("series 'https://ada:secret@server/a' is not registered"))
        "series 'https://***@server/a' is not registered"
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_CREDENTIALS.sub("***@", message))
