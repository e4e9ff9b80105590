"""Numbered lines of a UTF-8 text file."""

from collections.abc import Iterator
from pathlib import Path

from lit_idim.errors import UserError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbers (from 1) and texts of the lines, without line ends, byte-order mark, or blank lines at the end.

    Only a line feed ends a line: U+2028 and other separators that `str.splitlines` knows are text.

    Raises:
        UserError: naming file and line, where the bytes are not UTF-8; naming the file, if it holds no text.
    """
    blank_numbers: list[int] = []
    is_empty = True
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            content = raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw
            try:
                line = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}:{number}: expected UTF-8 text; byte {error.start + 1} of the line is "
                    f"0x{content[error.start]:02x}. Convert the file to UTF-8."
                ) from None
            if not line:
                blank_numbers.append(number)
                continue
            for blank_number in blank_numbers:
                yield blank_number, ""
            blank_numbers.clear()
            is_empty = False
            yield number, line
    if is_empty:
        raise UserError(f"{path}: the file is empty; expected one example a line")
