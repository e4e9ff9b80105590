"""A cell of a study: one checkpoint, one task, one method, one d90; or beside it the score of a head alone."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from lit_idim.d90 import RATE_RATIO, CellFacts, FullScore, SearchSettings, TrainingId, error_at_chance
from lit_idim.errors import UserError
from lit_idim.projections import PROJECTIONS
from lit_idim.series import CheckpointLocation, Series, load_series, single_model
from lit_idim.series.steps import check_steps
from lit_idim.study.results import early_update, search_of
from lit_idim.study.seeds import derived_seeds
from lit_idim.study.settings import StudySettings, TrainingSettings
from lit_idim.subspace import INITIALIZATION_VERSION
from lit_idim.tasks import get_task
from lit_idim.training import subspace_learning_rate

# Raised by every change that gives a training other numbers under the same settings.
TRAINING_VERSION = 2
# From the rates of full fine-tuning to those of a head alone, which moves no weight of the encoder: a start, extended
# at the edge like all rates.
HEAD_RATE_FACTOR = 10
BASELINE = "head"
SINGLE_CHECKPOINT = "final"  # the one checkpoint of a model that is no series


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is measured: d90, or the score of a head alone.

    Attributes:
        series: of checkpoints.
        step: of pretraining.
        task: name of the task.
        method: "did" or "said"; or "head", a head trained on the frozen encoder, beside which d90 is read.
    """

    series: Series
    step: int
    task: str
    method: str

    @property
    def checkpoint(self) -> str:
        """Name of the checkpoint within its series."""
        return SINGLE_CHECKPOINT if self.series.is_single else f"step-{self.step}"

    @property
    def pretraining_step(self) -> int | None:
        """None of a model that is no series."""
        return None if self.series.is_single else self.step

    @property
    def name(self) -> str:
        """For people."""
        model = self.series.name if self.series.is_single else f"{self.series.name}/{self.checkpoint}"
        return f"{model} {self.task} {self.method}"

    @property
    def is_baseline(self) -> bool:
        """Whether a head alone is trained."""
        return self.method == BASELINE

    def method_of(self, training: TrainingId) -> str:
        """Of one of the cell's trainings: "full" for those of a d90 without a d."""
        return "full" if training.d is None and not self.is_baseline else self.method


def load_cells(settings: StudySettings) -> list[Cell]:
    """The cells of a study's series and models.

    Raises:
        UserError: if a series, a step or a task does not exist, or two have the same name.
    """
    series = [load_series(name) for name in settings.series]
    return cells_of(settings, [*series, *map(single_model, settings.models)])


def cells_of(settings: StudySettings, series: list[Series]) -> list[Cell]:
    """The cells of a study, the last checkpoint of each series first: its full score is a target of the others.

    The baselines come last.

    Raises:
        UserError: if a series lacks one of the steps, or two have the same name.
    """
    names = [one.name for one in series]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise UserError(
            f"series: two of them are named {', '.join(sorted(doubled))}; a study tells them by their names"
        )
    cells: list[Cell] = []
    baselines: list[Cell] = []
    for one in series:
        steps = one.steps if settings.steps is None or one.is_single else settings.steps
        # A step that is named and not complete is for its own cells to tell of.
        check_steps(steps, one.find_steps_to_verify(), series=one.name)
        downwards = sorted(set(steps), reverse=True)
        cells += [
            Cell(series=one, step=step, task=task, method=method)
            for task in settings.task_names
            for method in settings.methods
            for step in downwards
        ]
        baselines += [
            Cell(series=one, step=step, task=task, method=BASELINE)
            for task in settings.task_names
            for step in downwards
        ]
    return cells + (baselines if settings.head_baseline else [])


