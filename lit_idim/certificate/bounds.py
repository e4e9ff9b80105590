"""Bounds on the error of a classifier that a message of K bits names.

Both hold with probability at least 1 - delta over the draw of n independent examples, for every message of a
prefix-free code at once. For one fixed classifier with true error L and sample error L_hat, Chernoff's inequality
(Hoeffding 1963) gives, for each x > 0,

    P[L_hat <= L and kl(L_hat || L) >= x] <= exp(-n x)

without any factor in n. With x = (K ln 2 + ln(1/delta)) / n the right side is delta 2^-K, and over all messages these
add up to at most delta, since a prefix-free code satisfies Kraft's inequality: sum 2^-K <= 1. The term ln(2 sqrt n) of
PAC-Bayesian bounds pays for a distribution over classifiers that is chosen after the sample; here each classifier is
fixed, and only which of them is looked at depends on the sample.

Sources: Arora et al. 2018 (arXiv 1802.05296), Lotfi et al. 2022 (arXiv 2211.13609) for compression; Langford 2005 (JMLR
6) for the inverse of kl.
"""

import math

from lit_idim.errors import UserError

_NUM_BISECTIONS = 100  # the interval of a double is exhausted after 53 from [0, 1]


def hoeffding_bound(error: float, num_bits: float, num_examples: int, delta: float = 0.05) -> float:
    """error + sqrt((K ln 2 + ln(1/delta)) / (2n)), above 1 where it says nothing.

    Args:
        error: share of wrong predictions on the sample.
        num_bits: K, of the prefix-free message that names the classifier.
        num_examples: n, of the sample.
        delta: probability with which the bound may fail.

    Returns:
        What the error on the sample's distribution does not exceed.

    Raises:
        UserError: if an argument is out of range.

    Source:
        Arora et al. 2018; Lotfi et al. 2022.

    Example:
        >>> round(hoeffding_bound(0.1, num_bits=200, num_examples=4000), 4)
        0.2331
    """
    return error + math.sqrt(_complexity(error, num_bits, num_examples, delta) / 2)


def kl_bound(error: float, num_bits: float, num_examples: int, delta: float = 0.05) -> float:
    """The largest p >= error with kl(error || p) <= (K ln 2 + ln(1/delta)) / n: never above `hoeffding_bound`.

    kl(q || p) = q ln(q/p) + (1 - q) ln((1 - q)/(1 - p)), in nats. Rounding is upwards.

    Args:
        error: share of wrong predictions on the sample.
        num_bits: K, of the prefix-free message that names the classifier.
        num_examples: n, of the sample.
        delta: probability with which the bound may fail.

    Returns:
        What the error on the sample's distribution does not exceed, at most 1.

    Raises:
        UserError: if an argument is out of range.

    Source:
        Langford 2005, with Chernoff's bound for the binomial tail; see the head of this file.

    Example:
        >>> round(kl_bound(0.1, num_bits=200, num_examples=4000), 4)
        0.1979
        >>> kl_bound(1.0, num_bits=8, num_examples=10)
        1.0
    """
    complexity = _complexity(error, num_bits, num_examples, delta)
    if error == 1:
        return 1.0
    if error == 0:
        return -math.expm1(-complexity)
    low, high = error, 1.0
    for _ in range(_NUM_BISECTIONS):
        middle = (low + high) / 2
        if binary_kl(error, middle) > complexity:
            high = middle
        else:
            low = middle
    # Pinsker's inequality puts it below Hoeffding's; where the two meet, rounding must not tell otherwise.
    return min(high, error + math.sqrt(complexity / 2))


def binary_kl(q: float, p: float) -> float:
    """kl(q || p) of two coins in nats; infinite where p rules out what q allows.

    Example:
        >>> binary_kl(0.25, 0.25), binary_kl(0.5, 1.0)
        (0.0, inf)
    """
    total = 0.0
    for share, reference in ((q, p), (1 - q, 1 - p)):
        if share > 0:
            total += share * math.log(share / reference) if reference > 0 else math.inf
    return total


def _complexity(error: float, num_bits: float, num_examples: int, delta: float) -> float:
    """(K ln 2 + ln(1/delta)) / n of arguments within their ranges."""
    if not 0 <= error <= 1:
        raise UserError(f"error: expected a share of examples from 0 to 1, got {error}; pass 1 - accuracy")
    if not 0 <= num_bits < math.inf:
        raise UserError(f"num_bits: expected the length of a message, at least 0 bits, got {num_bits}")
    if num_examples < 1:
        raise UserError(f"num_examples: expected at least 1 example, got {num_examples}")
    if not 0 < delta < 1:
        raise UserError(f"delta: expected a probability between 0 and 1, both excluded, got {delta}; pass 0.05")
    return (num_bits * math.log(2) - math.log(delta)) / num_examples
