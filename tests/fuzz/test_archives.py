"""Tar archives: all of one is extracted into its folder, or nothing is written anywhere."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.extraction import extract_checkpoint
from lit_idim.series.tar import _find_checkpoint

from .inputs import answer, damaged, fuzzed, snapshot

NAMES = st.one_of(
    st.sampled_from(
        [
            *(
                "config.json",
                "a/config.json",
                "../evil",
                "a/../../evil",
                "/evil",
                "//evil",
                "./a",
                "a/./b",
                "a//b",
                ".",
            ),
            *("..", "", "a/..", "C:\\evil", "..\\evil", "a\0b", "x" * 300, "a/" * 200 + "b", "link", "link/evil", "a"),
            *("\udcff", "config.json/below", "model.safetensors", "a\nb"),
        ]
    ),
    st.text(max_size=8),
)
KINDS = st.sampled_from(
    [
        *([tarfile.REGTYPE] * 4),
        *(tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE),
        *(tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, b"Z"),
    ]
)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    content = io.BytesIO()
    form = draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
    with tarfile.open(fileobj=content, mode="w", format=form) as tar:
        for _ in range(draw(st.integers(0, 4))):
            member = tarfile.TarInfo(draw(NAMES))
            member.type, member.linkname = draw(KINDS), draw(NAMES)
            member.mode = draw(st.sampled_from([0o644, 0o000, 0o4777, 0o777, 0o100]))
            member.uid = draw(st.sampled_from([0, 1000, 2**31]))
            member.mtime = draw(st.sampled_from([0, 1, 2**33, -1]))
            body = draw(st.binary(max_size=20))
            member.size = len(body) if member.type == tarfile.REGTYPE else 0
            if form == tarfile.PAX_FORMAT and draw(st.booleans()):
                member.pax_headers = {draw(st.sampled_from(["path", "linkpath", "size", "mtime", "x"])): draw(NAMES)}
            try:
                tar.addfile(member, io.BytesIO(body))
            except (ValueError, UnicodeError, OverflowError):  # tarfile itself does not write all that can be read
                continue
    return content.getvalue()


def valid_archive(compression: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=f"w:{compression}") as tar:
        for name in ("checkpoint-10/config.json", "checkpoint-10/model.safetensors"):
            member = tarfile.TarInfo(name)
            member.size = 10
            tar.addfile(member, io.BytesIO(b"0123456789"))
    return content.getvalue()


VALID = [valid_archive(compression) for compression in ("", "gz", "bz2", "xz")]
TOKENS = (b"../", b"/", b"\x00", b"2", b"1", b"x", b"L", b"S", b"99999999", b"\x80" + b"\xff" * 11, gzip.compress(b""))


@fuzzed(60)
@given(content=st.one_of(archives(), damaged(VALID, TOKENS), archives().flatmap(lambda one: damaged([one], TOKENS))))
def test_archive(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    place = tmp_path_factory.mktemp("archive")
    folder = place / "inside" / "out"
    folder.mkdir(parents=True)
    archive = place / "archive.tar"
    archive.write_bytes(content)
    before, here = snapshot(place), set(Path().iterdir())
    found = answer(lambda: extract_checkpoint(archive, folder, checkpoint="step 1 of series 'a'"), "step 1 of series")
    written = snapshot(place) - before
    assert all(Path(path).is_relative_to(folder) for path in written)
    for path in map(Path, written):
        assert not path.is_symlink() and (path.is_dir() or path.is_file())
        assert path.is_dir() or path.stat().st_nlink == 1
        assert not path.stat().st_mode & 0o6000
    assert set(Path().iterdir()) == here and not Path("/evil").exists()
    if not isinstance(found, UserError):
        inside = _find_checkpoint(folder)
        assert inside.is_relative_to(folder)
        find_fault(inside)
