"""What the package's source never says: code out of pickles or repositories, run by default."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lit_idim.resources import resource_path

PACKAGE = Path(__file__).parents[1] / "lit_idim"
UNPICKLERS = {"load", "loads", "Unpickler", "read_pickle", "hub"}


def files() -> list[Path]:
    return sorted([*PACKAGE.rglob("*.py"), *resource_path("studies").rglob("*.py")])


def called(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Calls with the dotted name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> object:
    """Value of a keyword; None if it is not given, an expression as its text."""
    for given in call.keywords:
        if given.arg == name:
            return given.value.value if isinstance(given.value, ast.Constant) else ast.unparse(given.value)
    return None


def faults(text: str) -> list[str]:
    """What is wrong with a source, by line."""
    tree, found = ast.parse(text), []
    for name, call in called(tree):
        is_unpickler = name.split(".")[0] in ("pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal")
        if name in ("torch.load", "torch_load") and keyword(call, "weights_only") is not True:
            found.append(f"{call.lineno}: torch.load without weights_only=True")
        if name.endswith(".load_from_checkpoint") and keyword(call, "weights_only") is not True:
            found.append(f"{call.lineno}: load_from_checkpoint without weights_only=True")
        if (is_unpickler and name.rpartition(".")[2] in UNPICKLERS) or name.startswith("torch.hub."):
            found.append(f"{call.lineno}: {name}")
        if name in ("yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all"):
            found.append(f"{call.lineno}: {name}")
        if name in ("eval", "exec", "os.system", "os.popen") or keyword(call, "shell") is True:
            found.append(f"{call.lineno}: {name} runs what it is given")
        if name.endswith("allow_pickle") or keyword(call, "allow_pickle") not in (None, False):
            found.append(f"{call.lineno}: allow_pickle")
        if keyword(call, "trust_remote_code") not in (None, False):
            found.append(f"{call.lineno}: trust_remote_code={keyword(call, 'trust_remote_code')}")
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module in ("torch", "pickle")
            and {"load", "loads"} & {alias.name for alias in node.names}
        ):
            found.append(f"{node.lineno}: load under a name of its own")
        is_parameter = isinstance(node, ast.arg) and node.arg == "trust_remote_code"
        is_setting = isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "trust_remote_code"
        if is_parameter or (is_setting and getattr(node.value, "value", None) is not False):  # type: ignore[attr-defined]
            found.append(f"{node.lineno}: trust_remote_code is a parameter")  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_a_source_runs_nothing_that_it_reads(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=is_safe)",
        "Model.load_from_checkpoint(path)",
        "pickle.loads(content)",
        "torch.hub.load('a', 'b')",
        "from torch import load",
        "yaml.load(text, Loader)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=settings.trust)",
        "def load(trust_remote_code=True): ...",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "eval(text)",
    ],
)
def test_the_scan_can_fail(line: str) -> None:
    assert faults(line)


def test_the_scan_sees_calls_of_the_package() -> None:
    calls = [name for path in files() for name, _ in called(ast.parse(path.read_text(encoding="utf-8")))]
    assert calls.count("torch.load") >= 4
    assert any(name.endswith("from_pretrained") for name in calls)
