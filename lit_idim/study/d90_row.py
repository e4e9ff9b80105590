"""One measured d90 as a study's table keeps it: one row of `d90.csv`."""

from dataclasses import dataclass, fields
from typing import Literal

from lit_idim.d90 import Status

D90Variant = Literal["d90", "d90_chance_corrected", "d90_final_target"]


@dataclass(frozen=True, kw_only=True)
class D90Row:
    """A d90 of one cell (checkpoint x task x method), its two variants and what they were measured from.

    None stands where there is nothing to say: a d90 is a number or empty, never a stand-in. d90 and its ends are in
    trained numbers, scores in units of the metric (accuracy and correlations lie in [0, 1] or [-1, 1]).

    Attributes:
        model: name of the series or model.
        checkpoint: name of the checkpoint within it, such as `step-4000`.
        pretraining_step: updates of pretraining; None for a model without a series.
        num_parameters: D; None where the model could not be read.
        task: name of the task.
        method: "did" or "said".
        projection: name of P.
        metric: name of the score.
        full_score: dev score of full fine-tuning, mean over replicates at its best learning rate.
        full_score_std: standard deviation of one such training over replicates.
        full_learning_rate: peak rate of full fine-tuning at which full_score was reached.
        chance_score: score of the constant prediction of the dev examples' majority class; 0 for correlations.
        target_score: `target_fraction` * full_score.
        d90: d at which the monotone fit crosses target_score, in trained numbers; None unless reached.
        d90_low: lower end of its interval, in trained numbers; d_max if above range.
        d90_high: upper end of its interval, in trained numbers; d_min if below range.
        interval_level: probability of every interval of the row, such as 0.9.
        status: "reached", "above_range" (not at d_max), "below_range" (d_min already reaches), "trivial" (chance
            reaches the target), "no_signal" (full score less than 2 standard errors above chance) or "failed".
        reason: why there is no d90, where the status does not say it: of the target that the search aims at first if
            that one has failed, else of d90 itself. "not measured yet" of one that is "failed" while its search goes
            on.
        d90_first_crossing: first d of the grid whose best score reaches the target (the paper's estimator), in trained
            numbers; None under other protocols.
        d90_chance_corrected: the same as d90 for the target chance + target_fraction * (full - chance).
        d90_chance_corrected_low: lower end of its interval, in trained numbers.
        d90_chance_corrected_high: upper end of its interval, in trained numbers.
        d90_chance_corrected_status: its status; None where the search aimed at others, has not failed, and left
            nothing to estimate it from.
        d90_final_target: the same as d90 for the target of the last checkpoint of the series in this study.
        d90_final_target_low: lower end of its interval, in trained numbers.
        d90_final_target_high: upper end of its interval, in trained numbers.
        d90_final_target_status: its status; None as for the chance-corrected one, also for want of the last full score.
        d_min: smallest d of the search, in trained numbers: for SAID at least one more than its lambdas, once a
            d was tried.
        d_max: largest d of the search, in trained numbers.
        protocol: "grid" or "adaptive".
        tolerance_met: whether the search ended by itself on the target that it aims at first: its interval is as narrow
            as asked for, or the crossing lies outside of the range for sure; None under the grid protocol. The same
            target's are the columns on learning rates, seeds and dev examples.
        learning_rate_best: peak rate, at the measured d nearest to d90, of the rung that is most probably the best.
        learning_rates_tried: peak rates tried at that d, ascending.
        learning_rate_at_edge: whether that rung is the lowest or highest tried at any d.
        num_seeds: finished replicates at the d nearest to d90, each with its own seeds of projection, head, order and
            dropout.
        num_updates: updates of a training.
        batch_size: examples of an update over all devices.
        num_train_examples: distinct training examples.
        num_dev_examples: dev examples of a score.
        num_trainings: trainings that the row rests on, full ones included.
        num_examples: training examples seen by all of them, repetitions counted.
        seconds: wall time of all of them together.
        d90_dev_low: lower end of the interval that resamples dev examples too, in trained numbers.
        d90_dev_high: upper end of the interval that resamples dev examples too, in trained numbers.
        interval_includes: what d90_low and d90_high account for, in words, such as "seeds, target".
        full_score_se: standard error of full_score.
        head_score: dev score of a head trained on the frozen encoder, mean over replicates at its best learning rate.
        head_score_se: standard error of head_score.
        head_learning_rate: peak rate at which head_score was reached.
        chance_corrected_target_score: target of d90_chance_corrected.
        final_target_score: target of d90_final_target.
        num_diverged: trainings whose loss became NaN or infinite.
        grid_values_skipped: d of the grid that SAID cannot be given (d <= its number of layers).
        target_fraction: share of the full score that is asked for: 0.9 for d90.
        notes: what else a reader has to know; "" if nothing.
    """

    model: str
    checkpoint: str
    pretraining_step: int | None
    num_parameters: int | None
    task: str
    method: str
    projection: str
    metric: str
    full_score: float | None
    full_score_std: float | None
    full_learning_rate: float | None
    chance_score: float | None
    target_score: float | None
    d90: float | None
    d90_low: float | None
    d90_high: float | None
    interval_level: float
    status: Status
    reason: str | None
    d90_first_crossing: int | None
    d90_chance_corrected: float | None
    d90_chance_corrected_low: float | None
    d90_chance_corrected_high: float | None
    d90_chance_corrected_status: Status | None
    d90_final_target: float | None
    d90_final_target_low: float | None
    d90_final_target_high: float | None
    d90_final_target_status: Status | None
    d_min: int
    d_max: int
    protocol: str
    tolerance_met: bool | None
    learning_rate_best: float | None
    learning_rates_tried: tuple[float, ...]
    learning_rate_at_edge: bool | None
    num_seeds: int
    num_updates: int | None
    batch_size: int
    num_train_examples: int | None
    num_dev_examples: int | None
    num_trainings: int
    num_examples: int
    seconds: float
    d90_dev_low: float | None = None
    d90_dev_high: float | None = None
    interval_includes: str = ""
    full_score_se: float | None = None
    head_score: float | None = None
    head_score_se: float | None = None
    head_learning_rate: float | None = None
    chance_corrected_target_score: float | None = None
    final_target_score: float | None = None
    num_diverged: int = 0
    grid_values_skipped: int = 0
    target_fraction: float = 0.9
    notes: str = ""

    def status_of(self, variant: D90Variant) -> Status | None:
        """Status of d90 or of one of its variants; None where that variant was not measured."""
        return {
            "d90": self.status,
            "d90_chance_corrected": self.d90_chance_corrected_status,
            "d90_final_target": self.d90_final_target_status,
        }[variant]

    def interval_of(self, variant: D90Variant) -> tuple[float | None, float | None, float | None]:
        """(d90, low, high) of a variant, in trained numbers."""
        return {
            "d90": (self.d90, self.d90_low, self.d90_high),
            "d90_chance_corrected": (
                self.d90_chance_corrected,
                self.d90_chance_corrected_low,
                self.d90_chance_corrected_high,
            ),
            "d90_final_target": (self.d90_final_target, self.d90_final_target_low, self.d90_final_target_high),
        }[variant]

    def drawn_interval_of(self, variant: D90Variant) -> tuple[float | None, float | None, float | None]:
        """As `interval_of`, with an open end of a reached d90 at the end of the range of d."""
        d90, low, high = self.interval_of(variant)
        if d90 is None:
            return d90, low, high
        return d90, self.d_min if low is None else low, self.d_max if high is None else high


D90_COLUMNS = tuple(entry.name for entry in fields(D90Row))
"""Columns of `d90.csv`, in order."""
