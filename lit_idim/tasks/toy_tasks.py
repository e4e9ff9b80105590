"""The GLUE-shaped tasks of the generated language (`lit_idim.toy`): no file and no network behind them."""

from lit_idim.tasks.task import Metric, Split, Task

_SPLITS = tuple(Split(name=name) for name in ("train", "dev", "test"))
_SENTENCE = ("sentence",)
_BINARY = ("0", "1")


def _toy_task(
    name: str, text_columns: tuple[str, ...], label_names: tuple[str, ...], metrics: tuple[Metric, ...]
) -> Task:
    """A generated task; the first metric is its score."""
    return Task(
        name=name,
        title=name,
        text_columns=text_columns,
        label_names=label_names,
        metrics=metrics,
        headline_metric=metrics[0],
        splits=_SPLITS,
        file_format=None,
    )


TOY_TASKS = (
    _toy_task("toy-sst2", _SENTENCE, _BINARY, ("accuracy",)),
    _toy_task("toy-opinion", _SENTENCE, _BINARY, ("accuracy",)),
    _toy_task("toy-cola", _SENTENCE, _BINARY, ("matthews", "accuracy")),
    _toy_task("toy-topic", _SENTENCE, _BINARY, ("accuracy",)),
    _toy_task("toy-mrpc", ("sentence1", "sentence2"), _BINARY, ("accuracy", "f1")),
    _toy_task("toy-mnli", ("premise", "hypothesis"), ("entailment", "neutral", "contradiction"), ("accuracy",)),
)
