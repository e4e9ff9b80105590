"""A task's metrics over a split, exact under several devices."""

import torch
from torch import Tensor, nn
from torchmetrics import Metric as TorchMetric
from torchmetrics import MetricCollection, SumMetric
from torchmetrics.classification import BinaryF1Score, MulticlassAccuracy, MulticlassMatthewsCorrCoef
from torchmetrics.regression import PearsonCorrCoef, SpearmanCorrCoef

from lit_idim.tasks import Task


class TaskMetrics(nn.Module):
    """Accumulates predictions of a split and gives every metric of its task, and its headline metric as `score`.

    Correlations of constant predictions are undefined and count as 0, as Matthews' does by convention. A diverged
    model, whose logits are not finite, has no score: every metric is NaN.

    Args:
        task: what is measured: its `metrics`, `headline_metric` and number of labels.

    Example:
        >>> from lit_idim.tasks import get_task
        >>> metrics = TaskMetrics(get_task("cola"))
        >>> metrics.update(torch.tensor([1, 0, 1, 1]), torch.tensor([1, 0, 1, 0]))
        >>> {name: round(value, 3) for name, value in metrics.compute().items()}
        {'matthews': 0.577, 'accuracy': 0.75, 'score': 0.577}
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self.num_broken = SumMetric()
        self.parts = MetricCollection({name: _metric(name, task.num_labels) for name in _parts(task)})

    def update(self, predictions: Tensor, labels: Tensor, *, finite: Tensor | bool = True) -> None:
        """Adds a batch.

        Args:
            predictions: classes (int64) or scores (floating), shape (batch,).
            labels: shape (batch,).
            finite: whether the logits behind the predictions are; if any are not, every metric of the split is NaN.
        """
        self.parts.update(predictions, labels)
        self.num_broken.update(1.0 - torch.as_tensor(finite, dtype=torch.float32, device=labels.device))

    def compute(self) -> dict[str, float]:
        """Every metric of the task over what was added on all devices, and `score`; all devices must call it."""
        if float(self.num_broken.compute()) > 0:
            return dict.fromkeys((*self.task.metrics, "score"), float("nan"))
        values = {name: float(torch.nan_to_num(value)) for name, value in self.parts.compute().items()}
        if "pearson_spearman_mean" in self.task.metrics:
            values["pearson_spearman_mean"] = (values["pearson"] + values["spearman"]) / 2
        shown = {name: values[name] for name in self.task.metrics}
        return shown | {"score": values[self.task.headline_metric]}

    def reset(self) -> None:
        self.parts.reset()
        self.num_broken.reset()


def _parts(task: Task) -> tuple[str, ...]:
    needed = dict.fromkeys((*task.metrics, task.headline_metric))
    if needed.pop("pearson_spearman_mean", 0) is None:
        needed |= dict.fromkeys(("pearson", "spearman"))
    return tuple(needed)


def _metric(name: str, num_labels: int) -> TorchMetric:
    if name == "accuracy":
        return MulticlassAccuracy(num_labels, average="micro")
    if name == "f1":
        return BinaryF1Score()
    if name == "matthews":
        return MulticlassMatthewsCorrCoef(num_labels)
    return PearsonCorrCoef() if name == "pearson" else SpearmanCorrCoef()
