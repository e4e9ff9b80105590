import hashlib
import io
import re
import tarfile
from pathlib import Path

import pytest

from lit_idim.errors import UserError
from lit_idim.series import CheckpointUnavailableError, Series, TarSource
from lit_idim.subspace.loading import load_classifier


def archive_of(folder, inside="checkpoint-10", mode="w"):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:
        tar.add(folder, arcname=inside)
    return content.getvalue()


def archive_with(name, *, kind=tarfile.REGTYPE, linkname=""):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("checkpoint/config.json"), io.BytesIO(b""))
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, linkname
        tar.addfile(member, io.BytesIO(b""))
    return content.getvalue()


def series_at(server, **fields):
    source = TarSource(series="tarred", url=f"{server.url}/checkpoint-{{step}}.tar", **fields)
    return Series(name="tarred", title="Tarred", source=source, listed_steps=(0, 10, 20))


@pytest.fixture
def archive(checkpoints, server):
    content = archive_of(checkpoints / "step-10")
    server.files["/checkpoint-10.tar"] = content
    return content


def visible(cache):
    """What a failed fetch leaves that bears the name of a step."""
    return sorted(path.name for path in (cache / "checkpoints" / "tarred").glob("step-*"))


def test_an_archive_is_fetched_once_and_loads(server, archive, cache):
    series = series_at(server, tokenizer="roberta-base")
    assert not series.is_cached(10)
    location = series.fetch(10)
    assert location.model.endswith("tarred/step-10/checkpoint-10")
    assert (location.tokenizer, location.origin) == ("roberta-base", f"{server.url}/checkpoint-10.tar")
    load_classifier(location.model, revision=location.revision, num_labels=2)
    assert series.is_cached(10)
    server.files.clear()
    assert series.fetch(10, offline=True) == location
    assert len(server.requests) == 1
    left = {path.name for path in (cache / "checkpoints" / "tarred").iterdir()}
    assert left == {"step-10", ".step-10.lock"}


def test_a_compressed_archive_without_a_folder_inside(server, checkpoints):
    server.files["/checkpoint-10.tar"] = archive_of(checkpoints / "step-10", inside=".", mode="w:gz")
    assert series_at(server).fetch(10).model.endswith("tarred/step-10")


def test_a_broken_download_goes_on_where_it_broke(server, archive):
    server.num_breaks = 2
    assert series_at(server).is_cached(10) is False
    series_at(server).fetch(10)
    half = len(archive) // 2
    assert server.requests == [None, f"bytes={half}-", f"bytes={half + (len(archive) - half) // 2}-"]


def test_a_download_broken_in_an_earlier_run_is_gone_on_with(server, archive, cache):
    part = cache / "checkpoints" / "tarred" / ".step-10.tar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(archive[:1000])
    series_at(server).fetch(10)
    assert server.requests == ["bytes=1000-"]
    assert not part.exists()


def test_a_part_that_is_whole_already(server, archive, cache):
    part = cache / "checkpoints" / "tarred" / ".step-10.tar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(archive)
    series_at(server).fetch(10)
    assert server.requests == [f"bytes={len(archive)}-"]


def test_a_part_longer_than_the_file_is_thrown_away(server, archive, cache):
    part = cache / "checkpoints" / "tarred" / ".step-10.tar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(archive + b"more")
    series_at(server).fetch(10)
    assert server.requests[-1] is None


def test_a_server_without_ranges_starts_anew(server, archive):
    server.ranges = False
    server.num_breaks = 1
    series_at(server).fetch(10)
    assert len(server.requests) == 2


def test_a_connection_that_keeps_breaking_is_told_and_the_part_kept(server, archive, cache, monkeypatch):
    monkeypatch.setattr("lit_idim.series.download._CHUNK_BYTES", 1)
    server.files["/checkpoint-10.tar"] = b"x"  # half of one byte is none: no progress
    server.num_breaks = 100
    with pytest.raises(CheckpointUnavailableError, match="step 10 of series 'tarred'.*the connection broke.*Run again"):
        series_at(server).fetch(10)
    assert len(server.requests) == 3
    assert visible(cache) == []


