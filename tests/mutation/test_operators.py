import ast
from pathlib import Path

import pytest

from tests.mutation.__main__ import _listed, _table
from tests.mutation.operators import mutants
from tests.mutation.subsets import SUBSETS

ROOT = Path(__file__).parents[2]
SOURCE = b'''"""A number 5."""
def f(x: int = 3) -> bool:
    if x < 2 and not g(x):
        raise ValueError(f"expected 2, got {x + 1}")
    x += min(x, -1)
    return True
'''


def test_each_fault_is_one_change() -> None:
    found = {(mutant.operator, mutant.before, mutant.after) for mutant in mutants("f.py", SOURCE)}
    assert found == {
        ("number", "3", "4"), ("number", "2", "3"), ("number", "1", "2"), ("boolean", "True", "False"),
        ("condition", "x < 2 and not g(x)", "(not (x < 2 and (not g(x))))"),
        ("and/or", "x < 2 and not g(x)", "(x < 2 or not g(x))"),
        ("comparison", "x < 2", "(x <= 2)"), ("sign", "not g(x)", "(g(x))"), ("sign", "-1", "(1)"),
        ("statement", 'raise ValueError(f"expected 2, got {x + 1}")', "pass"),
        ("arithmetic", "x += min(x, -1)", "x -= min(x, -1)"), ("statement", "x += min(x, -1)", "pass"),
        ("call", "min", "max"),
    }  # fmt: skip


@pytest.mark.parametrize("path", SUBSETS)
def test_mutants_are_programs_that_differ(path: str) -> None:
    source = (ROOT / path).read_bytes()
    program = ast.dump(ast.parse(source))
    found = mutants(path, source)
    assert found or path.endswith("__init__.py")
    for mutant in found[::7]:
        assert ast.dump(ast.parse(mutant.apply(source))) != program, mutant


def test_every_subset_has_its_tests() -> None:
    assert all((ROOT / name).is_file() for files, _ in SUBSETS.values() for name in files)


@pytest.mark.parametrize(
    ("source", "later"), [(b"a = 1 + 2\nb = 1 + 2\n", b""), (b"a = 5 - 6\nb = 1 + 2 | 4\n", b"\n\n")]
)
def test_a_table_s_faults_are_found_again(source: bytes, later: bytes) -> None:
    path = "lit_idim/d90/some.py"
    table = _table([(mutant, "survived" if mutant.line > 1 else "killed") for mutant in mutants(path, source)])
    population = mutants(path, later + source)
    listed = [mutant for mutant in population if mutant.line > 1 + len(later)]
    assert len(listed) >= 3 and _listed(table, population) == listed
