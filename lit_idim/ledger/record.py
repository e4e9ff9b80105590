"""One training as the ledger keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

TrainingStatus = Literal["paused", "finished", "diverged", "failed"]
FINAL: tuple[TrainingStatus, ...] = ("finished", "diverged")
"""What stays: no other record replaces it."""


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """A training, finished or not: one row of the ledger.

    Attributes:
        key: hexadecimal hash of everything that decides the training's numbers; unique.
        model: name of the series or model.
        checkpoint: name of the checkpoint within it, such as `step-4000`.
        pretraining_step: updates of pretraining; None for a model without a series.
        num_parameters: D.
        task: name of the task.
        method: "full", "did", "said" or "head".
        projection: name of P; None without a subspace.
        d: trained numbers; None without a subspace.
        learning_rate: peak rate.
        rate: its place on the search's ladder of rates (`lit_idim.d90.training.TrainingId`).
        num_lambdas: m for SAID, 0 otherwise.
        replicate: number of the replicate, from 0.
        status: "paused" after an early evaluation, to be continued or dropped; "finished"; "diverged" (NaN or
            infinite); "failed" (could not be run at all).
        reason: why it failed or where it diverged, or that memory held its batches in parts only.
        metric: the metric that is the score.
        score: of the finished training; None otherwise.
        chance_score: score of the constant prediction of the dev examples' majority class; 0 for correlations.
        evaluations: (update, dev score) of every evaluation, ascending; the last update's included.
        num_updates: updates of the whole training.
        num_updates_done: updates made so far.
        num_examples: training examples seen so far, repetitions counted.
        batch_size: examples of an update over all devices.
        num_train_examples: distinct training examples.
        num_dev_examples: dev examples of a score.
        seconds: wall time, all pieces of the training together.
        seeds: projection, head, order and dropout seed.
        versions: of libraries and of our generators.
        checksums: of P, weights and data.
        outcomes: predictions on the dev examples after the last update, packed (`lit_idim.study.outcomes`).
        state: what a paused training continues from.
        device: that it ran on.
        started_at: UTC, ISO 8601.
    """

    key: str
    model: str
    checkpoint: str
    pretraining_step: int | None
    num_parameters: int
    task: str
    method: str
    projection: str | None
    d: int | None
    learning_rate: float
    rate: int
    num_lambdas: int = 0
    replicate: int
    status: TrainingStatus
    reason: str | None = None
    metric: str
    score: float | None
    chance_score: float
    evaluations: tuple[tuple[int, float], ...]
    num_updates: int
    num_updates_done: int
    num_examples: int
    batch_size: int
    num_train_examples: int
    num_dev_examples: int
    seconds: float
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    outcomes: bytes | None = None
    state: bytes | None = None
    device: str = ""
    started_at: str = ""

    @property
    def place(self) -> tuple[Any, ...]:
        """Where it comes in the order of all; by Python, since servers sort text by the rules of their language."""
        step = -1 if self.pretraining_step is None else self.pretraining_step
        cell = (self.model, step, self.checkpoint, self.task, self.method, self.projection or "")
        return (*cell, -1 if self.d is None else self.d, self.learning_rate, self.replicate, self.key)

    def replaces(self, old_status: str, old_num_updates_done: int) -> bool:
        """Whether it takes the place of a record of the same training with this status and so many updates."""
        if old_status == "paused" and self.status == "paused":
            return self.num_updates_done > old_num_updates_done
        return old_status not in FINAL
