"""`series.yaml`: whatever is in it becomes a series or an error that names the file."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lit_idim.errors import UserError
from lit_idim.series.reading import read_series

from .inputs import answer, fuzzed, snapshot
from .yaml_inputs import ALIASES, VALUES, documents

VALID: list[dict[str, Any]] = [
    {"name": "own", "source": {"kind": "folder", "path": ".", "pattern": "step-{step}"}, "steps": [0, 10]},
    {"name": "own", "source": {"kind": "tar", "url": "https://a/{step}.tar", "sha256": {0: "0" * 64}}, "steps": [0]},
    {"name": "own", "source": {"kind": "hub_revision", "repository": "a/b", "revision": "step{step}"}, "steps": [1]},
    {"name": "own", "source": {"kind": "hub_revision", "repository": "a/b", "revision_pattern": "s(?P<step>[0-9]+)"},
     "steps": "query"},
    {"name": "own", "source": {"kind": "hub_repository", "repositories": {0: "a/b", 10: "a/c"}}},
    {"name": "own", "source": {"kind": "fairseq", "path": ".", "dictionary": "dict.txt", "bpe": "bpe"}},
    {"name": "own", "source": {"kind": "fairseq2", "path": "run"}, "tokenizer": "roberta-base"},
    {"name": "own-{n}", "source": {"kind": "folder", "path": "{n}"}, "variants": {"n": [1, 2], "m": ["a", "b"]},
     "steps": [{"start": 0, "stop": 100, "step": 10}], "checksums": {0: "00"}},
    {"name": "own", "extends": "multiberts-seed_0", "source": {"kind": "hub_repository"}, "steps": [20000]},
]  # fmt: skip
KEYS = (
    *("name", "title", "source", "steps", "unit", "tokens_per_step", "tokenizer", "checksums", "variants", "extends"),
    *("architecture", "family_model", "family", "license", "notes", "unknown"),
)
STEPS = st.fixed_dictionaries({name: st.sampled_from([0, 1, 7, 10**12, 10**30]) for name in ("start", "stop", "step")})
MANY = st.dictionaries(st.sampled_from("abcdef"), st.just(list(range(200))), max_size=6)


@fuzzed(80)
@given(content=documents(KEYS, VALID, st.one_of(VALUES, st.lists(STEPS, min_size=1, max_size=2), MANY)))
@example(content=b"name: own\nsource: {kind: folder, path: .}\n" + ALIASES + b"steps: *a29\n")
@example(content=b"name: own\nsource: {kind: folder, path: .}\nsteps: " + b"[" * 5000)
@example(content=b"name: own\nsource: {kind: folder, path: .}\nsteps: [{start: 0, stop: 1000000000000, step: 1}]")
def test_series_file(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "series"
    folder.mkdir(exist_ok=True)
    path = folder / "series.yaml"
    path.write_bytes(content)
    found = answer(lambda: read_series(path), "series.yaml", "series '", 'series "')
    if not isinstance(found, UserError):
        for series in found:
            assert 0 < len(series.name.encode()) <= 200 and "/" not in series.name and series.name.isprintable()
            steps = answer(lambda series=series: series.find_steps(offline=True))
            if not isinstance(steps, UserError):
                assert list(steps) == sorted(set(steps))
                for step in steps[:2]:
                    answer(lambda series=series, step=step: (series.source.origin(step), series.source.is_cached(step)))
    assert {path.name for path in folder.iterdir()} == {"series.yaml"} and snapshot(folder) == {str(path)}
