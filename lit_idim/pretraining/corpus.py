"""Text to pretrain on: files, folders, data sets of the hub, and the generated toy language.

A corpus is a stream of lines; a blank line ends a document, and so does the end of a source.
"""

import gzip
import lzma
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from lit_idim.data.optional_import import import_optional
from lit_idim.errors import UserError
from lit_idim.toy import toy_corpus
from lit_idim.toy.vocabulary import LANGUAGE_VERSION

TEXT_SUFFIXES = (".txt", ".text", ".xz", ".gz", ".zst")
DOCUMENT_END = ""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def check_corpus(sources: Iterable[str]) -> None:
    """Says at once what a long run would find out late: a source that does not exist or is not of a known kind.

    Raises:
        UserError: if there is no source, a file or folder is missing, or a folder holds no text files.
    """
    sources = list(sources)
    if not sources:
        raise UserError(
            "corpus: expected at least one source of text, got none; pass a file, a folder, hub:NAME or toy:N"
        )
    for source in sources:
        if source.startswith("toy:"):
            _num_toy_sentences(source)
        elif not source.startswith("hub:"):
            _files(source)


def read_corpus(sources: Iterable[str]) -> Iterator[str]:
    """The lines of all sources, one after another, without line ends; `DOCUMENT_END` after every document.

    Args:
        sources: each one of
            a text file in UTF-8 (plain, .xz, .gz or .zst),
            a folder, for the text files in it by name,
            `hub:NAME`, `hub:NAME:CONFIG` or `hub:NAME:CONFIG:SPLIT`, a data set of the Hugging Face hub whose column
            `text` holds a document an example,
            `toy:N`, N sentences of the toy language, a document a line.

    Raises:
        UserError: if a source is missing, holds no text, is not UTF-8 or damaged; the message names the place.
    """
    for source in sources:
        is_empty = True
        for line in _lines(source):
            is_empty = is_empty and not line
            yield line
        if is_empty:
            raise UserError(f"corpus: {source} holds no text; pass a file with one sentence or paragraph a line")
        yield DOCUMENT_END


def corpus_identity(sources: Iterable[str]) -> list[str]:
    """What tells whether a corpus is the one that was tokenised before: names, sizes and times of its files."""
    identity = []
    for source in sources:
        if source.startswith("toy:"):
            identity.append(f"{source} version {LANGUAGE_VERSION}")
            continue
        if source.startswith("hub:"):
            identity.append(source)
            continue
        for path in _files(source):
            stat = path.stat()
            identity.append(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}")
    return identity


def _lines(source: str) -> Iterator[str]:
    if source.startswith("toy:"):
        for line in toy_corpus(_num_toy_sentences(source)):
            yield line
            yield DOCUMENT_END
    elif source.startswith("hub:"):
        yield from _hub_lines(source)
    else:
        for path in _files(source):
            yield from _file_lines(path)
            yield DOCUMENT_END


def _num_toy_sentences(source: str) -> int:
    count = source.removeprefix("toy:")
    if not count.isdigit() or int(count) < 1:
        raise UserError(f"corpus: expected toy:N with N sentences of the toy language, got {source!r}; try toy:200000")
    return int(count)


def _files(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in TEXT_SUFFIXES and file.is_file())
        if not files:
            raise UserError(f"corpus: the folder {source} holds no text file ({', '.join(TEXT_SUFFIXES)})")
        return files
    if not path.is_file():
        raise UserError(
            f"corpus: {source} does not exist; pass a text file (plain, .xz, .gz, .zst), a folder of such files, "
            "hub:NAME for a data set of the hub, or toy:N for N sentences of the toy language"
        )
    return [path]


def _file_lines(path: Path) -> Iterator[str]:
    number = 0
    try:
        with _open(path) as file:
            for number, raw in enumerate(file, start=1):
                content = raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw
                yield content.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UserError(
            f"corpus: {path}:{number} is not UTF-8 text (byte {error.start + 1} of the line is "
            f"0x{error.object[error.start]:02x}); convert the file to UTF-8"
        ) from None
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, OSError) as error:
        raise UserError(
            f"corpus: {path} cannot be read after line {number}: {error or type(error).__name__}"
        ) from error


def _open(path: Path) -> AbstractContextManager[IO[bytes]]:
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if path.suffix == ".zst":
        zstandard = import_optional("zstandard", package="zstandard", purpose=f"Reading {path.name}")
        return zstandard.open(path, "rb")  # type: ignore[no-any-return]
    return path.open("rb")


def _hub_lines(source: str) -> Iterator[str]:
    datasets = import_optional("datasets", package="datasets", purpose="Text from the Hugging Face hub")
    name, config, split, *_ = *source.removeprefix("hub:").split(":"), "", ""
    try:
        dataset = datasets.load_dataset(name, config or None, split=split or "train")
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(
            f"corpus: {source} could neither be downloaded from the Hugging Face hub nor found in its cache "
            f"({reason}); connect to the network once, or pass a text file"
        ) from error
    if "text" not in dataset.column_names:
        raise UserError(f"corpus: {source} has no column 'text'; it has {', '.join(dataset.column_names)}")
    for text in dataset["text"]:
        yield from (line.strip() for line in (text or "").splitlines() if line.strip())
        yield DOCUMENT_END
