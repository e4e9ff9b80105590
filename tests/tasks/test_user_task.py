from pathlib import Path

import pytest

from lit_idim.data.sources import load_examples
from lit_idim.errors import UserError
from lit_idim.tasks import get_task
from lit_idim.tasks.user_task import TASK_FILE

TEXT = "review\tverdict\nit was good\tpraise\nit was bad\tblame\nit was fine\tpraise\n"
YAML = "text_columns: [review]\nlabel_column: verdict\nlabel_names: [blame, praise]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "reviews"
    folder.mkdir()
    for split in ("train", "dev"):
        (folder / f"{split}.tsv").write_text(TEXT)
    (folder / TASK_FILE).write_text(YAML)
    return folder


def test_a_folder_is_a_task(folder: Path) -> None:
    task = get_task(str(folder))
    assert (task.name, task.metrics, task.headline_metric) == ("reviews", ("accuracy",), "accuracy")
    examples = load_examples(task, "dev", data_dir="/nowhere")  # it brings its data
    assert examples.first == ["it was good", "it was bad", "it was fine"]
    assert examples.labels is not None and examples.labels.tolist() == [1, 0, 1]
    assert get_task("reviews") == task  # known by its name from now on


def test_pairs_and_scores(folder: Path) -> None:
    (folder / TASK_FILE).write_text(
        "name: likeness\ntext_columns: [one, other]\nlabel_column: score\nlabel_range: [0, 5]\nmetric: spearman\n"
    )
    (folder / "dev.tsv").write_text("one\tother\tscore\na\tb\t2.5\n")
    task = get_task(str(folder))
    assert (task.name, task.is_pair, task.num_labels, task.headline_metric) == ("likeness", True, 1, "spearman")
    examples = load_examples(task, "dev")
    assert (examples.second, examples.labels is not None and examples.labels.tolist()) == (["b"], [2.5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "expected keys name, title"),
        ("text_columns: [a\n", "cannot be read as YAML"),
        ("label_names: [a, b]\n", "text_columns is missing"),
        ("text_columns: review\nlabel_names: [a, b]\n", "text_columns must be a list, got 'review'"),
        ("text_columns: [a, b, c]\nlabel_names: [a, b]\n", "text_columns: expected one name, or two for a pair task"),
        ("text_columns: [label]\nlabel_names: [a, b]\n", "label_column: expected another column than the texts'"),
        ("text_columns: [review]\n", "expected either label_names (classes) or label_range (regression)"),
        ("text_columns: [review]\nlabel_names: [a]\n", "label_names: expected two or more different classes"),
        ("text_columns: [review]\nlabel_range: [5, 0]\n", "label_range: expected the lowest and the highest score"),
        ("text_columns: [review]\nlabel_names: [a, b, c]\nmetric: f1\n", "f1 of two classes only"),
        ("text_columns: [review]\nlabel_names: [a, b]\ncolour: red\n", "colour is no key of a task"),
        (
            "text_columns: [review]\nlabel_names: [no, yes]\n",
            "label_names: YAML reads one of its words as False; put quotes",
        ),
        ("text_columns: [review]\nlabel_range: [low, high]\n", "label_range: expected two numbers, got 'low'"),
        ("text_columns: [review]\nlabel_range: [0]\n", "label_range: expected the lowest and the highest score"),
        ("name: ..\ntext_columns: [review]\nlabel_names: [a, b]\n", "name: expected letters or digits"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(folder: Path, text: str, message: str) -> None:
    (folder / TASK_FILE).write_text(text)
    with pytest.raises(UserError) as raised:
        get_task(str(folder))
    assert message in str(raised.value) and TASK_FILE in str(raised.value)


def test_a_shipped_name_is_refused(folder: Path) -> None:
    (folder / TASK_FILE).write_text(YAML + "name: sst2\n")
    with pytest.raises(UserError, match="one that ships with lit-idim is named 'sst2', too"):
        get_task(str(folder))


def test_an_unknown_name_tells_of_folders() -> None:
    with pytest.raises(UserError, match=r"A task of your own is a folder with a task\.yaml"):
        get_task("reviewz")
