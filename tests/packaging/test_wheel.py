"""The wheel, installed into an environment without a checkout, works from any folder."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from lit_idim.resources import RESOURCE_FOLDERS

REPOSITORY = Path(__file__).parents[2]


def run(*words: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    finished = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=200)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def installed_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the commands of a new environment that holds the wheel, and today's packages for its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPOSITORY, cwd=folder)
    (wheel,) = folder.glob("lit_idim-*.whl")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=folder)
    site_packages = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    # Python does not read the .pth files of a folder added by a .pth file, so an editable lit_idim stays out.
    dependencies = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    (site_packages / "dependencies.pth").write_text("\n".join(sorted(dependencies)) + "\n")
    return folder / "env" / "bin"


# As `lightning run studies/NAME --help` finds and runs them, but in one process.
HELP_OF_EACH = """
import contextlib, runpy, sys
from lit_idim.resources import find_resource
for name in sys.argv[1:]:
    sys.argv = [name, "--help"]
    with contextlib.suppress(SystemExit):
        runpy.run_path(str(find_resource(f"studies/{name}")), run_name="__main__")
"""


def test_package_is_the_installed_one(installed_bin: Path, tmp_path: Path) -> None:
    location = run(installed_bin / "python", "-c", "import lit_idim; print(lit_idim.__file__)", cwd=tmp_path)
    assert Path(location.strip()).is_relative_to(installed_bin.parent)


def test_every_shipped_file_is_in_the_wheel(installed_bin: Path, tmp_path: Path) -> None:
    program = (
        "import json; from lit_idim.resources import RESOURCE_FOLDERS, resource_path; "
        "print(json.dumps({name: str(resource_path(name)) for name in RESOURCE_FOLDERS}))"
    )
    folders = json.loads(run(installed_bin / "python", "-c", program, cwd=tmp_path))
    for name in RESOURCE_FOLDERS:
        installed = Path(folders[name])
        assert installed.is_relative_to(installed_bin.parent)
        assert _files(installed) == _files(REPOSITORY / name) != set()


def test_commands_answer(installed_bin: Path, tmp_path: Path) -> None:
    assert "fit" in run(installed_bin / "lit-idim", "--help", cwd=tmp_path)
    assert "SCRIPT" in run(installed_bin / "lightning", "run", "--help", cwd=tmp_path)


def test_packaged_studies_start_from_any_folder(installed_bin: Path, tmp_path: Path) -> None:
    first, *others = sorted(path.name for path in (REPOSITORY / "studies").glob("*.py"))
    shown = run(installed_bin / "lightning", "run", f"studies/{first}", "--help", cwd=tmp_path)
    assert shown.startswith(f"usage: {first}")
    shown = run(installed_bin / "python", "-c", HELP_OF_EACH, *others, cwd=tmp_path)
    assert others and [name for name in others if f"usage: {name}" not in shown] == []
    assert list(tmp_path.iterdir()) == []


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}
