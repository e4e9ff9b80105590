"""What a compression certificate says."""

import math
from dataclasses import dataclass

from lit_idim.certificate.bounds import hoeffding_bound, kl_bound


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A bound on the error of the classifier that a message decodes to, and what it is to be read beside.

    With probability at least 1 - delta over the sample, its error on the distribution of the train set is at most
    `kl_bound`, and at most `hoeffding_bound`: of all messages at once, so that the sample may have chosen this one,
    its steps and its length included. It assumes that the examples are independent and that the base model saw none of
    them before. It is of one checkpoint and task: k such certificates hold together with probability 1 - k delta. What
    decodes is a program on this machine, so that errors hold up to the rounding of its forward pass. Errors are shares
    of wrong class predictions, whatever the task's headline metric is.

    Attributes:
        message: the file, as `lit_idim.certificate.encode` writes it.
        num_train_examples: that were trained on.
        num_examples: n, of those the ones that are scored and counted: all, but where train examples are phrases of one
            another only whole sentences, since the others depend on them.
        num_held_out: held-out examples, sentences there, which neither training nor the choice of the message has seen;
            the search that chose d may have trained on them.
        delta: probability with which the bounds may fail.
        sample_error: of the decoded classifier on the sample.
        held_out_error: on the held-out part: an unbiased estimate of what is bounded.
        dev_error: on the dev split, whose distribution may be another.
        majority_error: of the sample's most frequent class as a constant prediction, on the sample.
        unrounded_sample_error, unrounded_held_out_error, unrounded_dev_error: those of the training before rounding.
        d: trained numbers.
        seconds: wall time of training, rounding and evaluation.
    """

    message: bytes
    num_train_examples: int
    num_examples: int
    num_held_out: int
    delta: float
    sample_error: float
    held_out_error: float
    dev_error: float
    majority_error: float
    unrounded_sample_error: float
    unrounded_held_out_error: float
    unrounded_dev_error: float
    d: int
    seconds: float

    @property
    def num_bits(self) -> int:
        """K: the size of the file."""
        return 8 * len(self.message)

    @property
    def hoeffding_bound(self) -> float:
        """sample_error + sqrt((K ln 2 + ln(1/delta)) / (2n))."""
        return hoeffding_bound(self.sample_error, self.num_bits, self.num_examples, self.delta)

    @property
    def kl_bound(self) -> float:
        """The tighter form by the inverse of kl."""
        return kl_bound(self.sample_error, self.num_bits, self.num_examples, self.delta)

    @property
    def is_non_vacuous(self) -> bool:
        """Whether the kl bound lies below the error of the majority class."""
        return self.kl_bound < self.majority_error

    @property
    def asymptotic_shape(self) -> float:
        """sqrt(d/n), in whose order AZG20's theorem 1 bounds the gap; its constant is not known."""
        return math.sqrt(self.d / self.num_examples)

    @property
    def train_score(self) -> float:
        """Accuracy of the training before rounding on the sample."""
        return 1 - self.unrounded_sample_error

    @property
    def dev_score(self) -> float:
        """Its accuracy on the dev split."""
        return 1 - self.unrounded_dev_error

    @property
    def relative_generalization_gap(self) -> float | None:
        """Of the training before rounding, see the function of that name."""
        return relative_generalization_gap(self.train_score, self.dev_score)


def relative_generalization_gap(train_score: float, dev_score: float) -> float | None:
    """(train - dev) / (1 - dev) of two accuracies (AZG20, section 5.3); None where dev is 1.

    Example:
        >>> relative_generalization_gap(0.75, 0.5)
        0.5
    """
    if dev_score >= 1:
        return None
    return (train_score - dev_score) / (1 - dev_score)
