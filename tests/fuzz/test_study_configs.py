"""`config.yaml` of a study, `task.yaml` of a user's task, `model.yaml` of fairseq2, and the configs of `--config`."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given

from lit_idim.errors import UserError
from lit_idim.series.fairseq2.architecture import RobertaArchitecture, read_architecture
from lit_idim.series.fairseq2.keys import tensor_shapes
from lit_idim.study.config_file import read_config
from lit_idim.study.run import check_names
from lit_idim.study.settings import StudySettings, TrainingSettings
from lit_idim.tasks.user_task import read_user_task

from .inputs import answer, fuzzed
from .yaml_inputs import ALIASES, documents

STUDY: dict[str, Any] = {
    "series": ["toy-L2-H128"],
    "steps": [0, 100],
    "tasks": ["toy-sst2"],
    "methods": ["said", "did"],
    "head_baseline": True,
    "training": {"num_updates": 24, "batch_size": 16},
    "task_training": {"toy-sst2": {"epochs": 2.0}},
    "search": {"d_min": 10, "d_max": 4000, "full_learning_rates": [0.003, 0.01]},
    "ledger": None,
}
TASK: dict[str, Any] = {"name": "own", "text_columns": ["a", "b"], "label_names": ["no", "yes"], "metric": "accuracy"}
SCORES: dict[str, Any] = {"text_columns": ["a"], "label_range": [0, 5], "metric": "pearson"}
MODEL: dict[str, Any] = {"model_family": "roberta", "model_config": asdict(RobertaArchitecture())}


def written(factory: pytest.TempPathFactory, name: str, content: bytes) -> Path:
    path = factory.getbasetemp() / name
    path.write_bytes(content)
    return path


@fuzzed(10)
@given(content=documents([field.name for field in fields(StudySettings)], [STUDY]))
@example(content=ALIASES + b"tasks: *a29\n")
@example(content=b"tasks: " + b"[" * 5000)
@example(content=b"- a\n")
def test_config_of_a_study(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory, "config.yaml", content)
    found = answer(lambda: read_config(path.parent), "config.yaml")
    if not isinstance(found, UserError):
        settings = found.settings
        assert isinstance(settings, StudySettings) and isinstance(settings.training, TrainingSettings)
        for task in settings.task_training:
            answer(lambda task=task: settings.training_of(task), "task_training", "training")
        answer(lambda: check_names(settings))


@fuzzed(40)
@given(content=documents([*TASK, *SCORES, "label_column", "title", "citation"], [TASK, SCORES]))
@example(content=ALIASES + b"text_columns: *a29\n")
def test_task_of_a_user(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory, "task.yaml", content)
    found = answer(lambda: read_user_task(path.parent), "task.yaml")
    if not isinstance(found, UserError):
        assert found.num_labels >= 1 and 1 <= len(found.text_columns) <= 2


@fuzzed(40)
@given(content=documents([*MODEL], [MODEL]))
@example(content=ALIASES + b"model_config: *a29\nmodel_family: roberta\n")
def test_model_of_fairseq2(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory, "model.yaml", content)
    found = answer(lambda: read_architecture(path), "model.yaml")
    if not isinstance(found, UserError):
        assert 0 <= found.dropout_p < 1
        assert max(found.pad_idx, found.bos_idx, found.eos_idx) < found.vocab_size
        assert all(size > 0 for shape in tensor_shapes(found).values() for size in shape)
