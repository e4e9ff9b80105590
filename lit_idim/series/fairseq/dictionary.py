"""fairseq's `dict.txt`: which row of the embedding a token has."""

from dataclasses import dataclass
from pathlib import Path

from lit_idim.errors import UserError

DICTIONARY_FILE = "dict.txt"
# Rows that no line stands for come first, in this order; <mask> is added last.
FIRST_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
MASK = "<mask>"
_OVERWRITE = "#fairseq:overwrite"


@dataclass(frozen=True, kw_only=True)
class Dictionary:
    """The tokens of a fairseq run by their rows.

    Attributes:
        tokens: `tokens[i]` has row i: the four special tokens, the lines of dict.txt and, unless a line says so
            already, `<mask>`. Those between are numbers of the GPT-2 BPE in decimal digits, or words that fill up the
            size (`madeupword0000`).
    """

    tokens: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, words: list[str]) -> list[int]:
        """Rows of words, that of `<unk>` for words that are not in it: what fairseq trains on.

        Example:
            >>> Dictionary(tokens=("<s>", "<pad>", "</s>", "<unk>", "262", "<mask>")).encode(["262", "7"])
            [4, 3]
        """
        rows = {token: row for row, token in enumerate(self.tokens)}
        return [rows.get(word, rows["<unk>"]) for word in words]


def read_dictionary(path: Path) -> Dictionary:
    r"""The tokens of a `dict.txt`, whose lines are `TOKEN COUNT`.

    Args:
        path: of the file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "dict.txt"
        >>> _ = path.write_text("262 90\n13 80\nmadeupword0000 0\n")
        >>> read_dictionary(path).tokens[3:]
        ('<unk>', '262', '13', 'madeupword0000', '<mask>')

    Raises:
        UserError: if the file is missing, a line is no token with a count, or a token stands there twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise UserError(
            f"{path} is missing: a fairseq checkpoint does not hold its dictionary; copy the {DICTIONARY_FILE} of the "
            "run's data folder beside the checkpoints, or name it in source.dictionary"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error
    rows = {token: row for row, token in enumerate(FIRST_TOKENS)}
    for number, line in enumerate(lines, start=1):
        text = line.rstrip()
        if text.endswith(_OVERWRITE):
            # fairseq keeps the row of before and adds another: the two have one name.
            raise UserError(f"{path}, line {number}: lines that end in {_OVERWRITE} are not supported, got {line!r}")
        token, _, count = text.rpartition(" ")
        if not token or not count.isdecimal():
            raise UserError(f"{path}, line {number}: expected a token, a space and a count, got {line!r}")
        if token in rows:
            raise UserError(f"{path}, line {number}: token {token!r} stands there twice, or is a special one")
        rows[token] = len(rows)
    rows.setdefault(MASK, len(rows))
    return Dictionary(tokens=tuple(rows))
