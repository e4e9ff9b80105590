import numpy as np
import pytest
import torch
from scipy import stats

from lit_idim.tasks import TASKS, get_task
from lit_idim.training.metrics import TaskMetrics


def accumulated(task: str, predictions: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    metrics = TaskMetrics(get_task(task))
    for part in torch.arange(len(labels)).split(7):
        metrics.update(predictions[part], labels[part])
    return metrics.compute()


@pytest.mark.parametrize("name", TASKS)
def test_every_task_gives_its_metrics_and_a_score(name: str) -> None:
    task = get_task(name)
    labels = torch.arange(30) % max(2, task.num_labels)
    predictions = labels.roll(3)
    if task.is_regression:
        labels, predictions = labels.float(), predictions.float()
    values = accumulated(name, predictions, labels)
    assert list(values) == [*task.metrics, "score"]
    assert values["score"] == values[task.headline_metric]


def test_classification_against_the_definitions() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (100,), generator=generator)
    predictions = torch.where(torch.rand(100, generator=generator) < 0.8, labels, 1 - labels)
    truth, guess = labels.numpy(), predictions.numpy()
    assert accumulated("mrpc", predictions, labels)["accuracy"] == pytest.approx((truth == guess).mean())
    hits = ((truth == 1) & (guess == 1)).sum()
    assert accumulated("mrpc", predictions, labels)["f1"] == pytest.approx(2 * hits / (truth.sum() + guess.sum()))
    assert accumulated("cola", predictions, labels)["matthews"] == pytest.approx(
        np.corrcoef(truth, guess)[0, 1], abs=1e-6
    )


def test_correlations_against_scipy() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 11, (200,), generator=generator) / 2  # with ties, as STS-B's
    predictions = labels + torch.randn(200, generator=generator)
    values = accumulated("stsb", predictions, labels)
    pearson = stats.pearsonr(predictions, labels)[0]
    spearman = stats.spearmanr(predictions, labels)[0]
    assert values["pearson"] == pytest.approx(pearson, abs=1e-5)
    assert values["spearman"] == pytest.approx(spearman, abs=1e-5)
    assert values["score"] == pytest.approx((pearson + spearman) / 2, abs=1e-5)


@pytest.mark.filterwarnings("ignore:The variance of predictions or target is close to zero")
def test_constant_predictions_score_zero() -> None:
    assert accumulated("stsb", torch.full((20,), 2.5), torch.arange(20) / 4)["score"] == 0.0
    assert accumulated("cola", torch.ones(20, dtype=torch.int64), torch.arange(20) % 2)["score"] == 0.0


@pytest.mark.parametrize("task", ["stsb", "sst2"])
def test_a_diverged_model_has_no_score(task: str) -> None:
    metrics = TaskMetrics(get_task(task))
    labels = (torch.arange(6) % 2).to(torch.float32 if task == "stsb" else torch.int64)
    metrics.update(labels, labels, finite=torch.tensor(True))
    metrics.update(labels, labels, finite=torch.tensor(False))
    assert all(np.isnan(value) for value in metrics.compute().values())
    metrics.reset()
    metrics.update(labels, labels)
    assert metrics.compute()["score"] == pytest.approx(1.0)


def test_reset_forgets() -> None:
    metrics = TaskMetrics(get_task("sst2"))
    metrics.update(torch.tensor([0, 0]), torch.tensor([1, 1]))
    metrics.reset()
    metrics.update(torch.tensor([1]), torch.tensor([1]))
    assert metrics.compute()["score"] == 1.0
