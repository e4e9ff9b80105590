import itertools
import math

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from lit_idim.study.censored_regression import censored_slope, fit_censored_line
from lit_idim.study.model_bootstrap import bootstrap_models
from lit_idim.study.model_sizes import ModelSize, size_key
from lit_idim.study.rank_correlation import spearman
from lit_idim.study.size_trend import size_trend, size_trends
from lit_idim.study.trend import trend
from lit_idim.study.trend_points import TrendPoint

SIZES = (4e6, 1e7, 3e7, 5e7, 1e8, 3e8)


@pytest.fixture
def study(make_row):
    """Rows of models and their sizes: a number is a d90 with an interval of `width`, a word a status."""

    def make(values, sizes=SIZES, width=1.2, **changes):
        rows = []
        for number, (size, value) in enumerate(zip(sizes, values, strict=False)):
            found = {"status": value} if isinstance(value, str) else {"d90": value}
            if not isinstance(value, str) and width is not None:
                found |= {"d90_low": value / width, "d90_high": value * width}
            rows.append(make_row(model=f"model-{number}", num_parameters=int(size), **(found | changes)))
        return rows, {
            size_key(row): ModelSize(
                model=row.model,
                checkpoint=row.checkpoint,
                family="models",
                num_parameters=row.num_parameters,
                num_parameters_without_embeddings=row.num_parameters // 2 if number else None,
            )
            for number, row in enumerate(rows)
        }

    return make


def test_the_numbers_are_those_of_the_trend_of_steps(study):
    rows, sizes = study([900.0, "above_range", 500.0, 300.0, 400.0, "below_range"])
    found, plain = size_trend(rows, sizes, num_resamples=100), trend(rows, "num_parameters")
    assert (found.spearman, found.slope) == (pytest.approx(plain.spearman), plain.slope)
    assert (found.num_models, found.num_reached, found.num_above_range, found.num_below_range) == (6, 4, 1, 1)
    assert found.spearman_low <= found.spearman <= found.spearman_high
    assert math.exp(found.intercept + found.slope * math.log(3e7)) == pytest.approx(500, rel=0.5)
    assert "2 of 6 models are censored" in found.notes


def test_models_of_unknown_size_are_left_out_and_counted(study):
    rows, sizes = study([900.0, 700.0, "trivial", "failed", 500.0, "no_signal"])
    with_all, without = (one for one in size_trends(rows, sizes, num_resamples=50))
    assert (with_all.num_models, with_all.num_missing, with_all.num_trivial) == (3, 0, 1)
    assert (without.x, without.num_models, without.num_missing) == ("num_parameters_without_embeddings", 2, 1)
    assert "2 usable cells" in without.reason and without.spearman is without.slope is None
    assert (with_all.num_failed, with_all.num_no_signal) == (1, 1)


def test_resamples_by_hand():
    """All resamples of 4 exact models are known; each comes as often as the others."""
    x, d90 = (1, 2, 4, 8), (80.0, 20.0, 40.0, 10.0)
    points = [
        TrendPoint(x=x[i], censoring=0, value=d90[i], low=None, high=None, log_errors=(0.0, 0.0)) for i in range(4)
    ]
    expected = []
    for drawn in itertools.product(range(4), repeat=4):
        if len(set(drawn)) < 3:
            expected.append((math.nan, math.nan))
            continue
        u, v = np.log([x[i] for i in drawn]), np.log([d90[i] for i in drawn])
        expected.append((np.corrcoef(rankdata(u), rankdata(v))[0, 1], np.polyfit(u, v, 1)[0]))
    found = bootstrap_models(points, rng=np.random.default_rng(0), num_resamples=4000)
    by_hand = np.array(expected)
    for numbers, column in ((found.spearman, 0), (found.slope, 1)):
        known = by_hand[:, column][~np.isnan(by_hand[:, column])]
        assert np.isnan(numbers).mean() == pytest.approx(88 / 256, abs=0.03)
        kept = numbers[~np.isnan(numbers)]
        assert np.abs(kept[:, None] - known).min(axis=1).max() < 1e-6
        assert np.quantile(kept, [0.2, 0.5, 0.8]) == pytest.approx(np.quantile(known, [0.2, 0.5, 0.8]), abs=0.1)


def test_d90_is_drawn_from_its_own_interval():
    points = [
        TrendPoint(x=x, censoring=0, value=100.0, low=None, high=None, log_errors=(0.0, 0.0)) for x in (1, 2, 4, 8)
    ]
    points.append(TrendPoint(x=16, censoring=0, value=100.0, low=None, high=None, log_errors=(0.0, 0.5)))
    slopes = bootstrap_models(points, rng=np.random.default_rng(0), num_resamples=300).slope
    assert np.nanmin(slopes) > -1e-6 and np.nanmax(slopes) > 0.1  # the error is upwards only


