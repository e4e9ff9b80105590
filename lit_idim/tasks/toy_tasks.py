"""The GLUE-shaped tasks of the generated language (`lit_idim.toy`): no file and no network behind them."""

from lit_idim.tasks.task import Split, Task

_SPLITS = tuple(Split(name=name) for name in ("train", "dev", "test"))

TOY_SST2 = Task(
    name="toy-sst2",
    title="toy-sst2",
    text_columns=("sentence",),
    label_names=("0", "1"),
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=_SPLITS,
    file_format=None,
)

TOY_COLA = Task(
    name="toy-cola",
    title="toy-cola",
    text_columns=("sentence",),
    label_names=("0", "1"),
    metrics=("matthews", "accuracy"),
    headline_metric="matthews",
    splits=_SPLITS,
    file_format=None,
)

TOY_TOPIC = Task(
    name="toy-topic",
    title="toy-topic",
    text_columns=("sentence",),
    label_names=("0", "1"),
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=_SPLITS,
    file_format=None,
)

TOY_MRPC = Task(
    name="toy-mrpc",
    title="toy-mrpc",
    text_columns=("sentence1", "sentence2"),
    label_names=("0", "1"),
    metrics=("accuracy", "f1"),
    headline_metric="accuracy",
    splits=_SPLITS,
    file_format=None,
)

TOY_MNLI = Task(
    name="toy-mnli",
    title="toy-mnli",
    text_columns=("premise", "hypothesis"),
    label_names=("entailment", "neutral", "contradiction"),
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=_SPLITS,
    file_format=None,
)

TOY_TASKS = (TOY_SST2, TOY_COLA, TOY_TOPIC, TOY_MRPC, TOY_MNLI)
