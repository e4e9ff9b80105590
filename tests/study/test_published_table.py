import csv

from lit_idim.families import find_model
from lit_idim.study.published import TABLE_1, PublishedD90
from lit_idim.study.published_table import compare, markdown, write_comparison


def test_the_published_numbers_are_of_models_that_the_registry_knows():
    assert len(TABLE_1) == 16
    numbers = {(one.title, one.task, one.method): one.d90 for one in TABLE_1}
    assert numbers["RoBERTa-Large", "mrpc", "said"] == 207 and numbers["BERT-Base", "qqp", "did"] == 9295
    for one in TABLE_1:
        assert all(find_model(name).name == name for name in one.models)


def test_every_published_number_has_a_line_and_what_was_not_run_says_so(make_row):
    mine = make_row(model="roberta-base", task="mrpc", method="said", pretraining_step=None, d90=880.0)
    other = make_row(model="toy-L2-H64", task="toy-topic", method="did")
    lines = compare([other, mine])
    assert len(lines) == len(TABLE_1) + 1
    ran = [line for line in lines if line.status != "not run"]
    assert [(line.title, line.model, line.published_d90, line.d90) for line in ran] == [
        ("RoBERTa-Base", "roberta-base", 896, 880.0),
        ("", "toy-L2-H64", None, other.d90),
    ]
    assert all(line.d90 is None and line.model == "" for line in lines if line.status == "not run")


def test_both_bert_of_a_size_stand_beside_one_number(make_row):
    rows = [make_row(model=name, task="mrpc", method="said") for name in ("bert-base-cased", "bert-base-uncased")]
    lines = [line for line in compare(rows) if (line.title, line.task, line.method) == ("BERT-Base", "mrpc", "said")]
    assert sorted(line.model for line in lines) == ["bert-base-cased", "bert-base-uncased"]
    assert {line.published_d90 for line in lines} == {1608}


def test_a_censored_d90_is_its_status_and_never_a_number(tmp_path, make_row):
    published = (PublishedD90(title="Toy", models=("toy",), task="toy-sst2", method="said", d90=12),)
    row = make_row(model="toy", d90=None, d90_low=16384.0, d90_high=None, status="above_range")
    lines = compare([row], published)
    text = markdown(lines)
    assert "above range" in text and "16,384 to ?" in text and "| 12 " in text
    assert len({len(line) for line in text.splitlines()[:3]}) == 1  # aligned
    paths = write_comparison(tmp_path, "table1", lines)
    assert [path.name for path in paths] == ["table1.csv", "table1.md"] and paths[1].read_text() == text
    with paths[0].open(newline="") as file:
        (written,) = csv.DictReader(file)
    assert written["d90"] == "" and written["status"] == "above_range" and written["published_d90"] == "12"


def test_nothing_measured_is_a_table_of_published_numbers_alone():
    assert {line.status for line in compare([])} == {"not run"}
