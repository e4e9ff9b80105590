import math

import pytest

from lit_idim.certificate.bounds import hoeffding_bound, kl_bound
from lit_idim.certificate.certificate import Certificate, relative_generalization_gap

NUMBERS = {
    "message": bytes(25), "num_train_examples": 5000, "num_examples": 4000, "num_held_out": 400, "delta": 0.05,
    "sample_error": 0.1, "held_out_error": 0.12, "dev_error": 0.13, "majority_error": 0.45,
    "unrounded_sample_error": 0.08, "unrounded_held_out_error": 0.11, "unrounded_dev_error": 0.2, "d": 1000,
    "seconds": 1.0,
}  # fmt: skip


def test_bounds_are_of_the_message_and_the_counted_sample() -> None:
    certificate = Certificate(**NUMBERS)
    assert certificate.num_bits == 200
    assert certificate.hoeffding_bound == hoeffding_bound(0.1, 200, 4000, 0.05)
    assert certificate.kl_bound == kl_bound(0.1, 200, 4000, 0.05) < certificate.hoeffding_bound
    assert certificate.asymptotic_shape == pytest.approx(math.sqrt(1000 / 4000))


def test_non_vacuous_is_below_the_majority_class() -> None:
    bound = Certificate(**NUMBERS).kl_bound
    for majority_error, expected in ((bound, False), (math.nextafter(bound, 1), True)):
        assert Certificate(**NUMBERS | {"majority_error": majority_error}).is_non_vacuous == expected


def test_the_gap_is_that_of_the_training_before_rounding() -> None:
    certificate = Certificate(**NUMBERS)
    assert (certificate.train_score, certificate.dev_score) == pytest.approx((0.92, 0.8))
    assert certificate.relative_generalization_gap == pytest.approx(0.12 / 0.2)


def test_relative_generalization_gap() -> None:
    assert relative_generalization_gap(0.9, 0.8) == pytest.approx(0.5)
    assert relative_generalization_gap(0.7, 0.8) == pytest.approx(-0.5)
    assert relative_generalization_gap(1.0, 1.0) is None
