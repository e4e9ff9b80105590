import re
from pathlib import Path

import pytest

from lit_idim.errors import UserError
from lit_idim.resources import resource_path
from lit_idim.series import CheckpointUnavailableError, FolderSource, load_series, registered_series
from lit_idim.series.reading import read_series

FILES = sorted(resource_path("checkpoints").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_shipped_file_is_understood(path):
    for series in read_series(path):
        assert series.name in registered_series()
        assert "{" not in "".join(
            filter(None, (series.name, series.title, series.url, series.notes, series.tokens_per_step_reason))
        )
        assert series.citation is None or re.search(r"\b20\d\d\b", series.citation)
        if isinstance(series.source, FolderSource):
            continue
        # Where tokens are not known the reason is.
        assert (series.tokens_per_step is None) == (series.tokens_per_step_reason is not None)
        assert series.citation and series.url and series.architecture
        if series.listed_steps is None:
            with pytest.raises(CheckpointUnavailableError, match=re.escape(repr(series.name))):
                _ = series.steps
        else:
            assert list(series.steps) == sorted(set(series.steps))
            assert len({series.source.origin(step) for step in series.steps}) == len(series.steps)
            assert not series.is_cached(series.steps[0])


@pytest.mark.parametrize(
    ("name", "num_steps", "step", "origin"),
    [
        ("probe-across-time-roberta", 62, 6400, "savesteps/checkpoint-6400.tar"),
        ("multiberts-seed-3", 29, 20_000, "google/multiberts-seed_3-step_20k"),
        ("earlyberts-seed-0", 31, 40_000, "personads/earlyberts-seed0@step40000"),
        ("miniberta-2", 4, 10**8, "nyu-mll/roberta-base-100M-2"),
        ("pythia-1.4b-deduped", 154, 143_000, "EleutherAI/pythia-1.4b-deduped@step143000"),
    ],
)
def test_steps_and_addresses_of_the_specification(name, num_steps, step, origin):
    series = load_series(name)
    assert len(series.steps) == num_steps
    assert step in series.steps
    assert series.source.origin(step).endswith(origin)


def test_unknown_name_lists_close_ones():
    with pytest.raises(UserError, match="did you mean pythia-70m"):
        load_series("pythia70m")


def test_a_plain_folder_is_a_series(folder):
    series = load_series(folder)
    assert (series.name, series.steps) == ("tiny", (0, 10, 20))
    assert series.tokens(10) is None


def test_a_folder_without_checkpoints_is_none(tmp_path):
    with pytest.raises(UserError, match="neither a series.yaml nor checkpoints"):
        load_series(tmp_path)


def test_a_file_of_several_series_needs_a_name():
    with pytest.raises(UserError, match="pass one of multiberts-seed-0"):
        load_series("checkpoints/multiberts.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is no YAML"),
        ("- 1", "expected a map"),
        ("{name: x}", "source is missing"),
        ("{name: a/b, source: {kind: folder, path: .}}", "name: expected a word"),
        ("{name: x, source: {kind: zip}}", "source.kind: expected one of folder"),
        ("{name: x, source: {kind: folder, path: ., url: y}}", "url is not understood"),
        ("{name: x, licence: mit, source: {kind: folder, path: .}}", "licence is not understood"),
        ("{name: x, source: {kind: tar, url: 'file:///etc/{step}'}, steps: [1]}", "expected an http or https"),
        ("{name: x, source: {kind: tar, url: 'http://x/y.tar'}, steps: [1]}", "expected {step}"),
        ("{name: x, source: {kind: tar, url: 'http://x/{step}', sha256: {'1': ab}}, steps: [1]}", "64 quoted"),
        ("{name: x, source: {kind: tar, url: 'http://x/{step}'}}", "steps: expected a list"),
        ("{name: x, source: {kind: tar, url: 'http://x/{step}'}, steps: [1, 1]}", "step 1 stands there twice"),
        ("{name: x, source: {kind: tar, url: 'http://x/{step}'}, steps: [-1]}", "expected a step"),
        (
            "{name: x, source: {kind: tar, url: 'http://x/{step}'}, steps: [{start: 1, stop: 4, step: 2}]}",
            "never reaches its stop",
        ),
        ("{name: x, source: {kind: hub_revision, repository: r, revision: main}, steps: [1]}", "expected {step}"),
        ("{name: x, source: {kind: hub_revision, repository: r}, steps: [1]}", "either revision or revision_pattern"),
        ("{name: x, source: {kind: hub_revision, repository: r, revision_pattern: a}, steps: query}", "a group"),
        ("{name: x, source: {kind: hub_revision, repository: r, revision: 'a{step}'}, steps: query}", "go together"),
        ("{name: x, source: {kind: folder, path: .}, tokens_per_step: 1.5}", "tokens_per_step: expected"),
        ("{name: x, source: {kind: folder, path: .}, checksums: {0: 12}}", "quoted texts"),
        ("{name: x, variants: 3, source: {kind: folder, path: .}}", "variants: expected"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        load_series(path)
    assert "bad.yaml" in str(caught.value) or "'x'" in str(caught.value)


def test_variants_are_combined(tmp_path):
    path = tmp_path / "many.yaml"
    path.write_text("name: x-{a}{b}\nvariants: {a: [1, 2], b: ['', -c]}\nsource: {kind: folder, path: 'f-{a}'}\n")
    found = read_series(path)
    assert [series.name for series in found] == ["x-1", "x-1-c", "x-2", "x-2-c"]
    assert found[2].source.path == Path(tmp_path / "f-2")
