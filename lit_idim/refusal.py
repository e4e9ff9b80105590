"""Why PyTorch's loader refuses a file, without its advice."""

import re

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ADVICE = re.compile(r"Weights only load failed\.|\(\d+\)|Please|Check the documentation|This file can still")
_MOST_CHARACTERS = 300


def refusal(error: Exception) -> str:
    r"""The first line of an error that says what is wrong with the file; the name of its class if there is none.

    PyTorch's own text is colored, and advises to load the file with all the code that may be in it.

    Example:
        >>> refusal(ValueError("Weights only load failed. Re-run it.\n\n\x1b[1mUnsupported class os.mkdir\x1b[0m\n"))
        'Unsupported class os.mkdir'
    """
    lines = [line.strip() for line in _ANSI.sub("", str(error)).splitlines()]
    told = [line for line in lines if line and not _ADVICE.match(line)]
    return told[0].removeprefix("WeightsUnpickler error: ")[:_MOST_CHARACTERS] if told else type(error).__name__
