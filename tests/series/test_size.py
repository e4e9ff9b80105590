import json
import shutil

import pytest

from lit_idim.errors import UserError
from lit_idim.families import find_model
from lit_idim.series import FolderSource, HubRepositorySource, Series, load_series, registered_series
from lit_idim.series.reading import read_series
from lit_idim.series.size import count_checkpoint_parameters
from lit_idim.series.writing import write_series
from lit_idim.subspace import find_layout
from lit_idim.subspace.loading import load_classifier

ALL = [load_series(name) for name in registered_series()]
SHIPPED = [series for series in ALL if isinstance(series.source, FolderSource)]
ELSEWHERE = [series for series in ALL if not isinstance(series.source, FolderSource)]


@pytest.mark.parametrize("series", ELSEWHERE, ids=lambda series: series.name)
def test_the_family_model_exists_and_is_the_series_own(series):
    if series.family_model is None:
        return
    model = find_model(series.family_model)
    # An architecture in words begins with the family's; the ids of those with sizes in their names hold the size.
    word = {"roberta": "RoBERTa", "bert": "BERT", "gpt_neox": "GPT-NeoX", "modernbert": "ModernBERT"}[model.model_type]
    assert series.architecture.startswith(word)
    if series.name.startswith(("pythia", "ettin")):
        assert series.source.repository.removesuffix("-deduped") == model.repository


def test_every_series_of_a_registered_architecture_names_its_model():
    without = {series.name.split("-")[0] for series in ELSEWHERE if series.family_model is None}
    # Of MiniBERTas the first step is a smaller model; of the others no family is registered.
    assert without == {"amber", "bloom", "miniberta", "olmo", "smollm3", "stanford"}


def test_D_of_the_papers_model_needs_no_download():
    count = count_checkpoint_parameters(load_series("probe-across-time-roberta"), 20_000, 2)
    assert (count.D, count.m) == (124_647_170, 14)
    # Another label is another row of the head.
    assert count_checkpoint_parameters(load_series("probe-across-time-roberta"), 0, 3).D == count.D + 768 + 1


@pytest.mark.parametrize("series", SHIPPED, ids=lambda series: series.name)
def test_D_of_shipped_checkpoints_is_that_of_the_loaded_model(series, cache):
    step = series.steps[-1]
    layout = find_layout(load_classifier(series.fetch(step).model, num_labels=3))
    count = count_checkpoint_parameters(series, step, 3)
    assert (count.D, count.m) == (layout.D, layout.m)
    # The untrained checkpoint is of the same size, and is not drawn to tell it.
    assert series.steps[0] == 0 and count_checkpoint_parameters(series, 0, 3) == count
    assert not (cache / "checkpoints" / "untrained").exists()


def test_a_checkpoint_on_this_machine_tells_more_than_the_series_says(tmp_path, checkpoints):
    source = HubRepositorySource(series="hubbed", repository="some/model-{step}")
    series = Series(name="hubbed", title="Hubbed", source=source, listed_steps=(10, 20), family_model="bert-L2-H128")
    folder = tmp_path / "hub" / "models--some--model-10"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    shutil.copytree(checkpoints / "step-10", folder / "snapshots" / ("0" * 40))
    layout = find_layout(load_classifier(str(checkpoints / "step-10"), num_labels=2))
    assert count_checkpoint_parameters(series, 10, 2).D == layout.D
    assert count_checkpoint_parameters(series, 20, 2) == find_model("bert-L2-H128").count_parameters(2)


def test_what_is_not_known_is_none():
    assert count_checkpoint_parameters(load_series("miniberta-1"), 10**8, 2) is None


def test_a_damaged_config_is_told(folder):
    (folder / "step-10" / "config.json").write_text(json.dumps({"hidden_size": 8}))
    with pytest.raises(UserError, match=r"step-10/config.json does not tell the architecture \(KeyError: 'model_type'"):
        count_checkpoint_parameters(load_series(folder), 10, 2)


def test_the_family_model_is_written_and_read_back(folder):
    series = Series(
        name="own", title="Own", source=FolderSource(series="own", path=folder), family_model="bert-base-uncased"
    )
    [found] = read_series(write_series(series, folder))
    assert found.family_model == "bert-base-uncased"
