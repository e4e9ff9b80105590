import pytest

from lit_idim.errors import UserError
from lit_idim.tasks import TASKS, get_split, get_task

NAMES = [
    "cola",
    "sst2",
    "mrpc",
    "stsb",
    "qqp",
    "mnli",
    "qnli",
    "rte",
    "wnli",
    "anli",
    "yelp_polarity",
    "toy-sst2",
    "toy-opinion",
    "toy-cola",
    "toy-topic",
    "toy-mrpc",
    "toy-mnli",
]


def test_all_tasks_of_the_studies_are_there() -> None:
    assert list(TASKS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_consistent(name: str) -> None:
    task = get_task(name)
    assert task.name == name
    assert task.headline_metric in task.metrics
    assert task.split_names[:2] == ("train", "dev")
    assert len(set(task.split_names)) == len(task.split_names)
    assert len(task.text_columns) in (1, 2)
    assert task.is_regression == (not task.label_names)
    assert task.num_labels == (1 if task.is_regression else len(set(task.label_names)))
    assert len(task.labels_in_files) == len(task.label_names)
    assert all(get_split(task, split).labelled for split in task.split_names if split.startswith(("train", "dev")))
    if task.is_generated:
        assert task.hub_dataset is None
    else:
        assert task.hub_dataset
        assert task.citation
        assert all(split.hub_splits and split.files for split in task.splits)


def test_scores_are_those_of_the_measurement() -> None:
    headline = {name: TASKS[name].headline_metric for name in NAMES}
    assert headline["cola"] == headline["toy-cola"] == "matthews"
    assert headline["stsb"] == "pearson_spearman_mean"
    assert {metric for name, metric in headline.items() if name not in ("cola", "stsb", "toy-cola")} == {"accuracy"}


def test_mnli_is_scored_on_matched_and_has_mismatched_beside() -> None:
    task = get_task("mnli")
    assert get_split(task, "dev").files == ("dev_matched.tsv",)
    assert get_split(task, "dev").hub_splits == ("validation_matched",)
    assert get_split(task, "dev_mismatched").hub_splits == ("validation_mismatched",)
    assert get_split(task, "test_mismatched").submission_name == "MNLI-mm"
    assert not get_split(task, "test").labelled


def test_anli_joins_three_rounds_and_yelp_scores_its_test_reviews() -> None:
    assert get_split(get_task("anli"), "dev").hub_splits == ("dev_r1", "dev_r2", "dev_r3")
    assert get_split(get_task("yelp_polarity"), "dev").hub_splits == ("test",)


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("SST-2", "sst2"), ("mlni", "mnli"), ("yelp", "yelp_polarity"), ("toy-sst", "toy-sst2")]
)
def test_an_unknown_task_is_answered_with_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(UserError, match=f"(?s)one of cola, .*{wrong}.*Did you mean '{nearest}'"):
        get_task(wrong)


def test_an_unknown_split_is_answered_with_the_tasks_splits() -> None:
    with pytest.raises(
        UserError, match="mnli has train, dev, dev_mismatched, test, test_mismatched; got 'dev_missmatched'"
    ):
        get_split(get_task("mnli"), "dev_missmatched")
