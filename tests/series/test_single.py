from pathlib import Path

import pytest

from lit_idim.errors import UserError
from lit_idim.resources import resource_path
from lit_idim.series import single_model
from lit_idim.series.size import count_checkpoint_parameters


def test_a_shipped_folder() -> None:
    series = single_model("checkpoints/toy-L2-H128/step-4000")
    assert (series.name, series.steps, series.is_single) == ("toy-L2-H128-step-4000", (0,), True)
    location = series.fetch(0)
    assert Path(location.model) == resource_path("checkpoints") / "toy-L2-H128" / "step-4000"
    count = count_checkpoint_parameters(series, 0, 2)
    assert series.is_cached(0) and count is not None and count.D == 497_410


def test_a_name_of_the_hub() -> None:
    series = single_model("someone/model@v2")
    assert (series.name, series.source.origin(0), series.family_model) == ("someone/model@v2", "someone/model@v2", None)
    assert single_model("someone/model", revision="v2", name="mine").name == "mine"


def test_a_model_of_a_family_tells_its_size_before_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    series = single_model("roberta-base")
    assert series.source.origin(0) == "FacebookAI/roberta-base"
    count = count_checkpoint_parameters(series, 0, 2)
    assert count is not None and count.D == 124_647_170


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="revision: .* is a folder and has none"):
        single_model(str(tmp_path), revision="main")
    with pytest.raises(UserError, match="is not a complete checkpoint"):
        single_model(str(tmp_path)).fetch(0)
