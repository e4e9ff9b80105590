import pytest
import yaml

from lit_idim.yaml_text import MAX_VALUES, parse_yaml

ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30))


def test_what_safe_load_reads_is_read_alike() -> None:
    text = "a: &a [1, 2.5, null]\nb: *a\nc: {<<: {d: true}, e: 2026-01-02}\n"
    assert parse_yaml(text) == yaml.safe_load(text)
    assert parse_yaml("") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ALIASES, f"more than {MAX_VALUES:,} values"),
        ("&a [*a]", "holds itself"),
        ("a: &a {b: *a}", "holds itself"),
        ("[" * 5000, "nested too deeply"),
        ("!!int ''", "does not fit its tag"),
        ("!!timestamp x", "does not fit its tag"),
        ("2001-99-99", "does not fit its tag"),
        ("!!bool x", "does not fit its tag"),
        ("!!python/object/apply:os.mkdir [x]", "could not determine a constructor"),
        ("a: b: c", "not allowed"),
        ("\0", "not allowed"),
    ],
)
def test_what_cannot_be_read_is_one_kind_of_error(text: str, message: str) -> None:
    with pytest.raises(yaml.YAMLError, match=message):
        parse_yaml(text)
