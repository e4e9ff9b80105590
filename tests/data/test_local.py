import json
from pathlib import Path

import numpy as np
import pytest

from lit_idim.data.local import load_from_folder
from lit_idim.errors import UserError
from lit_idim.tasks import get_split, get_task

datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")

SST2 = "sentence\tlabel\na film\t1\nb film\t0\n"


def load(task: str, split: str, folder: Path):
    return load_from_folder(get_task(task), get_split(get_task(task), split), folder)


def sst2_dataset(sentences=("a film", "b film"), labels=(1, 0), names=("negative", "positive")):
    features = datasets.Features(
        sentence=datasets.Value("string"), label=datasets.ClassLabel(names=list(names)), idx=datasets.Value("int32")
    )
    columns = {"sentence": list(sentences), "label": list(labels), "idx": list(range(len(sentences)))}
    return datasets.Dataset.from_dict(columns, features=features)


@pytest.mark.parametrize("name", ["SST-2", "sst2", "SST2", "sst_2", "."])
def test_the_folder_goes_by_any_of_its_names_or_is_data_dir_itself(tmp_path, name) -> None:
    (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / name / "dev.tsv").write_text(SST2)
    assert load("sst2", "dev", tmp_path).first == ["a film", "b film"]


def test_two_folders_for_one_task_are_an_error(tmp_path) -> None:
    for name in ("SST-2", "sst2"):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=r"SST-2 and sst2 .* both go for sst2; pass the one to use"):
        load("sst2", "dev", tmp_path)


def test_a_missing_split_says_what_was_looked_for_and_what_to_pass(tmp_path) -> None:
    with pytest.raises(
        UserError, match=r"(?s)no dev split of mnli in .*dev_matched\.tsv.*validation\.parquet.*data_dir="
    ):
        load("mnli", "dev", tmp_path)
    with pytest.raises(UserError, match="data_dir: expected a folder"):
        load("mnli", "dev", tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    [
        "SST-2/validation.parquet",
        "SST-2/dev.parquet",
        "sst2/validation-00000-of-00001.parquet",
        "data/validation-00000-of-00001.parquet",
        "sst2/validation/0000.parquet",
    ],
)
def test_parquet_files(tmp_path, name) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    sst2_dataset().to_parquet(path)
    examples = load("sst2", "dev", tmp_path)
    assert examples.first == ["a film", "b film"]
    assert examples.labels.tolist() == [1, 0]


def test_shards_are_joined_in_order_and_a_missing_one_is_noticed(tmp_path) -> None:
    for shard in range(3):
        sst2_dataset([f"shard {shard}"], [1]).to_parquet(tmp_path / f"train-0000{shard}-of-00003.parquet")
    assert load("sst2", "train", tmp_path).first == ["shard 0", "shard 1", "shard 2"]
    assert load("sst2", "train", tmp_path).index.tolist() == [0, 1, 2]
    (tmp_path / "train-00001-of-00003.parquet").unlink()
    with pytest.raises(UserError, match=r"expected 3 files like .*; found 2"):
        load("sst2", "train", tmp_path)


def test_a_damaged_parquet_file_is_named(tmp_path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(UserError, match=r"train\.parquet: cannot be read as a parquet file"):
        load("sst2", "train", tmp_path)


def test_save_to_disk_folders(tmp_path) -> None:
    splits = {"train": sst2_dataset(), "validation": sst2_dataset(["c film"], [0])}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "sst2")
    assert load("sst2", "train", tmp_path).labels.tolist() == [1, 0]
    assert load("sst2", "dev", tmp_path).first == ["c film"]
    sst2_dataset(["d film"], [0]).save_to_disk(tmp_path / "single" / "dev")
    assert load("sst2", "dev", tmp_path / "single").first == ["d film"]


def test_secret_labels_are_no_labels(tmp_path) -> None:
    sst2_dataset(labels=(-1, -1)).to_parquet(tmp_path / "test.parquet")
    assert load("sst2", "test", tmp_path).labels is None
    sst2_dataset(labels=(-1, -1)).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(UserError, match="train split of sst2 must hold labels"):
        load("sst2", "train", tmp_path)
    sst2_dataset(labels=(-1, 1)).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(UserError, match="row 0: label -1 is outside sst2's label set"):
        load("sst2", "train", tmp_path)


@pytest.mark.parametrize("form", ["parquet", "save_to_disk"])
def test_class_numbers_follow_the_names_that_the_table_gives_them(tmp_path, form) -> None:
    dataset = datasets.Dataset.from_dict(
        {"premise": ["a", "b", "c"], "hypothesis": ["d", "e", "f"], "label": [0, 1, 2]}
    ).cast_column("label", datasets.ClassLabel(names=["contradiction", "entailment", "neutral"]))
    if form == "parquet":
        dataset.to_parquet(tmp_path / "dev.parquet")
    else:
        dataset.save_to_disk(tmp_path / "dev")
    assert load("mnli", "dev", tmp_path).labels.tolist() == [2, 0, 1]