def test_censored_models_stay_censored_and_ties_share_a_rank(study):
    rows, sizes = study(["above_range", "above_range", 300.0, 200.0, 100.0, 50.0], width=None)
    rows = [*rows[:2], *(row.__class__(**(vars(row) | {"d90_low": row.d90, "d90_high": row.d90})) for row in rows[2:])]
    found = size_trend(rows, sizes, num_resamples=300)
    stand_in = [1e9, 1e9, 300.0, 200.0, 100.0, 50.0]
    assert found.spearman == pytest.approx(spearmanr(SIZES, stand_in).statistic)
    assert found.spearman_high < -0.8 and found.slope < 0


def test_spearman_of_rows_with_an_x_each():
    rng = np.random.default_rng(1)
    x, y = rng.integers(5, size=(20, 9)).astype(float), rng.integers(4, size=(20, 9)).astype(float)
    expected = [spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)]
    assert spearman(x, y) == pytest.approx(expected)


def test_a_slope_alone_is_that_of_the_line():
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 3, 12)
    y = 8 - 0.5 * x + 0.4 * rng.standard_normal(12)
    for high in (99.0, 7.5):
        censoring = (y > high).astype(int)
        assert censored_slope(x, np.minimum(y, high), censoring) == pytest.approx(
            fit_censored_line(x, np.minimum(y, high), censoring).slope, abs=1e-9
        )


def test_intervals_come_from_the_seed_alone(study):
    rows, sizes = study([900.0, 700.0, 800.0, 300.0, 400.0, 200.0])
    first = size_trend(rows, sizes, num_resamples=100)
    np.random.seed(2)  # noqa: NPY002 - the global state must not matter
    assert size_trend(rows, sizes, num_resamples=100) == first
    assert size_trend(rows, sizes, num_resamples=100, seed=1) != first


def test_three_models_have_no_interval(study):
    rows, sizes = study([900.0, 700.0, 800.0])
    found = size_trend(rows, sizes, num_resamples=200)
    assert found.spearman == -0.5 and found.slope is not None
    assert found.spearman_low is found.slope_high is None
    assert "resamples have no slope: too few models" in found.slope_interval_reason
    assert found.num_resamples_without_spearman == found.num_resamples_without_slope > 100
    assert found.reason is found.slope_reason is None


@pytest.mark.parametrize(
    ("values", "sizes", "reason", "slope_reason"),
    [
        ([900.0, 700.0], SIZES, "2 usable cells", "2 reached cells"),
        ([900.0, 700.0, 800.0], (5e6, 5e6, 5e6), "lie at one x", "lie at one x"),
        (["above_range"] * 5, SIZES, "tied", "0 reached cells"),
        ([300.0] * 5, SIZES, "tied", None),
    ],
)
def test_too_little_is_refused_with_a_reason(study, values, sizes, reason, slope_reason):
    found = size_trend(*study(values, sizes), num_resamples=50)
    assert reason in found.reason and found.spearman is found.spearman_low is None
    assert (found.slope is None) == (slope_reason is not None)
    assert slope_reason is None or slope_reason in found.slope_reason
    assert slope_reason is not None or found.slope_low < found.slope_high


def test_mixed_rows_and_one_model_twice_are_refused(make_row):
    with pytest.raises(ValueError, match="expected one task and method"):
        size_trend([make_row(), make_row(model="other", task="toy-mrpc")], {})
    with pytest.raises(ValueError, match="one checkpoint a model, got several of toy-L2-H128"):
        size_trend([make_row(), make_row(pretraining_step=2000)], {})
    with pytest.raises(ValueError, match="expected one task and method"):
        size_trend([], {})


@pytest.mark.slow
@pytest.mark.parametrize(("scatter", "error", "d_max"), [(0.3, 0.2, 10**6), (0.5, 0.05, 10**6), (0.3, 0.2, 12_000)])
def test_a_known_slope_lies_in_its_interval_nine_times_in_ten(study, scatter, error, d_max):
    rng = np.random.default_rng(5)
    hits, slopes = 0, []
    for number in range(200):
        x = np.exp(rng.uniform(math.log(4e6), math.log(3e8), 20))
        truth = 9 - 0.3 * np.log(x / 3e7) + scatter * rng.standard_normal(20)
        measured = np.exp(truth + error * rng.standard_normal(20))
        values = ["above_range" if d90 > d_max else float(d90) for d90 in measured]
        rows, sizes = study(values, x, width=math.exp(1.645 * error), d_max=d_max)
        found = size_trend(rows, sizes, num_resamples=150, seed=number)
        hits += found.slope_low <= -0.3 <= found.slope_high
        slopes.append(found.slope)
    assert 0.80 <= hits / 200 <= 0.97
    assert np.mean(slopes) == pytest.approx(-0.3, abs=0.02)
