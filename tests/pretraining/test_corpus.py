import gzip
import lzma
from pathlib import Path

import pytest

from lit_idim.errors import UserError
from lit_idim.pretraining.corpus import check_corpus, corpus_identity, read_corpus

TEXT = "First line.\nSecond line.\n\nNext document.\n"
LINES = ["First line.", "Second line.", "", "Next document."]


def lines(path: Path) -> list[str]:
    return list(read_corpus([str(path)]))


@pytest.mark.parametrize("suffix", [".txt", ".xz", ".gz"])
def test_reads_plain_and_compressed_files_alike(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    compress = {".txt": bytes, ".xz": lzma.compress, ".gz": gzip.compress}[suffix]
    path.write_bytes(compress(b"\xef\xbb\xbf" + TEXT.encode()))
    assert lines(path)[:4] == LINES
    assert set(lines(path)[4:]) == {""}


def test_reads_zstandard_or_names_the_package(tmp_path: Path) -> None:
    path = tmp_path / "text.zst"
    try:
        import zstandard
    except ImportError:
        path.write_bytes(b"never read")
        with pytest.raises(UserError, match="pip install zstandard"):
            lines(path)
    else:
        path.write_bytes(zstandard.compress(TEXT.encode()))
        assert lines(path)[:4] == LINES


def test_reads_a_folder_by_name_and_ends_documents_between_files(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("of b")
    (tmp_path / "a.txt").write_text("of a")
    (tmp_path / "notes.md").write_text("no text")
    assert [line for line in lines(tmp_path) if line] == ["of a", "of b"]
    assert lines(tmp_path)[:3] == ["of a", "", "of b"]


def test_toy_lines_are_documents() -> None:
    assert list(read_corpus(["toy:4"]))[1] == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no text"),
        (b"\n\n \n", "holds no text"),
        (b"good\nb\xe4d\n", r"text\.txt:2 is not UTF-8 text \(byte 2 of the line is 0xe4\)"),
    ],
)
def test_names_what_is_wrong_with_a_file(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        lines(tmp_path / "text.txt")


@pytest.mark.parametrize("suffix", [".xz", ".gz"])
@pytest.mark.parametrize("damage", ["truncated", "not compressed"])
def test_names_a_damaged_archive(tmp_path: Path, suffix: str, damage: str) -> None:
    packed = (lzma.compress if suffix == ".xz" else gzip.compress)(TEXT.encode() * 100)
    path = tmp_path / f"text{suffix}"
    path.write_bytes(packed[:-20] if damage == "truncated" else b"plain text, not compressed")
    with pytest.raises(UserError, match=r"cannot be read after line \d+"):
        lines(path)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([], "at least one source"),
        (["nowhere.txt"], "nowhere.txt does not exist; pass a text file"),
        (["toy:0"], "expected toy:N"),
        (["toy:many"], "expected toy:N"),
    ],
)
def test_says_at_once_what_is_missing(sources: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_corpus(sources)


def test_says_at_once_that_a_folder_has_no_text(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("no text")
    with pytest.raises(UserError, match="holds no text file"):
        check_corpus([str(tmp_path)])


def test_a_hub_corpus_without_a_network_says_so() -> None:
    with pytest.raises(UserError, match="hub:no/such-text could neither be downloaded"):
        list(read_corpus(["hub:no/such-text"]))


def test_identity_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one")
    before = corpus_identity([str(path)])
    path.write_text("another")
    assert corpus_identity([str(path)]) != before
