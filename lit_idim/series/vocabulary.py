"""The size of a checkpoint's tokenizer."""

from pathlib import Path

from lit_idim.errors import UserError
from lit_idim.series.location import CheckpointLocation
from lit_idim.series.tokenizer_class import tokenizer_class

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
)
# Each of these is enough for a tokenizer.
_VOCABULARY_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


def holds_tokenizer(folder: Path) -> bool:
    """Whether a folder has the files of a tokenizer."""
    return any((folder / file).is_file() for file in _VOCABULARY_FILES)


def count_tokens(location: CheckpointLocation) -> int | None:
    """Tokens of a checkpoint's tokenizer, added ones included; None if it is not on this machine.

    Raises:
        UserError: if its files are damaged.
    """
    from lit_idim.subspace.loading import quiet_transformers

    name = location.tokenizer or location.model
    is_folder = Path(name).is_dir()
    if is_folder and not holds_tokenizer(Path(name)):
        return None
    try:
        with quiet_transformers():
            return len(tokenizer_class(name).from_pretrained(name, local_files_only=True, trust_remote_code=False))
    except OSError as error:
        # What is named on the hub may simply not be cached.
        if not is_folder:
            return None
        raise UserError(f"its tokenizer {name} cannot be read ({_first_line(error)})") from error
    except Exception as error:  # the tokenizers library raises bare Exceptions for damaged files
        raise UserError(f"its tokenizer {name} cannot be read ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
