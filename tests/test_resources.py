from pathlib import Path

import pytest

from lit_idim.errors import UserError
from lit_idim.resources import RESOURCE_FOLDERS, find_resource, resource_path


@pytest.mark.parametrize("name", RESOURCE_FOLDERS)
def test_every_shipped_folder_is_found_and_holds_files(name: str) -> None:
    assert any(path.is_file() for path in resource_path(name).rglob("*"))


def test_unknown_folder_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="configs, studies, checkpoints"):
        resource_path("tests")


def test_shipped_file_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = next(path for path in resource_path("checkpoints").iterdir() if path.is_file())
    assert find_resource(f"checkpoints/{shipped.name}") == shipped


def test_own_file_comes_before_the_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = next(path for path in resource_path("checkpoints").iterdir() if path.is_file())
    own = tmp_path / "checkpoints" / shipped.name
    own.parent.mkdir()
    own.write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert find_resource(f"checkpoints/{shipped.name}").read_text() == "mine"


@pytest.mark.parametrize("path", ["studies/absent.py", "absent.py", "/studies/absent.py"])
def test_missing_file_is_named(path: str) -> None:
    with pytest.raises(UserError, match=f"{path} does not exist"):
        find_resource(path)
