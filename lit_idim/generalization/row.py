"""Generalization of one cell of a study: one row of `generalization.csv`."""

from dataclasses import dataclass, fields

from lit_idim.d90 import Status


@dataclass(frozen=True, kw_only=True)
class GeneralizationRow:
    """How a trained subspace, of about d90 numbers or of a given d, generalizes, and full fine-tuning beside it.

    Accuracies and errors are shares of right and wrong class predictions, whatever the task's metric is. All trainings
    of a row learn from the same sample of the train set.

    Attributes:
        model, checkpoint, pretraining_step, num_parameters, task, method: as in `d90.csv`.
        status: of d90.
        d90: in trained numbers; None unless reached.
        d90_low: lower end of its interval.
        d90_high: upper end of its interval.
        d: trained numbers of the certified training: d90 rounded up, or what `certificate_d` asks for.
        num_train_examples: that all trainings of the row learn from.
        num_examples: n, of those the ones that are scored and counted: all, but where train examples are phrases of one
            another whole sentences alone.
        num_held_out: train examples outside of the sample, sentences there.
        num_dev_examples: of the dev split.
        full_train_accuracy: of full fine-tuning, on the sample.
        full_dev_accuracy: of full fine-tuning, on the dev split.
        full_generalization_gap: (train - dev) / (1 - dev) of the two (AZG20, section 5.3).
        subspace_train_accuracy: of the subspace before rounding, on the sample.
        subspace_dev_accuracy: on the dev split.
        subspace_generalization_gap: of the two.
        num_bits: K, the size of the message that the rounded subspace is decoded from.
        sample_error: of the decoded classifier on the sample.
        held_out_error: on the held-out part of the train set.
        dev_error: on the dev split.
        delta: probability with which a bound may fail.
        hoeffding_bound: on the error on the distribution of the train set.
        kl_bound: the tighter form.
        majority_error: of the constant prediction of the most frequent class.
        is_non_vacuous: whether kl_bound < majority_error.
        asymptotic_shape: sqrt(d / n), in whose order AZG20's theorem 1 bounds the gap between the errors.
        seconds: of the trainings and evaluations of this row.
        reason: why there is no certificate, or no accuracy of full fine-tuning.
    """

    model: str
    checkpoint: str
    pretraining_step: int | None
    num_parameters: int | None
    task: str
    method: str
    status: Status
    d90: float | None
    d90_low: float | None
    d90_high: float | None
    d: int | None = None
    num_train_examples: int | None = None
    num_examples: int | None = None
    num_held_out: int | None = None
    num_dev_examples: int | None = None
    full_train_accuracy: float | None = None
    full_dev_accuracy: float | None = None
    full_generalization_gap: float | None = None
    subspace_train_accuracy: float | None = None
    subspace_dev_accuracy: float | None = None
    subspace_generalization_gap: float | None = None
    num_bits: int | None = None
    sample_error: float | None = None
    held_out_error: float | None = None
    dev_error: float | None = None
    delta: float | None = None
    hoeffding_bound: float | None = None
    kl_bound: float | None = None
    majority_error: float | None = None
    is_non_vacuous: bool | None = None
    asymptotic_shape: float | None = None
    seconds: float | None = None
    reason: str | None = None


GENERALIZATION_COLUMNS = tuple(field.name for field in fields(GeneralizationRow))
