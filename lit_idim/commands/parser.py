"""The parser of verbs whose options are few."""

import argparse
from typing import NoReturn

from lit_idim.errors import UserError


class Parser(argparse.ArgumentParser):
    """argparse, with errors for the user told as all others are."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog}: {message}; see {self.prog} --help")
