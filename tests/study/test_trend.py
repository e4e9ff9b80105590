import itertools
import math

import numpy as np
import pytest
from scipy.stats import kendalltau, norm, spearmanr
from scipy.stats import t as student_t

from lit_idim.study.censored_regression import fit_censored_line
from lit_idim.study.geometric_mean import geometric_mean_rows
from lit_idim.study.trend import trend

STEPS = (0, 125, 250, 500, 1000, 2000, 4000)


@pytest.fixture
def series(make_row):
    """Rows along the steps: a number is a d90 with a 20% interval, a word a status."""

    def make(values, steps=STEPS, width=1.2, **changes):
        return [
            make_row(pretraining_step=step, status=value, **changes)
            if isinstance(value, str)
            else make_row(pretraining_step=step, d90=value, d90_low=value / width, d90_high=value * width, **changes)
            for step, value in zip(steps, values, strict=False)
        ]

    return make


def test_censored_cells_are_ties_at_the_ends(series):
    values = ["above_range", "above_range", 900.0, 300.0, 500.0, 100.0, "below_range"]
    found = trend(series(values))
    stand_in = [1e9, 1e9, 900.0, 300.0, 500.0, 100.0, 1e-9]
    assert found.spearman == pytest.approx(spearmanr(STEPS, stand_in).statistic)
    assert found.kendall == pytest.approx(kendalltau(STEPS, stand_in).statistic)
    assert (found.num_reached, found.num_above_range, found.num_below_range) == (4, 2, 1)
    assert found.spearman_low <= found.spearman <= found.spearman_high < 0
    assert "3 of 7 cells are censored" in found.notes


def test_kendall_by_counting_pairs(series):
    values = [900.0, 800.0, 850.0, 300.0, 500.0, 100.0, 90.0]
    pairs = itertools.combinations(range(7), 2)
    signs = [np.sign(values[j] - values[i]) for i, j in pairs]
    assert trend(series(values)).kendall == pytest.approx(sum(signs) / len(signs))


def test_what_is_not_measured_is_left_out_and_counted(series, make_row):
    rows = series(["trivial", "no_signal", "failed", 400.0, 300.0, 200.0, 100.0])
    rows.append(make_row(pretraining_step=None))
    found = trend(rows)
    assert (found.num_trivial, found.num_no_signal, found.num_failed, found.num_missing) == (1, 1, 1, 1)
    assert found.kendall == -1
    assert "left out: 1 failed, 1 missing, 1 no_signal, 1 trivial" in found.notes


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([300.0, 200.0], "2 usable cells"),
        (["trivial", "failed", 300.0, "no_signal", 200.0], "2 usable cells"),
        (["above_range"] * 4, "tied"),
        ([300.0] * 4, "tied"),
        ([], "0 usable cells"),
    ],
)
def test_too_little_is_refused_with_a_reason(series, values, reason):
    found = trend(series(values))
    assert reason in found.reason
    assert found.spearman is found.kendall is found.spearman_low is None
    assert not found.slope


def test_ranks_without_a_slope(series):
    found = trend(series(["above_range", "above_range", "above_range", 200.0, 100.0]))
    assert found.spearman is not None and found.slope is None
    assert "2 reached cells" in found.slope_reason


def test_step_0_counts_in_ranks_and_not_in_the_slope(series):
    values = [5000.0, *(1000 * (step / 125) ** -0.5 for step in STEPS[1:])]
    found = trend(series(values))
    assert found.slope == pytest.approx(-0.5, abs=1e-4)
    assert found.num_slope_cells == 6 and found.num_reached == 7
    assert found.spearman == pytest.approx(-1)
    assert "step 0" in found.notes
    assert trend(series([1.0, *values[1:]])).slope == found.slope
    assert trend(series([1.0, *values[1:]])).spearman != found.spearman


def test_wide_intervals_overlap_and_blur_the_ranks(series):
    values = [1000.0, 950.0, 900.0, 850.0, 800.0, 750.0, 700.0]
    sharp, blurred = trend(series(values, width=1.01)), trend(series(values, width=3.0))
    assert sharp.intervals_overlap is False and blurred.intervals_overlap is True
    assert sharp.spearman_high < -0.9 < blurred.spearman_high


def test_intervals_come_from_the_seed_alone(series):
    rows = series([1000.0, 950.0, 900.0, "above_range", 800.0, 750.0, 700.0], width=2.0)
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    first = trend(rows, num_resamples=200)
    np.random.seed(2)  # noqa: NPY002
    assert trend(rows, num_resamples=200) == first
    assert trend(rows, num_resamples=200, seed=1) != first