def test_a_right_checksum_passes(server, archive):
    series_at(server, sha256={10: hashlib.sha256(archive).hexdigest().upper()}).fetch(10)


def test_a_wrong_checksum_is_told_and_nothing_is_left(server, archive, cache):
    with pytest.raises(UserError, match="step 10 of series 'tarred'.*wrong checksum: expected sha256 0000"):
        series_at(server, sha256={10: "0" * 64}).fetch(10)
    assert visible(cache) == []
    assert not list((cache / "checkpoints" / "tarred").glob("*.tar*"))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ({"name": "../escaped"}, "'../escaped' that would lie outside"),
        ({"name": "checkpoint/../../escaped"}, "would lie outside"),
        ({"name": "/tmp/lit-idim-escaped"}, "would lie outside"),
        (
            {"name": "link", "kind": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
            "'link' that is a link to '/etc/passwd'",
        ),
        ({"name": "link", "kind": tarfile.SYMTYPE, "linkname": "../../x"}, "is a link to"),
        ({"name": "link", "kind": tarfile.LNKTYPE, "linkname": "checkpoint/config.json"}, "is a link to"),
        ({"name": "pipe", "kind": tarfile.FIFOTYPE}, "is neither file nor folder"),
    ],
)
def test_a_member_that_is_no_plain_file_refuses_the_archive(server, cache, member, reason):
    server.files["/checkpoint-10.tar"] = archive_with(**member)
    with pytest.raises(UserError, match=f"step 10 of series 'tarred'.*{re.escape(reason)}"):
        series_at(server).fetch(10)
    assert visible(cache) == []
    assert sorted(path.name for path in (cache / "checkpoints" / "tarred").iterdir()) == [".step-10.lock"]
    assert not list(cache.parent.rglob("*escaped"))


@pytest.mark.parametrize("damage", [lambda content: content[:3000], lambda content: b"no tar at all"])
def test_a_truncated_archive(server, archive, cache, damage):
    server.files["/checkpoint-10.tar"] = damage(archive)
    with pytest.raises(UserError, match="step 10 of series 'tarred'.*truncated or damaged"):
        series_at(server).fetch(10)
    assert visible(cache) == []


def test_an_archive_without_a_checkpoint(server, checkpoints, cache):
    server.files["/checkpoint-20.tar"] = archive_of(checkpoints / "vocab.txt")
    with pytest.raises(UserError, match="step 20 of series 'tarred'.*no complete checkpoint: it has no config.json"):
        series_at(server).fetch(20)
    assert visible(cache) == []


def test_a_cached_checkpoint_that_was_damaged_since(server, archive):
    series = series_at(server)
    location = series.fetch(10)
    (Path(location.model) / "model.safetensors").unlink()
    assert not series.is_cached(10)
    with pytest.raises(UserError, match="step 10 of series 'tarred' is not a complete checkpoint.*no weights.*remove"):
        series.fetch(10)


def test_a_step_that_the_server_does_not_have(server, archive):
    series = series_at(server)
    with pytest.raises(UserError, match="step 20 of series 'tarred' does not exist.*404") as caught:
        series.fetch(20)
    assert not isinstance(caught.value, CheckpointUnavailableError)
    series.fetch(10)


def test_offline_nothing_is_asked(server, archive):
    with pytest.raises(CheckpointUnavailableError, match="step 10 of series 'tarred' is not in the cache"):
        series_at(server).fetch(10, offline=True)
    assert server.requests == []


def test_no_network():
    source = TarSource(series="tarred", url="http://127.0.0.1:9/{step}.tar")
    with pytest.raises(CheckpointUnavailableError, match="step 10 of series 'tarred'.*refused"):
        source.fetch(10)


def test_a_cache_folder_that_cannot_be_written(server, archive, cache):
    cache.write_text("a file in its place")
    with pytest.raises(UserError, match="step 10 of series 'tarred'.*LIT_IDIM_CACHE"):
        series_at(server).fetch(10)