def test_label_words_and_the_files_column_names_are_understood_in_tables(tmp_path) -> None:
    columns = {"sentence1": ["a"], "sentence2": ["b"], "gold_label": ["neutral"]}
    datasets.Dataset.from_dict(columns).to_parquet(tmp_path / "train.parquet")
    examples = load("mnli", "train", tmp_path)
    assert (examples.first, examples.second, examples.labels.tolist()) == (["a"], ["b"], [1])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a"], "label": [1]}, "sst2 expects the text columns sentence; the table has text, label"),
        ({"sentence": ["a", None], "label": [1, 0]}, "row 1: expected a text in column sentence; got None"),
        ({"sentence": ["a"], "label": [2]}, "row 0: label 2 is outside sst2's label set; expected 0 to 1"),
        ({"sentence": ["a"], "label": ["good"]}, "row 0: label 'good' is outside sst2's label set"),
    ],
)
def test_a_malformed_table_is_named_with_its_row(tmp_path, columns, message) -> None:
    datasets.Dataset.from_dict(columns).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(UserError, match=message):
        load("sst2", "train", tmp_path)


def test_scores_from_a_table(tmp_path) -> None:
    pair = {"sentence1": ["a", "b"], "sentence2": ["c", "d"]}
    datasets.Dataset.from_dict({**pair, "label": [2.5, 5.0]}).to_parquet(tmp_path / "train.parquet")
    datasets.Dataset.from_dict({**pair, "label": [-1.0, -1.0]}).to_parquet(tmp_path / "test.parquet")
    labels = load("stsb", "train", tmp_path).labels
    np.testing.assert_array_equal(labels, np.array([2.5, 5.0], dtype=np.float32))
    assert load("stsb", "test", tmp_path).labels is None


def write_anli(folder: Path, split: str) -> None:
    for number, label in ((1, "e"), (2, "n"), (3, "c")):
        record = {"uid": "x", "context": f"context {number}", "hypothesis": "so", "label": label, "reason": ""}
        (folder / f"R{number}").mkdir(parents=True, exist_ok=True)
        (folder / f"R{number}" / f"{split}.jsonl").write_text(json.dumps(record) + "\n")


def test_anli_from_its_original_files(tmp_path) -> None:
    write_anli(tmp_path / "anli_v1.0", "dev")
    examples = load("anli", "dev", tmp_path)
    assert examples.first == ["context 1", "context 2", "context 3"]
    assert examples.labels.tolist() == [0, 1, 2]
    assert examples.index.tolist() == [0, 1, 2]
    (tmp_path / "anli_v1.0" / "R3" / "dev.jsonl").unlink()
    with pytest.raises(UserError, match=r"missing: .*R3.dev\.jsonl"):
        load("anli", "dev", tmp_path)


@pytest.mark.parametrize("line", ['{"context": "a"', '["a"]', '{"context": "a", "label": "e"}'])
def test_a_malformed_line_of_anli_is_named(tmp_path, line) -> None:
    write_anli(tmp_path, "dev")
    with (tmp_path / "R2" / "dev.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=r"R2.dev\.jsonl:2: expected a JSON object"):
        load("anli", "dev", tmp_path)


def test_anli_from_parquet_rounds_as_the_hub_names_them(tmp_path) -> None:
    (tmp_path / "plain_text").mkdir()
    for number in (1, 2, 3):
        dataset = datasets.Dataset.from_dict({"premise": [f"p{number}"], "hypothesis": ["h"], "label": [number - 1]})
        dataset.to_parquet(tmp_path / "plain_text" / f"train_r{number}-00000-of-00001.parquet")
    assert load("anli", "train", tmp_path).first == ["p1", "p2", "p3"]


def test_yelp_from_its_original_files_is_the_text_of_the_hub(tmp_path) -> None:
    folder = tmp_path / "yelp_review_polarity_csv"
    folder.mkdir()
    (folder / "test.csv").write_text('"1","Bad, ""really"" bad.\\nNever."\n"2","Good "\n')
    examples = load("yelp_polarity", "dev", tmp_path)
    assert examples.first == ['Bad, ""really"" bad.\\nNever.', "Good"]
    assert examples.labels.tolist() == [0, 1]
    (folder / "test.csv").write_text('"1","Bad."\n"3","Good"\n')
    with pytest.raises(UserError, match=r"test\.csv:2: label '3' .* '1', '2'"):
        load("yelp_polarity", "dev", tmp_path)
    (folder / "test.csv").write_text("1,Bad\n")
    with pytest.raises(UserError, match=r"test\.csv:1: expected a line of the form"):
        load("yelp_polarity", "dev", tmp_path)
