import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, RobertaConfig, RobertaForMaskedLM

from lit_idim.errors import UserError
from lit_idim.series import load_series
from lit_idim.series.untrained import UNTRAINED_FILE, make_untrained, write_untrained
from lit_idim.series.verification import verify_series
from lit_idim.subspace.initialization import initialize_parameters
from lit_idim.toy import build_toy_tokenizer


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def drawn_model(seed: int) -> RobertaForMaskedLM:
    tokenizer = build_toy_tokenizer()
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=34, type_vocab_size=1,
    )  # fmt: skip
    model = RobertaForMaskedLM(config)
    initialize_parameters(model, [name for name, _ in model.named_parameters()], seed=seed)
    return model.bfloat16()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A series whose step 0 is told by its seed."""
    drawn_model(5).save_pretrained(tmp_path / "series" / "step-3")
    step = tmp_path / "series" / "step-0"
    drawn_model(5).config.save_pretrained(step)
    config = json.loads((step / "config.json").read_text()) | {"architectures": ["RobertaForMaskedLM"]}
    (step / "config.json").write_text(json.dumps(config))
    build_toy_tokenizer().save_pretrained(step)
    write_untrained(step, seed=5, dtype="bfloat16")
    return step


def test_the_weights_are_drawn_as_they_were(folder: Path) -> None:
    location = load_series(str(folder.parent)).fetch(0)
    found = load_file(Path(location.model) / "model.safetensors")
    expected = load_file(folder.parent / "step-3" / "model.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert len(AutoTokenizer.from_pretrained(location.model)) == len(build_toy_tokenizer())


def test_they_are_made_once_and_anew_for_another_seed(folder: Path) -> None:
    made = make_untrained(folder)
    before = (made / "model.safetensors").stat().st_mtime_ns
    assert make_untrained(folder) == made
    assert (made / "model.safetensors").stat().st_mtime_ns == before
    write_untrained(folder, seed=6, dtype="bfloat16")
    assert make_untrained(folder) != made


def test_the_step_counts_and_is_verified(folder: Path) -> None:
    series = load_series(str(folder.parent))
    assert series.steps == (0, 3) and series.is_cached(0)
    reports = list(verify_series(series))
    assert reports[0].checksum == reports[1].checksum is not None
    assert [report.status for report in reports] == ["ok", "bad"]  # identical neighbours


def test_a_damaged_recipe_is_named(folder: Path) -> None:
    (folder / UNTRAINED_FILE).write_text("{}")
    with pytest.raises(UserError, match="does not say how to draw its untrained weights"):
        make_untrained(folder)


def test_a_cache_that_cannot_be_written_is_named(folder: Path, cache: Path) -> None:
    shutil.rmtree(cache, ignore_errors=True)
    cache.write_text("a file where the folder should be")
    with pytest.raises(UserError, match="set LIT_IDIM_CACHE"):
        make_untrained(folder)
