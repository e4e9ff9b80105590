"""A training on the sample alone, in full or in a subspace, and its errors on every part of the data."""

from typing import Any

from lit_idim.certificate.data import HELD_OUT, SAMPLE, HeldOutDataModule, classification_error
from lit_idim.certificate.settings import CertificateSettings
from lit_idim.errors import UserError
from lit_idim.study.training import Trainings
from lit_idim.study.training_request import TrainingRequest
from lit_idim.training import SubspaceClassifier
from lit_idim.training.segmented import SegmentedTraining


def sample_data(training: TrainingRequest, settings: CertificateSettings) -> HeldOutDataModule:
    """The data of a training without the held-out part.

    Raises:
        UserError: if the data cannot be had or split.
    """
    chosen = training.settings
    is_subset = chosen.max_train_examples is not None or chosen.max_dev_examples is not None
    return HeldOutDataModule(
        holdout_fraction=settings.holdout_fraction,
        holdout_seed=settings.holdout_seed,
        task=training.task,
        tokenizer=training.location.tokenizer or training.location.model,
        data_dir=training.data_dir,
        batch_size=chosen.batch_size,
        max_length=chosen.max_length,
        max_train_examples=chosen.max_train_examples,
        max_dev_examples=chosen.max_dev_examples,
        subset_seed=training.seeds["subset"] if is_subset else 0,
        order_seed=training.seeds["order"],
    )


def train_on_sample(training: TrainingRequest, trainings: Trainings, data: HeldOutDataModule) -> SubspaceClassifier:
    """The classifier after the whole training.

    Raises:
        UserError: if it diverges.
    """
    classifier, _ = trainings.classifier(training)
    num_updates = training.settings.updates(data.num_train_examples)
    segmented = SegmentedTraining(classifier, data, num_updates=num_updates, precision=training.settings.precision)
    segmented.advance(num_updates)
    if segmented.broken_at is not None:
        raise UserError(
            f"the {training.method} training at rate {training.learning_rate} diverged at update "
            f"{segmented.broken_at} on this sample"
        )
    return classifier


def errors_by_part(classifier: SubspaceClassifier, data: HeldOutDataModule, precision: Any) -> dict[str, float]:
    """Share of wrong class predictions on `sample`, `held_out` and `dev`."""
    return {part: classification_error(classifier, data, part, precision) for part in (SAMPLE, HELD_OUT, "dev")}
