"""The error that a user can mend."""


class UserError(ValueError):
    """Input that the user can mend: the message names the argument, what was expected, what came, and the fix.

    The command line prints it without a traceback and exits with status 2.
    """
