import pytest

from lit_idim.errors import UserError
from lit_idim.study.settings import StudySettings, TrainingSettings
from lit_idim.study.size_step import fix_step, rows_at


def settings_of(**changes):
    values = {"series": ("toy-L2-H64", "toy-L2-H128"), "tasks": ("toy-topic",), "training": TrainingSettings(epochs=1)}
    return StudySettings(**(values | changes))


def test_without_a_step_it_is_the_last_that_all_series_have():
    settings = settings_of()
    assert fix_step(settings, None) == (settings, 4000)
    assert fix_step(settings_of(steps=(1000, 2000)), None)[1] == 2000


def test_a_step_alone_is_all_that_is_measured():
    settings, step = fix_step(settings_of(), 2000)
    assert (settings.steps, step) == ((2000,), 2000)
    assert fix_step(settings_of(steps=(1000, 2000)), 1000) == (settings_of(steps=(1000, 2000)), 1000)


def test_models_without_series_have_no_step():
    alone = settings_of(series=(), models=("roberta-base",))
    assert fix_step(alone, None) == (alone, None)
    with pytest.raises(UserError, match=r"pretraining_step: the models of this study have none; leave out 2000"):
        fix_step(alone, 2000)


def test_a_step_that_is_not_measured_is_refused():
    with pytest.raises(UserError, match=r"pretraining_step: expected one of 1000, 2000, the steps .* got 4000"):
        fix_step(settings_of(steps=(1000, 2000)), 4000)
    with pytest.raises(UserError, match="has no step 300"):
        fix_step(settings_of(), 300)  # step 300 is of neither series


def test_rows_of_that_step_and_of_models_without_steps(make_row):
    rows = [make_row(pretraining_step=step) for step in (1000, 2000, None)]
    assert rows_at(rows, 2000) == rows[1:]
    assert rows_at(rows, None) == rows[2:]
