"""Small faults that a programmer could make, one at a time: the mutants of a file.

Names, strings, annotations, decorators, assertions and what errors say stay as they are: a mutant is to change a
number or a decision.
"""

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "argmax": "argmin"}
NOT_OF_THE_RESULT = {"strict", "stacklevel", "maxsize", "device", "dtype"}
"""Keywords that say how something is computed or checked."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One changed place.

    Attributes:
        path: of the file, from the root of the repository.
        line: of the place.
        operator: kind of the fault.
        before: the place as it is.
        after: as it is in the mutant.
        start, stop: byte offsets of the place.
    """

    path: str
    line: int
    operator: str
    before: str
    after: str
    start: int
    stop: int

    def apply(self, source: bytes) -> bytes:
        """The mutant's source."""
        return source[: self.start] + self.after.encode() + source[self.stop :]


def mutants(path: str, source: bytes) -> list[Mutant]:
    """All mutants of a Python file, in order."""
    offsets = [0]
    for line in source.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))

    def mutant(node: ast.AST, operator: str, after: str) -> Mutant:
        start = offsets[node.lineno - 1] + node.col_offset
        stop = offsets[node.end_lineno - 1] + node.end_col_offset
        before = source[start:stop].decode()
        return Mutant(
            path=path, line=node.lineno, operator=operator, before=before, after=after, start=start, stop=stop
        )

    found = [mutant(*change) for node in _places(ast.parse(source)) for change in _changes(node)]
    return sorted(found, key=lambda one: (one.start, one.stop, one.operator, one.after))


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that may be changed."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        if isinstance(node, (ast.Raise, ast.Assert, ast.JoinedStr)) or _is_type_alias(node):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.keyword) and child.arg in NOT_OF_THE_RESULT:
                continue
            if isinstance(child, ast.AST):
                yield from _places(child)


def _is_type_alias(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and _is_name_of_a_type(node.targets[0])
    )


def _is_name_of_a_type(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id[0].isupper() and not node.id.isupper()


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    """Place, kind and text of each fault of a node."""
    if isinstance(node, ast.Compare):
        for position, operator in enumerate(node.ops):
            after = _changed(node, lambda new, i=position, op=operator: new.ops.__setitem__(i, COMPARISONS[type(op)]()))
            yield node, "comparison", f"({after})"
    elif isinstance(node, ast.BinOp):
        after = _changed(node, lambda new: setattr(new, "op", ARITHMETIC[type(node.op)]()))
        yield node, "arithmetic", f"({after})"
    elif isinstance(node, ast.AugAssign):
        yield node, "arithmetic", _changed(node, lambda new: setattr(new, "op", ARITHMETIC[type(node.op)]()))
        yield node, "statement", "pass"
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, "and/or", f"({_changed(node, lambda new: setattr(new, 'op', other))})"
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.UAdd):
        yield node, "sign", f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield node, "number", repr(node.value + 1 if isinstance(node.value, int) else 2 * node.value or 1.0)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, "boolean", repr(not node.value)
    elif isinstance(node, ast.Call) and (name := _name(node.func)) in CALLS:
        yield node.func, "call", ast.unparse(node.func)[: -len(name)] + CALLS[name]
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)) and _name(node.test) != "TYPE_CHECKING":
        yield node.test, "condition", f"(not ({ast.unparse(node.test)}))"
    elif isinstance(node, ast.comprehension):
        yield from ((test, "condition", f"(not ({ast.unparse(test)}))") for test in node.ifs)
    elif isinstance(node, (ast.Break, ast.Continue)):
        yield node, "jump", "continue" if isinstance(node, ast.Break) else "break"
    elif _is_deletable(node):
        yield node, "statement", "pass"


def _is_deletable(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return all(isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets)
    return isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))


def _changed(node: Node, change: Callable[[Node], None]) -> str:
    new = deepcopy(node)
    change(new)
    return ast.unparse(new)


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
