import numpy as np
import pytest
import torch

from lit_idim.errors import UserError
from lit_idim.study.outcomes import pack_predictions, score_predictions, unpack_predictions
from lit_idim.tasks import get_task
from lit_idim.training import TaskMetrics


@pytest.mark.parametrize(("num_labels", "num_bytes"), [(2, 13), (3, 26), (4, 26), (5, 38), (20, 64)])
def test_classes_come_back_from_as_few_bits_as_they_need(num_labels: int, num_bytes: int) -> None:
    classes = np.random.default_rng(0).integers(0, num_labels, 101)
    packed = pack_predictions(classes, num_labels=num_labels)
    assert len(packed) == 7 + num_bytes
    assert np.array_equal(unpack_predictions(packed), classes)


def test_scores_come_back_as_halves() -> None:
    scores = np.array([0.1, 5.0, -3.25, 1e-3], dtype=np.float32)
    packed = pack_predictions(scores, num_labels=1)
    assert len(packed) == 7 + 8
    assert np.array_equal(unpack_predictions(packed), scores.astype(np.float16).astype(np.float32))


def test_what_cannot_be_packed_or_read_is_refused() -> None:
    with pytest.raises(UserError, match="class numbers from 0 to 1, got 0 to 2"):
        pack_predictions(np.array([0, 2]), num_labels=2)
    for score in (np.nan, 1e6):
        with pytest.raises(UserError, match="finite scores within float16"):
            pack_predictions(np.array([score]), num_labels=1)
    packed = pack_predictions(np.arange(9) % 3, num_labels=3)
    with pytest.raises(UserError, match="expected 3 bytes for 9 predictions, got 2"):
        unpack_predictions(packed[:-1])
    with pytest.raises(UserError, match="expected version 1"):
        unpack_predictions(b"\x09" + packed[1:])
    with pytest.raises(UserError, match="at least 7 bytes"):
        unpack_predictions(b"")


@pytest.mark.parametrize("task_name", ["toy-sst2", "mnli", "cola", "stsb"])
def test_weights_count_as_repeated_examples_do_in_torchmetrics(task_name: str) -> None:
    task, draws = get_task(task_name), np.random.default_rng(1)
    if task.is_regression:
        labels = draws.integers(0, 6, 60).astype(np.float32)  # with ties
        predictions = (labels + draws.normal(0, 2, 60)).round(1).astype(np.float32)
    else:
        labels = draws.integers(0, task.num_labels, 60)
        predictions = np.where(draws.random(60) < 0.6, labels, draws.integers(0, task.num_labels, 60))
    weights = draws.multinomial(60, np.ones(60) / 60, size=5)
    expected = []
    for counts in (np.ones(60, dtype=int), *weights):
        metrics = TaskMetrics(task)
        metrics.update(torch.from_numpy(np.repeat(predictions, counts)), torch.from_numpy(np.repeat(labels, counts)))
        expected.append(metrics.compute()["score"])
    assert score_predictions(task, predictions, labels) == pytest.approx(expected[0], abs=1e-5)
    assert score_predictions(task, predictions, labels, weights) == pytest.approx(expected[1:], abs=1e-5)
    assert score_predictions(task, predictions, labels, weights[0]) == pytest.approx(expected[1], abs=1e-5)
    assert len(set(np.round(expected, 4))) > 3


@pytest.mark.parametrize("task_name", ["cola", "stsb"])
def test_constant_predictions_correlate_with_nothing(task_name: str) -> None:
    task = get_task(task_name)
    labels = np.arange(7) % 2
    predictions = np.full(7, 0.1, dtype=np.float32) if task.is_regression else np.ones(7, dtype=np.int64)
    assert score_predictions(task, predictions, labels) == 0.0
    assert score_predictions(task, predictions, labels, np.arange(14).reshape(2, 7)).tolist() == [0.0, 0.0]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match=r"got \(3,\), \(3,\) and \(2,\)"):
        score_predictions(get_task("cola"), np.zeros(3, int), np.zeros(3, int), np.ones(2))
