"""The byte-pair encoding of GPT-2, as fairseq reads it: `encoder.json` and `vocab.bpe`."""

import json
from dataclasses import dataclass
from pathlib import Path

from lit_idim.errors import UserError

ENCODER_FILE = "encoder.json"
MERGES_FILE = "vocab.bpe"
_ADDRESS = "https://dl.fbaipublicfiles.com/fairseq/gpt2_bpe/"


@dataclass(frozen=True, kw_only=True)
class ByteLevelBPE:
    """Numbers of pieces of text, and which pairs are merged.

    Attributes:
        numbers: of tokens, whose bytes are written as printable characters: `{"Ġthe": 262, ...}`.
        merges: pairs of tokens, the most frequent first.
    """

    numbers: dict[str, int]
    merges: tuple[tuple[str, str], ...]


def read_bpe(folder: Path) -> ByteLevelBPE:
    """The encoding in a folder with `encoder.json` and `vocab.bpe`.

    Raises:
        UserError: if a file is missing or damaged, two tokens have one number, or a merge needs a token that has none.
    """
    numbers = _read_numbers(folder / ENCODER_FILE)
    merges = _read_merges(folder / MERGES_FILE)
    for first, second in merges:
        for token in (first, second, first + second):
            if token not in numbers:
                raise UserError(
                    f"{folder / MERGES_FILE} merges {first!r} and {second!r}, but {token!r} is not in {ENCODER_FILE}: "
                    f"the two files do not belong together; copy both from {_ADDRESS}, or from where they were trained"
                )
    return ByteLevelBPE(numbers=numbers, merges=merges)


def _read_numbers(path: Path) -> dict[str, int]:
    try:
        numbers = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); copy it anew from {_ADDRESS}") from error
    if not isinstance(numbers, dict) or not all(type(number) is int for number in numbers.values()):
        raise UserError(f"{path}: expected a map of tokens to numbers")
    if len(set(numbers.values())) < len(numbers):
        raise UserError(f"{path}: two tokens have the same number")
    return numbers


def _read_merges(path: Path) -> tuple[tuple[str, str], ...]:
    # As fairseq does: the first line, which names a version, and what follows the last end of a line are passed over.
    lines = _read(path).split("\n")[1:-1]
    merges = []
    for number, line in enumerate(lines, start=2):
        pair = line.split()
        if len(pair) != 2:
            raise UserError(f"{path}, line {number}: expected two tokens with a space between, got {line!r}")
        merges.append((pair[0], pair[1]))
    if not merges:
        raise UserError(f"{path} holds no merges: expected a line with a version and then a pair of tokens a line")
    return tuple(merges)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(
            f"{path} is missing: fairseq's GPT-2 BPE is {ENCODER_FILE} and {MERGES_FILE}, to be had from {_ADDRESS}; "
            "put both beside the checkpoints, or name their folder in source.bpe"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error
