"""The real configs of the main job say what they mean: the paper's tasks, steps that exist, and stated budgets."""

import pytest
import yaml
from jsonargparse import ArgumentParser

from lit_idim.resources import resource_path
from lit_idim.series import load_series
from lit_idim.series.size import count_checkpoint_parameters
from lit_idim.study.expected_cost import PlannedCell, expect_cost, sum_costs
from lit_idim.study.settings import StudySettings
from lit_idim.tasks import get_task

NAMES = ("probe_across_time", "multiberts")
# Training and dev examples as published, and how many tokens one has on average, rounded up.
TASKS = {
    "mrpc": (3_668, 408, 60),
    "qqp": (363_846, 40_430, 35),
    "yelp_polarity": (560_000, 38_000, 160),
    "sst2": (67_349, 872, 20),
    "mnli": (392_702, 9_815, 45),
    "anli": (162_865, 3_200, 110),
}
UPDATES = {"mrpc": 1_140, "qqp": 3_000, "yelp_polarity": 3_000, "sst2": 2_104, "mnli": 3_000, "anli": 5_089}


@pytest.fixture(params=NAMES)
def settings(request: pytest.FixtureRequest) -> StudySettings:
    path = resource_path("configs") / "pretrain_curve" / f"{request.param}.yaml"
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(StudySettings, "study")
    built = parser.instantiate(parser.parse_object({"study": yaml.safe_load(path.read_text())})).study
    assert isinstance(built, StudySettings)
    return built


def test_every_step_is_one_of_the_series_and_in_the_papers_range(settings: StudySettings) -> None:
    assert settings.steps == (0, *range(20_000, 200_001, 20_000))
    for name in settings.series:
        assert set(settings.steps) <= set(load_series(name).steps)


def test_tasks_method_and_range_are_the_papers(settings: StudySettings) -> None:
    assert settings.tasks == tuple(TASKS) and all(get_task(name) for name in settings.tasks)
    assert (settings.methods, settings.projection) == (("said",), "fastfood")
    assert (settings.search.d_min, settings.search.d_max) == (10, 10_000)
    assert settings.search.full_learning_rates == (1e-5, 2e-5, 5e-5)


def test_every_task_has_the_updates_that_the_comments_state(settings: StudySettings) -> None:
    assert set(settings.task_training) <= set(settings.tasks)
    for name, (num_train_examples, _, _) in TASKS.items():
        training = settings.training_of(name)
        most = training.max_train_examples or num_train_examples
        assert training.updates(min(num_train_examples, most)) == UPDATES[name]
        assert (training.batch_size, training.precision) == (32, "bf16-mixed")


def test_the_two_differ_in_their_series_alone() -> None:
    def without_series(name: str) -> list[str]:
        text = (resource_path("configs") / "pretrain_curve" / f"{name}.yaml").read_text()
        lines = [line.partition(" #")[0].rstrip() for line in text.splitlines() if not line.startswith("#")]
        return [line for line in lines if not line.startswith("series:")]

    assert without_series("multiberts") == without_series("probe_across_time")


def test_a_study_is_days_and_not_months_on_one_gpu(settings: StudySettings) -> None:
    cells = [
        PlannedCell(
            series=name,
            pretraining_step=step,
            task=task,
            method="said",
            count=count_checkpoint_parameters(load_series(name), step, get_task(task).num_labels),
            num_updates=UPDATES[task],
            batch_size=32,
            tokens_per_example=tokens,
            num_dev_examples=min(num_dev_examples, settings.training.max_dev_examples or num_dev_examples),
            num_full_trainings=5,
            num_subspace_trainings=settings.search.max_trainings - 5,
        )
        for name in settings.series
        for step in settings.steps or ()
        for task, (_, num_dev_examples, tokens) in TASKS.items()
    ]
    assert len(cells) == 66
    costs = [cost for cost in map(expect_cost, cells) if cost is not None]
    assert len(costs) == 66
    assert 10 < sum_costs(costs).hours(100) < 100