@dataclass(frozen=True, kw_only=True)
class PreparedCell:
    """A cell whose checkpoint and data are on this machine.

    Attributes:
        cell: what is measured.
        settings: of the study.
        training: of every training of the cell.
        location: of the checkpoint.
        D: parameters of the classifier.
        m: its layers.
        chance: score of the dev examples' majority class.
        num_train_examples: distinct training examples.
        num_dev_examples: that scores are taken on.
        checksums: of weights, tokenizer and the data: `weights`, `tokenizer`, `train`, `dev`.
    """

    cell: Cell
    settings: StudySettings
    training: TrainingSettings
    location: CheckpointLocation
    D: int
    m: int
    chance: float
    num_train_examples: int
    num_dev_examples: int
    checksums: dict[str, str]
    _keys: dict[TrainingId, str] = field(init=False, default_factory=dict, repr=False, compare=False)

    @property
    def num_lambdas(self) -> int:
        """m for SAID, 0 for DID."""
        return self.m if self.cell.method == "said" else 0

    @property
    def num_updates(self) -> int:
        """Of a training."""
        return self.training.updates(self.num_train_examples)

    def search(self, *, is_last: bool) -> SearchSettings:
        """Of this cell."""
        return search_of(self.settings.search, is_last=is_last, num_parameters=self.D)

    @property
    def early_update(self) -> int:
        """After which a search may drop a learning rate."""
        return early_update(self.settings.search, self.num_updates)

    def facts(self, final_full: FullScore | None) -> CellFacts:
        """For the search."""
        return CellFacts(
            chance=self.chance,
            chance_error=error_at_chance(self.chance, self.num_dev_examples),
            num_lambdas=self.num_lambdas,
            final_full=final_full,
            has_subspaces=not self.cell.is_baseline,
        )

    def learning_rate(self, training: TrainingId) -> float:
        """Peak rate of a training."""
        rate = ladder_rate(self.settings.search, training, D=self.D, num_lambdas=self.num_lambdas)
        return _six_digits(HEAD_RATE_FACTOR * rate) if self.cell.is_baseline else rate

    def seeds(self, training: TrainingId) -> dict[str, int]:
        """Of a training: those of a replicate are the same at all learning rates, the subset that of the task."""
        cell = self.cell
        return derived_seeds(
            study_seed=self.settings.study_seed,
            series=cell.series.name,
            step=cell.step,
            task=cell.task,
            method=cell.method_of(training),
            d=training.d,
            replicate=training.replicate,
        )

    def key(self, training: TrainingId) -> str:
        """Hash of everything that decides the training's numbers."""
        if training not in self._keys:
            self._keys[training] = self._hash(training)
        return self._keys[training]

    def _hash(self, training: TrainingId) -> str:
        in_subspace = training.d is not None
        identity: dict[str, Any] = {
            "version": TRAINING_VERSION,
            "initialization_version": INITIALIZATION_VERSION,
            "series": self.cell.series.name,
            "step": self.cell.step,
            "task": self.cell.task,
            "checksums": self.checksums,
            "method": self.cell.method_of(training),
            "projection": self.settings.projection if in_subspace else None,
            "projection_version": PROJECTIONS[self.settings.projection].version if in_subspace else None,
            "d": training.d,
            "learning_rate": self.learning_rate(training),
            "seeds": self.seeds(training),
            "training": asdict(self.training),
        }
        task = get_task(self.cell.task)
        if task.data_folder is not None:  # of a task that ships with the package name and version tell the metric
            identity["metric"] = task.headline_metric
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]


def ladder_rate(search: SearchSettings, training: TrainingId, *, D: int, num_lambdas: int) -> float:
    """Peak rate of a training from its place on the ladder.

    In full: the rates of the settings, beyond either end by factors of 3.2. In a subspace: steps of that factor from
    what the rule gives for the middle one of these rates, D and d, the same at every checkpoint. Six digits, so that
    the last bit of a platform's powers does not make another training of it.
    """
    rates = search.full_learning_rates
    if training.d is not None:
        centre = subspace_learning_rate(rates[len(rates) // 2], D=D, d=training.d - num_lambdas)
        return _six_digits(centre * RATE_RATIO**training.rate)
    if training.rate < 0:
        return _six_digits(rates[0] * RATE_RATIO**training.rate)
    if training.rate >= len(rates):
        return _six_digits(rates[-1] * RATE_RATIO ** (training.rate - len(rates) + 1))
    return rates[training.rate]


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")
