"""Every config of every study parses, names what exists, and holds what its comments say."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from lit_idim.commands.study import run_study
from lit_idim.families import find_model, load_family
from lit_idim.report.lead import TITLES
from lit_idim.report.provenance import STUDIES as REPORTED
from lit_idim.resources import resource_path
from lit_idim.series import load_series
from lit_idim.study.run_options import RunOptions
from lit_idim.study.settings import StudySettings
from lit_idim.tasks import get_task

STUDIES = ("pretrain_curve", "model_size", "sentence_prediction", "generalization", "learning_rates")
CONFIGS = [
    (study, path.stem) for study in STUDIES for path in sorted((resource_path("configs") / study).glob("*.yaml"))
]


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch, stop_signals: object) -> Any:
    """What a study is asked for on its command line: settings, options and its own arguments."""

    def parse(study: str, *words: str) -> tuple[StudySettings, RunOptions, dict[str, Any]]:
        function = runpy.run_path(str(resource_path("studies") / f"{study}.py"))[study]
        asked: list[Any] = []

        def keep(name: str, settings: StudySettings, options: RunOptions, find: Any, **of_the_study: Any) -> int:
            assert name == study
            asked.extend((settings, options, of_the_study))
            return 0

        monkeypatch.setitem(function.__globals__, "run_as_asked", keep)
        monkeypatch.setattr("sys.argv", [f"{study}.py", *words])
        assert run_study(function) == 0
        return tuple(asked)  # type: ignore[return-value]

    return parse


@pytest.mark.parametrize(("study", "name"), CONFIGS, ids="/".join)
def test_a_config_names_what_exists(parse: Any, study: str, name: str) -> None:
    settings, options, of_the_study = parse(study, "--config", f"configs/{study}/{name}.yaml")
    for task in settings.tasks:
        assert get_task(task).num_labels
        settings.training_of(task)
    for series in settings.series:
        assert set(settings.steps or ()) <= set(load_series(series).steps)
    for model in settings.models:
        assert find_model(model).name == model
    step = of_the_study.get("pretraining_step")
    assert step is None or all(step in load_series(series).steps for series in settings.series)
    assert options.out == Path("outputs") / study
    assert set(settings.task_training) <= set(settings.tasks)
    if name == "toy":
        assert options.workers == 2 and options.threads == 1
    assert settings.head_baseline == (study == "pretrain_curve")


def test_every_study_has_a_toy_default_and_a_real_config() -> None:
    for study in STUDIES:
        names = {name for of, name in CONFIGS if of == study}
        assert "toy" in names and len(names) > 1


def test_reports_know_every_study() -> None:
    assert set(REPORTED) == set(TITLES) == set(STUDIES)
    assert {path.stem for path in resource_path("studies").glob("*.py")} >= set(STUDIES)


def test_the_miniatures_are_all_24(parse: Any) -> None:
    settings, _, _ = parse("model_size", "--config", "configs/model_size/bert_miniatures.yaml")
    assert set(settings.models) == {model.name for model in load_family("bert-miniatures").models}
    assert len(settings.models) == 24


def test_the_papers_table_is_its_models_tasks_and_grid(parse: Any) -> None:
    settings, _, _ = parse("sentence_prediction", "--config", "configs/sentence_prediction/paper.yaml")
    assert (len(settings.models), settings.tasks, settings.methods) == (4, ("mrpc", "qqp"), ("said", "did"))
    search = settings.search
    assert (search.protocol, search.grid_points, len(search.rate_steps)) == ("grid", 100, 4)


def test_arguments_of_a_study_stand_beside_the_common_ones(parse: Any) -> None:
    words = ("--series", "[toy-L2-H64]", "--tasks", "[toy-topic]", "--training.epochs", "1")
    assert parse("model_size", *words, "--pretraining-step", "2000")[2] == {"pretraining_step": 2000}
    own = parse("generalization", *words, "--certificate.delta", "0.1", "--certificate-d", "50")[2]
    assert (own["certificate"].delta, own["certificate"].holdout_fraction, own["certificate_d"]) == (0.1, 0.1, 50)
