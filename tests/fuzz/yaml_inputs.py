"""Hostile YAML: documents by a grammar of the right keys and wrong values, and damaged files."""

from collections.abc import Sequence
from typing import Any

import yaml
from hypothesis import strategies as st

from .inputs import damaged

ALIASES = b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 30))
TOKENS = (
    *(b"!!python/object/apply:os.mkdir [ran]", b"!!int ''", b"!!timestamp x", b"!!float y", b"!!bool z", b"2001-99-99"),
    *(
        b"&a [*a]",
        b"*a",
        b"<<: [",
        b"? {a: b} : c\n",
        b"!!set {a}",
        b"!!binary x",
        b"=",
        b"- ",
        b"\t",
        b"\x00",
        b"\xff",
    ),
    *(b'"\\ud800"', b"0x_", b"1:99", b".nan", b".inf", b"~nobody/x", b"[" * 2000, b"9" * 5000, b"x" * 300, b"\n---\n"),
)
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 5),
    st.sampled_from([2**31, 2**63, 10**30, 1000]),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["{step}", "{thousands}", "x" * 300, "a\0b", "../..", "/", "~nobody/x", "~", ".", "", "query"]),
    st.dates(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3),
    ),
    max_leaves=5,
)  # fmt: skip


def documents(keys: Sequence[str], valid: Sequence[dict[str, Any]], values: st.SearchStrategy[Any] = VALUES) -> Any:
    """Texts of documents: valid ones with some values changed, added or left out."""

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        document = dict(draw(st.sampled_from(valid)))
        for key in draw(st.lists(st.sampled_from(keys), max_size=3)):
            if draw(st.booleans()) and isinstance(document.get(key), dict):
                inner = dict(document[key])
                inner[draw(st.sampled_from([*inner, "another"]))] = draw(values)
                document[key] = inner
            elif draw(st.integers(0, 4)):
                document[key] = draw(values)
            else:
                document.pop(key, None)
        return yaml.safe_dump(document, sort_keys=False, allow_unicode=draw(st.booleans())).encode(errors="replace")

    dumped = [yaml.safe_dump(document, sort_keys=False).encode() for document in valid]
    return st.one_of(changed(), damaged(dumped, (*TOKENS, ALIASES)), st.binary(max_size=40))
