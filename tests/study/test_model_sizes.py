import json

import pytest

from lit_idim.errors import UserError
from lit_idim.families import find_model
from lit_idim.series import load_series, single_model
from lit_idim.study.model_sizes import family_of, model_sizes, size_key, size_of
from lit_idim.study.settings import StudySettings, TrainingSettings


def settings(**names):
    return StudySettings(tasks=("toy-mnli",), training=TrainingSettings(num_updates=1), **names)


def single(make_row, model, D, **changes):
    row = {"model": model, "num_parameters": D, "task": "toy-mnli", "pretraining_step": None, "checkpoint": "final"}
    return make_row(**(row | changes))


def test_sizes_of_a_series_and_of_a_model(make_row):
    D_of_three_classes = find_model("bert-L2-H128").count_parameters(3).D
    rows = [
        make_row(task="toy-mnli", pretraining_step=4000, num_parameters=None, status="failed"),
        single(make_row, "bert-L2-H128", D_of_three_classes),
        single(make_row, "bert-L2-H128", D_of_three_classes, method="did"),
    ]
    sizes = model_sizes(rows, settings(series=("toy-L2-H128",), models=("bert-L2-H128",)))
    toy, bert = (sizes[size_key(row)] for row in rows[:2])
    assert len(sizes) == 2
    assert (toy.family, bert.family) == ("toy", "bert-miniatures")
    # A row that failed before D was known has the counted one: vocabulary, positions and one segment of width 128.
    config = json.loads((load_series("toy-L2-H128").source.path / "step-4000" / "config.json").read_text())
    tables = config["vocab_size"] + config["max_position_embeddings"] + config["type_vocab_size"]
    assert toy.num_parameters - toy.num_parameters_without_embeddings == 128 * tables
    assert bert.num_parameters == D_of_three_classes and bert.reason is None
    assert size_of(rows[1], sizes, "num_parameters_without_embeddings") == bert.num_parameters_without_embeddings
    assert size_of(make_row(model="other"), sizes, "num_parameters") is None


def test_another_D_than_the_measured_one_is_not_trusted(make_row):
    row = single(make_row, "bert-L2-H128", 4_000_000)
    size = model_sizes([row], settings(models=("bert-L2-H128",)))[size_key(row)]
    assert (size.num_parameters, size.num_parameters_without_embeddings) == (4_000_000, None)
    assert "but D = 4,000,000 was measured" in size.reason


def test_a_model_that_is_not_here_has_the_measured_D_alone(make_row):
    row = single(make_row, "someone/model", 123)
    size = model_sizes([row], settings(models=("someone/model",)))[size_key(row)]
    assert (size.num_parameters, size.num_parameters_without_embeddings, size.family) == (123, None, "someone/model")
    assert "not on this machine" in size.reason


def test_a_method_that_failed_early_does_not_hide_what_another_measured(make_row):
    failed = single(make_row, "someone/model", None, status="failed")
    rows = [failed, single(make_row, "someone/model", 123, method="did"), failed]
    assert model_sizes(rows, settings(models=("someone/model",)))[size_key(failed)].num_parameters == 123


def test_a_row_of_another_study_is_refused(make_row):
    with pytest.raises(UserError, match=r"'toy-L2-H128' of the table is not one of the study's: expected bert-L2-H128"):
        model_sizes([make_row()], settings(models=("bert-L2-H128",)))


def test_families_are_said_and_not_guessed(tmp_path):
    assert family_of(single_model("roberta-base@v1")) == "roberta"
    assert family_of(load_series("multiberts-seed-0")) == "bert"
    (tmp_path / "own-base").mkdir()
    assert family_of(single_model(str(tmp_path / "own-base"))) == "own-base"