def test_model_size_and_variants(series, make_row):
    rows = [
        make_row(num_parameters=size, d90_chance_corrected=5000 / size, d90=100.0 + size) for size in (10, 20, 40, 80)
    ]
    found = trend(rows, "num_parameters", "d90_chance_corrected")
    assert found.slope == pytest.approx(-1, abs=1e-4) and found.kendall == -1
    assert trend(rows, "num_parameters").kendall == 1
    assert trend(rows, "num_parameters", "d90_final_target").num_missing == 4


def test_mixed_rows_are_refused(make_row):
    with pytest.raises(ValueError, match="expected one task and method"):
        trend([make_row(), make_row(task="toy-mrpc")])


def test_uncensored_interval_is_students():
    rng = np.random.default_rng(0)
    x = np.linspace(4, 9, 9)
    y = 8 - 0.3 * x + 0.2 * rng.standard_normal(9)
    line = fit_censored_line(x, y, np.zeros(9, int))
    (slope, _), covariance = np.polyfit(x, y, 1, cov=True)
    half = student_t.ppf(0.95, 7) * math.sqrt(covariance[0, 0])
    assert (line.slope, line.slope_low, line.slope_high) == pytest.approx((slope, slope - half, slope + half), abs=1e-5)


def test_no_line_near_the_fitted_one_is_likelier():
    rng = np.random.default_rng(3)
    x = np.linspace(0, 3, 10)
    y = 8 - 0.5 * x + 0.4 * rng.standard_normal(10)
    censoring = (y > 7.8).astype(int) - (y < 6.7)
    assert set(censoring) == {-1, 0, 1}
    y = np.clip(y, 6.7, 7.8)

    def loss(a, b, sigma):
        z = (y - a - b * x) / sigma
        terms = np.where(censoring == 0, norm.logpdf(z) - math.log(sigma), norm.logcdf(-censoring * z))
        return -terms.sum()

    line = fit_censored_line(x, y, censoring)
    best = loss(line.intercept, line.slope, line.sigma)
    for a, b, sigma in itertools.product((-1e-3, 0, 1e-3), repeat=3):
        assert best <= loss(line.intercept + a, line.slope + b, line.sigma + sigma) + 1e-8


@pytest.mark.parametrize(("high", "low"), [(99.0, -99.0), (7.5, 6.5)])
def test_a_known_slope_lies_in_its_interval_nine_times_in_ten(high, low):
    rng = np.random.default_rng(7)
    x = np.linspace(0, 3, 12)
    hits = studies = 0
    estimates = []
    for _ in range(200):
        y = 8 - 0.5 * x + 0.4 * rng.standard_normal(12)
        censoring = (y > high).astype(int) - (y < low)
        if (censoring == 0).sum() < 3:
            continue
        line = fit_censored_line(x, np.clip(y, low, high), censoring)
        studies += 1
        hits += (line.slope_low or -math.inf) <= -0.5 <= (line.slope_high or math.inf)
        estimates.append(line.slope)
    assert studies > 190
    assert 0.85 <= hits / studies <= 0.98
    assert np.median(estimates) == pytest.approx(-0.5, abs=0.05)


def test_geometric_mean_of_three_tasks(make_row):
    rows = [
        make_row(task=task, d90=d90, d90_low=d90 / 2, d90_high=d90 * 3)
        for task, d90 in (("a", 100.0), ("b", 200.0), ("c", 400.0))
    ]
    (mean,) = geometric_mean_rows(rows)
    assert mean.d90 == pytest.approx(200)
    assert mean.d90_low == pytest.approx(200 * math.exp(-math.log(2) / math.sqrt(3)))
    assert mean.d90_high == pytest.approx(200 * math.exp(math.log(3) / math.sqrt(3)))
    assert mean.tasks == ("a", "b", "c") and mean.reason is None


def test_a_censored_or_missing_task_leaves_no_mean(make_row):
    rows = [make_row(task=task, pretraining_step=step) for step in (0, 10, 20, 30) for task in ("a", "b")]
    rows[1] = make_row(task="b", pretraining_step=0, status="above_range")
    del rows[3]
    means = geometric_mean_rows(rows)
    assert [mean.d90 is None for mean in means] == [True, True, False, False]
    assert "b: above_range" in means[0].reason and "b: not measured" in means[1].reason
    found = trend(means)
    assert found.num_missing == 2 and "2 usable cells" in found.reason


def test_one_cell_twice_is_refused(make_row):
    with pytest.raises(ValueError, match="one row a cell"):
        geometric_mean_rows([make_row(), make_row()])
