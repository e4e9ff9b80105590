import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import beta, binom

from lit_idim.certificate.bounds import binary_kl, hoeffding_bound, kl_bound
from lit_idim.errors import UserError

BOUNDS = pytest.mark.parametrize("bound", [hoeffding_bound, kl_bound])


@given(error=st.floats(0, 1), num_bits=st.integers(0, 10_000), n=st.integers(1, 10**7), delta=st.floats(1e-9, 1 - 1e-9))
def test_kl_never_lies_above_hoeffding(error: float, num_bits: int, n: int, delta: float) -> None:
    bound = kl_bound(error, num_bits, n, delta)
    assert error <= bound <= min(1.0, hoeffding_bound(error, num_bits, n, delta))


@pytest.mark.parametrize("error", [0.0, 0.003, 0.1, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize(("num_bits", "n"), [(0, 10), (0, 10_000), (100, 50), (300, 4000), (5000, 67_349)])
def test_kl_is_the_root_of_its_equation(error: float, num_bits: int, n: int) -> None:
    complexity = (num_bits * math.log(2) + math.log(20)) / n

    def excess(p: float) -> float:
        return error * math.log(error / p) + (1 - error) * math.log((1 - error) / (1 - p)) - complexity

    expected = {0.0: 1 - math.exp(-complexity), 1.0: 1.0}.get(error)
    if expected is None:
        top = math.nextafter(1.0, 0.0)
        expected = brentq(excess, error, top, xtol=1e-14) if excess(top) > 0 else 1.0
    assert kl_bound(error, num_bits, n) == pytest.approx(expected, abs=1e-9)


def test_kl_agrees_with_a_grid() -> None:
    grid = np.linspace(0.2, 1, 800_001)[:-1]
    allowed = [p for p in grid if binary_kl(0.2, p) <= (50 * math.log(2) + math.log(20)) / 500]
    assert kl_bound(0.2, 50, 500) == pytest.approx(max(allowed), abs=2e-6)


@pytest.mark.parametrize("num_wrong", [0, 1, 7, 50, 99])
def test_without_a_choice_it_is_a_little_above_the_exact_binomial_bound(num_wrong: int) -> None:
    n, delta = 100, 0.05
    exact = beta.ppf(1 - delta, num_wrong + 1, n - num_wrong)
    assert exact <= kl_bound(num_wrong / n, 0, n, delta) <= exact + 0.05
    assert binom.cdf(num_wrong, n, exact) == pytest.approx(delta)


def test_it_covers_and_is_nearly_tight() -> None:
    """8 classifiers of known errors, the best on the sample chosen: 3 bits name it."""
    draws = np.random.default_rng(0)
    errors, n, num_repeats = np.linspace(0.2, 0.27, 8), 20_000, 2000
    sampled = draws.binomial(n, errors, size=(num_repeats, 8)) / n
    chosen = sampled.argmin(axis=1)
    gaps = np.array([
        kl_bound(sample[choice], 3, n) - errors[choice] for sample, choice in zip(sampled, chosen, strict=True)
    ])  # fmt: skip
    assert np.mean(gaps < 0) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / num_repeats)
    assert 0 < gaps.mean() < 0.02


def test_the_bits_of_the_choice_must_be_counted() -> None:
    """256 independent classifiers of equal error, the best on the sample chosen: its error looks far too low."""
    draws = np.random.default_rng(1)
    n, num_bits, error, num_repeats = 2000, 8, 0.3, 500
    best = draws.binomial(n, error, size=(num_repeats, 2**num_bits)).min(axis=1) / n
    with_bits = np.array([kl_bound(sample, num_bits, n) for sample in best])
    without = np.array([kl_bound(sample, 0, n) for sample in best])
    assert np.mean(with_bits < error) <= 0.05
    assert np.mean(without < error) > 0.5
    assert with_bits.mean() - error < 0.02


@BOUNDS
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("error", -0.1), ("error", 1.1), ("error", math.nan), ("num_bits", -1), ("num_bits", math.inf),
        ("num_bits", math.nan), ("num_examples", 0), ("delta", 0.0), ("delta", 1.0),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_named(bound, name, value):
    with pytest.raises(UserError, match=f"{name}: expected"):
        bound(**({"error": 0.1, "num_bits": 8, "num_examples": 100} | {name: value}))


def test_kl_of_coins_that_never_or_always_fall_so() -> None:
    assert binary_kl(0, 0.5) == binary_kl(1, 0.5) == pytest.approx(math.log(2))
    assert binary_kl(0, 0) == binary_kl(1, 1) == 0
    assert binary_kl(0.5, 0) == binary_kl(0.5, 1) == math.inf
    assert binary_kl(0.3, 0.4) == pytest.approx(0.3 * math.log(0.3 / 0.4) + 0.7 * math.log(0.7 / 0.6))
