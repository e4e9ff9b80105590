import sys

import pytest

from lit_idim.data.hub import load_from_hub
from lit_idim.errors import UserError
from lit_idim.tasks import get_split, get_task

datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")


def load(task: str, split: str):
    return load_from_hub(get_task(task), get_split(get_task(task), split))


def test_splits_are_asked_for_by_the_hubs_names_and_joined(monkeypatch) -> None:
    asked = []

    def load_dataset(dataset, config, *, split):
        asked.append((dataset, config, split))
        return datasets.Dataset.from_dict({"premise": [split], "hypothesis": ["h"], "label": [1], "uid": ["u"]})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    examples = load("anli", "dev")
    assert asked == [("facebook/anli", "plain_text", f"dev_r{number}") for number in (1, 2, 3)]
    assert examples.first == ["dev_r1", "dev_r2", "dev_r3"]
    assert examples.labels.tolist() == [1, 1, 1]


def test_test_labels_of_glue_are_secret(monkeypatch) -> None:
    dataset = datasets.Dataset.from_dict({"sentence": ["a", "b"], "label": [-1, -1], "idx": [0, 1]})
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: dataset)
    assert load("sst2", "test").labels is None


@pytest.mark.parametrize("error", [ConnectionError("Couldn't reach it"), ValueError("not in the cache")])
def test_without_network_and_cache_it_says_what_to_pass(monkeypatch, error) -> None:
    def load_dataset(*_, **__):
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(UserError, match=r"nyu-mll/glue \(mrpc\).*(reach|cache).*data_dir=FOLDER.*MRPC/: train\.tsv"):
        load("mrpc", "train")


def test_without_datasets_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="pip install datasets"):
        load("mrpc", "train")
