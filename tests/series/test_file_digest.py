import hashlib
import os

import pytest

from lit_idim.series.file_digest import digest_of_file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    return path


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_read_once(path, cache):
    assert digest_of_file(path) == digest(b"one")
    time = path.stat().st_mtime_ns
    path.write_bytes(b"two")
    os.utime(path, ns=(time, time))
    # By size and time it is the file of before.
    assert digest_of_file(path) == digest(b"one")
    assert [memo.suffix for memo in (cache / "digests").iterdir()] == [".json"]


@pytest.mark.parametrize("content", [b"another size", b"two"])
def test_a_changed_file_is_read_again(path, content):
    digest_of_file(path)
    path.write_bytes(content)
    os.utime(path, ns=(7, 7))
    assert digest_of_file(path) == digest(content)


@pytest.mark.parametrize("damage", [b"", b"[1]", b"{}", b"\xff"])
def test_a_damaged_memo_does_not_count(path, cache, damage):
    digest_of_file(path)
    (memo,) = (cache / "digests").iterdir()
    memo.write_bytes(damage)
    assert digest_of_file(path) == digest(b"one")


def test_a_link_is_the_file_that_it_leads_to(path, tmp_path, cache):
    (tmp_path / "link").symlink_to(path)
    assert digest_of_file(tmp_path / "link") == digest_of_file(path)
    assert len(list((cache / "digests").iterdir())) == 1


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        digest_of_file(tmp_path / "none")
