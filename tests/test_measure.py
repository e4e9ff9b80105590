"""`measure_d90` as a notebook would call it: a shipped model, a task by name or a dataset of one's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lit_idim
from lit_idim.d90 import SearchSettings
from lit_idim.errors import UserError
from lit_idim.study.d90_row import D90Row
from lit_idim.study.settings import TrainingSettings
from lit_idim.tasks import get_task
from lit_idim.tasks.user_task import read_user_task
from lit_idim.toy import toy_examples

datasets = pytest.importorskip("datasets")

MODEL = "checkpoints/toy-L1-H64/step-4000"
SMALL: dict[str, Any] = {
    "training": TrainingSettings(num_updates=12, batch_size=8, max_length=32, max_dev_examples=60),
    "search": SearchSettings(full_learning_rates=(1e-3, 3e-3), max_trainings=7, d_max=2000, tolerance=1.0),
}
Dataset = Callable[..., Any]


@pytest.fixture
def make_dataset() -> Dataset:
    def make(**changes: list[Any]) -> Any:
        """Sentences of the toy language in columns of another name; `changes` replace columns of train."""
        splits = {}
        for split, dev_name in (("train", "train"), ("dev", "validation")):
            examples = toy_examples("toy-opinion", split, num_examples=60)
            assert examples.labels is not None
            words = ["blame" if label == 0 else "praise" for label in examples.labels]
            columns = {"review": examples.first, "verdict": words, "id": list(range(60))}
            if split == "train":
                columns |= changes
            splits[dev_name] = datasets.Dataset.from_dict(columns)
        return datasets.DatasetDict(splits)

    return make


def of_reviews(dataset: Any, out: Path, **changes: Any) -> D90Row:
    given = {"text_columns": ["review"], "label_column": "verdict", "task_name": "verdicts", "out": out} | SMALL
    return lit_idim.measure_d90(MODEL, dataset, **(given | changes))


def test_a_task_by_name(tmp_path: Path) -> None:
    row = lit_idim.measure_d90(MODEL, "toy-opinion", out=tmp_path, **SMALL)
    assert (row.model, row.checkpoint, row.task, row.method) == ("toy-L1-H64-step-4000", "final", "toy-opinion", "said")
    assert row.pretraining_step is None and row.num_updates == 12 and row.status != "failed"
    assert row.full_score is not None and 0 <= row.full_score <= 1 and row.num_trainings >= 4
    assert {path.name for path in tmp_path.iterdir()} >= {"d90.csv", "trials.csv", "ledger.sqlite", "figures"}
    assert {path.name for path in (tmp_path / "figures").glob("*.png")} == {"score_against_d_toy-opinion_said.png"}
    seconds = row.seconds
    assert lit_idim.measure_d90(MODEL, "toy-opinion", out=tmp_path, **SMALL).seconds == seconds  # nothing was run again


def test_a_dataset_of_ones_own(tmp_path: Path, make_dataset: Dataset) -> None:
    row = of_reviews(make_dataset(), tmp_path, method="did", metric="matthews")
    assert (row.task, row.method, row.metric, row.chance_score) == ("verdicts", "did", "matthews", 0.0)
    assert (row.num_train_examples, row.num_dev_examples, row.status == "failed") == (60, 60, False)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*") if path.is_file()}
    again = of_reviews(make_dataset(), tmp_path, method="did", metric="matthews")
    assert again.seconds == row.seconds
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*") if path.is_file()} == before
    folder = str(tmp_path / "data" / "verdicts")  # from now on a task like any other
    by_name = lit_idim.measure_d90(MODEL, folder, method="did", out=tmp_path, **SMALL)
    assert by_name == again


def test_another_metric_and_order_of_columns_are_measured_anew(tmp_path: Path, make_dataset: Dataset) -> None:
    by_accuracy = of_reviews(make_dataset(), tmp_path)
    by_f1 = of_reviews(make_dataset(), tmp_path, metric="f1")
    assert (by_accuracy.metric, by_f1.metric) == ("accuracy", "f1") and by_f1.seconds != by_accuracy.seconds
    positives = sum(word == "praise" for word in make_dataset()["validation"]["verdict"]) / 60
    assert by_f1.chance_score == pytest.approx(2 * positives / (1 + positives))
    dataset = make_dataset()
    for split in dataset:
        dataset[split] = dataset[split].add_column("answer", [f"the {number}" for number in range(60)])
    for columns in (["review", "answer"], ["answer", "review"]):
        of_reviews(dataset, tmp_path / "pairs", text_columns=columns)
        assert get_task("verdicts").text_columns == tuple(columns)
        assert read_user_task(tmp_path / "pairs" / "data" / "verdicts").text_columns == tuple(columns)


def test_classes_that_the_splits_number_differently_are_refused(tmp_path: Path, make_dataset: Dataset) -> None:
    dataset = make_dataset()
    for split, names in (("train", ["blame", "praise"]), ("validation", ["praise", "blame"])):
        dataset[split] = dataset[split].cast_column("verdict", datasets.ClassLabel(names=names))
    with pytest.raises(UserError, match="the splits name their classes differently"):
        of_reviews(dataset, tmp_path)


def test_formats_of_the_user_do_not_matter(tmp_path: Path, make_dataset: Dataset) -> None:
    row = of_reviews(make_dataset().with_format("numpy"), tmp_path)
    assert row.status != "failed" and row.num_train_examples == 60


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="model: there is no folder"):
        lit_idim.measure_d90(str(tmp_path / "none"), "toy-opinion", out=tmp_path, **SMALL)


def test_other_data_under_the_same_name_are_measured_anew(tmp_path: Path, make_dataset: Dataset) -> None:
    first = of_reviews(make_dataset(), tmp_path)
    swapped = make_dataset(verdict=(["praise", "blame"] * 30))
    second = of_reviews(swapped, tmp_path)
    assert (first.task, second.task) == ("verdicts", "verdicts") and first.seconds != second.seconds


def test_regression(tmp_path: Path, make_dataset: Dataset) -> None:
    dataset = make_dataset()
    for split in dataset:
        dataset[split] = dataset[split].map(lambda row: {"score": 2.5 if row["verdict"] == "praise" else -1.0})
    row = of_reviews(dataset, tmp_path, label_column="score", regression=True)
    assert row.metric == "pearson_spearman_mean" and row.status != "failed"


@pytest.mark.parametrize(
    ("columns", "arguments", "message"),
    [
        ({}, {"text_columns": ["text"]}, "the train split has no column text; it has review, verdict, id"),
        ({}, {"text_columns": None}, "text_columns: expected the column of your dataset"),
        ({}, {"text_columns": ["review", "id"]}, "train, row 0: expected a text in column id, got 0"),
        ({"verdict": [None] + ["praise", "blame"] * 29 + ["praise"]}, {}, "train, row 0 has no label (None)"),
        ({"verdict": [-1] + [0, 1] * 29 + [1]}, {}, "train, row 0 has no label (-1)"),
        ({"verdict": ["praise"] * 60}, {}, "all training labels are 'praise'; a task needs two or more classes"),
        ({"verdict": [0.5, 1.0] * 30}, {}, "pass regression=True if labels are scores"),
        ({"verdict": ["good", "bad"] * 30}, {}, "dev, row 0: class 'blame' does not occur in the training labels"),
        ({}, {"regression": True}, "expected a score for regression, got"),
        ({}, {"metric": "pearson"}, "metric: expected one of accuracy, matthews, f1"),
        ({}, {"task_name": "sst2"}, "task: one that ships with lit-idim is named 'sst2', too"),
        ({}, {"task_name": "a/b"}, "name: expected letters"),
    ],
)
def test_bad_datasets_are_refused(
    tmp_path: Path, make_dataset: Dataset, columns: dict[str, list[Any]], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as raised:
        of_reviews(make_dataset(**columns), tmp_path / "out", **arguments)
    assert message in str(raised.value)
    assert not (tmp_path / "out" / "ledger.sqlite").exists()


def test_what_is_no_pair_of_splits_is_refused(tmp_path: Path, make_dataset: Dataset) -> None:
    dataset = make_dataset()
    with pytest.raises(UserError, match="expected a DatasetDict with the splits train and dev, got Dataset"):
        of_reviews(dataset["train"], tmp_path)
    with pytest.raises(UserError, match="expected the splits train and one of dev, validation, valid, val, got train"):
        of_reviews({"train": dataset["train"]}, tmp_path)


def test_columns_of_a_task_by_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="they describe a dataset of your own"):
        lit_idim.measure_d90(MODEL, "toy-opinion", text_columns=["sentence"], out=tmp_path, **SMALL)


def test_a_model_that_does_not_load_is_a_failed_row(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    row = lit_idim.measure_d90(str(tmp_path / "model"), "toy-opinion", out=tmp_path / "out", **SMALL)
    assert row.status == "failed" and row.reason is not None and "is not a complete checkpoint" in row.reason
