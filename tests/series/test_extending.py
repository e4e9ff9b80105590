import tarfile
from pathlib import Path

import pytest

from lit_idim.errors import UserError
from lit_idim.series import load_series
from lit_idim.series.reading import read_series

BASE = "probe-across-time-roberta"


def written(folder: Path, text: str) -> Path:
    path = folder / "mirror.yaml"
    path.write_text(text)
    return path


def test_another_server_holds_the_same_series(tmp_path):
    mirror = load_series(
        written(tmp_path, f"{{name: mirror, extends: {BASE}, source: {{url: 'http://127.0.0.1:9/{{step}}.tar'}}}}")
    )
    shipped = load_series(BASE)
    assert mirror.source.origin(20_000) == "http://127.0.0.1:9/20000.tar"
    assert (mirror.steps, mirror.tokenizer, mirror.family_model) == (shipped.steps, "roberta-base", "roberta-base")
    assert (mirror.citation, mirror.tokens_per_step_reason) == (shipped.citation, shipped.tokens_per_step_reason)


def test_what_is_cached_is_kept_apart_from_the_shipped_series(tmp_path, server, checkpoints, cache):
    with tarfile.open(tmp_path / "archive.tar", "w") as tar:
        tar.add(checkpoints / "step-10", "checkpoint-10")
    server.files["/a/10.tar"] = (tmp_path / "archive.tar").read_bytes()
    url = f"{server.url}/a/{{step}}.tar"
    mirror = load_series(written(tmp_path, f"{{name: mirror, extends: {BASE}, source: {{url: '{url}'}}}}"))
    location = mirror.fetch(10)
    assert Path(location.model).is_relative_to(cache / "checkpoints" / "mirror")
    assert location.origin == f"{server.url}/a/10.tar"
    assert mirror.is_cached(10) and not load_series(BASE).is_cached(10)


def test_fields_of_the_source_are_put_over_one_by_one_and_others_as_a_whole(tmp_path):
    digest = "a" * 64
    text = f"{{name: mirror, extends: {BASE}, steps: [20], tokenizer: other, source: {{sha256: {{20: '{digest}'}}}}}}"
    mirror = load_series(written(tmp_path, text))
    assert (mirror.steps, mirror.tokenizer, mirror.source.sha256) == ((20,), "other", {20: digest})
    assert mirror.source.url == load_series(BASE).source.url


def test_variants_may_be_made_of_a_series(tmp_path):
    text = (
        f"name: mirror-{{corpus}}\nextends: {BASE}\nvariants: {{corpus: [A, B]}}\n"
        "source: {url: 'http://127.0.0.1:9/{corpus}/{step}.tar'}\n"
    )
    found = read_series(written(tmp_path, text))
    assert [series.source.origin(0) for series in found] == [f"http://127.0.0.1:9/{corpus}/0.tar" for corpus in "AB"]
    assert [series.name for series in found] == ["mirror-A", "mirror-B"]


def test_a_series_of_a_shipped_file_with_variants_is_extended(tmp_path):
    mirror = load_series(written(tmp_path, "{name: mirror, extends: multiberts-seed-3, steps: [20000]}"))
    assert mirror.source.origin(20_000) == "google/multiberts-seed_3-step_20k"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{name: mirror, extends: roberta}", "mirror.yaml: extends: expected the name of a series .* got 'roberta'"),
        ("{name: mirror, extends: [a]}", r"extends: expected the name of a series .* got \['a'\]"),
        ("{name: mirror, extends: mini}", "extends: 'mini' is a folder of this machine"),
        (f"{{name: {BASE}, extends: {BASE}}}", f"name: '{BASE}' is the name of a series that lit-idim ships"),
        (f"{{extends: {BASE}}}", "name is missing"),
        (f"{{name: mirror, extends: {BASE}, source: here}}", "source: expected a map, got 'here'"),
        (f"{{name: mirror, extends: {BASE}, base_url: here}}", "base_url is not understood"),
    ],
)
def test_what_cannot_be_extended_is_refused(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        load_series(written(tmp_path, text))
