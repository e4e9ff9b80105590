"""What a study measures and how: the one schema behind command line, YAML and ledger."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from lit_idim.d90.settings import SearchSettings
from lit_idim.errors import UserError
from lit_idim.tasks import get_task

ScoreRule = Literal["last_update", "best_epoch"]
Method = Literal["did", "said"]
Optimizer = Literal["adam", "sgd"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What decides a training's numbers, the same for full fine-tuning and for every subspace.

    Attributes:
        num_updates: updates of a training; from `epochs` if None. Exactly one of the two.
        epochs: passes over the training examples.
        batch_size: examples of an update over all devices.
        max_length: most tokens of an example.
        max_train_examples: most training examples; all if None.
        max_dev_examples: most dev examples; all if None.
        optimizer: "adam" (AdamW in full fine-tuning) or "sgd".
        warmup_fraction: share of the updates over which the rate rises; then it falls linearly to 0.
        weight_decay: of full fine-tuning, none on biases and norms.
        lambda_learning_rate: peak rate of SAID's lambdas.
        precision: of the forward and backward pass.
        score: "last_update", the dev metric after the last update, or "best_epoch", the best after any epoch.
    """

    num_updates: int | None = None
    epochs: float | None = None
    batch_size: int = 32
    max_length: int = 128
    max_train_examples: int | None = None
    max_dev_examples: int | None = None
    optimizer: Optimizer = "adam"
    warmup_fraction: float = 0.06
    weight_decay: float = 0.1
    lambda_learning_rate: float = 0.01
    precision: Precision = "32-true"
    score: ScoreRule = "last_update"

    def __post_init__(self) -> None:
        if (self.num_updates is None) == (self.epochs is None):
            raise UserError(
                "training: expected either num_updates or epochs, got "
                f"num_updates={self.num_updates} and epochs={self.epochs}"
            )
        for name in ("num_updates", "batch_size", "max_length", "max_train_examples", "max_dev_examples"):
            value = getattr(self, name)
            is_left_out = value is None and name not in ("batch_size", "max_length")
            if not is_left_out and (type(value) is not int or value < 1):
                raise UserError(f"training.{name}: expected a whole number of at least 1, got {value!r}")
        if self.epochs is not None and (type(self.epochs) not in (int, float) or not 0 < self.epochs < math.inf):
            raise UserError(f"training.epochs: expected a positive number, got {self.epochs!r}")
        for name, kind in (("optimizer", Optimizer), ("precision", Precision), ("score", ScoreRule)):
            if getattr(self, name) not in get_args(kind):
                raise UserError(
                    f"training.{name}: expected one of {', '.join(get_args(kind))}, got {getattr(self, name)!r}"
                )
        for name, most in (("warmup_fraction", 1.0), ("weight_decay", math.inf), ("lambda_learning_rate", math.inf)):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 <= value <= most or value == math.inf:
                raise UserError(f"training.{name}: expected a number from 0 on, got {value!r}")

    def updates(self, num_train_examples: int) -> int:
        """Updates of a training on so many examples; the remainder of an epoch sits out.

        >>> TrainingSettings(epochs=3, batch_size=32).updates(100)
        9
        """
        if self.num_updates is not None:
            return self.num_updates
        assert self.epochs is not None
        return max(1, round(self.epochs * max(1, num_train_examples // self.batch_size)))

    def evaluations(self, num_train_examples: int) -> int:
        """Times that a training on so many examples is scored on the dev split, an early evaluation not counted.

        >>> TrainingSettings(num_updates=10, batch_size=32, score="best_epoch").evaluations(100)
        4
        """
        if self.score == "last_update":
            return 1
        return math.ceil(self.updates(num_train_examples) / max(1, num_train_examples // self.batch_size))


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """A study: every checkpoint x task x method is a cell with one d90.

    Attributes:
        series: names, YAML files or folders of checkpoint series.
        models: pretrained models that are no series, as of `lit_idim.series.single_model`; `NAME@REVISION` on the hub.
        steps: pretraining steps of each series; all if None.
        tasks: names of tasks, or folders with a `task.yaml`.
        methods: "did", "said" or both.
        head_baseline: whether a head alone is trained, too, on every checkpoint and task.
        projection: name of P.
        data_dir: folder of the tasks' files; the data hub if None. Generated tasks need neither.
        study_seed: from which all seeds of all trainings derive.
        training: settings of every training.
        task_training: settings that differ for a task, by task and name.
        search: settings of the d90 search.
    """

    series: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    steps: tuple[int, ...] | None = None
    tasks: tuple[str, ...]
    methods: tuple[Method, ...] = ("said",)
    head_baseline: bool = False
    projection: str = "fastfood"
    data_dir: str | None = None
    study_seed: int = 0
    training: TrainingSettings
    task_training: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    search: SearchSettings = field(default_factory=SearchSettings)

    def __post_init__(self) -> None:
        for name, kind in (("training", TrainingSettings), ("search", SearchSettings), ("task_training", Mapping)):
            if not isinstance(getattr(self, name), kind):
                raise UserError(f"{name}: expected a map of settings, got {getattr(self, name)!r}")
        for name in ("series", "models", "tasks", "methods"):
            if not isinstance(getattr(self, name), (tuple, list)):
                raise UserError(f"{name}: expected a list, got {getattr(self, name)!r}; leave it out for none")
        for task, changes in self.task_training.items():
            if not isinstance(task, str) or not isinstance(changes, Mapping):
                raise UserError(f"task_training.{task}: expected a map of settings by task, got {changes!r}")

    @property
    def task_names(self) -> tuple[str, ...]:
        """Of the tasks, also of those that are given as folders."""
        return tuple(get_task(task).name for task in self.tasks)

    def training_of(self, task: str) -> TrainingSettings:
        """The settings of a task's trainings.

        Raises:
            UserError: if `task_training` names something that is no setting.
        """
        changed = dict(self.task_training.get(task, {}))
        known = {entry.name for entry in fields(TrainingSettings)}
        if unknown := set(changed) - known:
            raise UserError(
                f"task_training.{task}: {', '.join(sorted(map(str, unknown)))} is no setting of a training; expected "
                f"{', '.join(sorted(known))}"
            )
        if "epochs" in changed:
            changed.setdefault("num_updates", None)
        if "num_updates" in changed:
            changed.setdefault("epochs", None)
        return replace(self.training, **changed)
