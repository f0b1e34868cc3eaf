"""Trend estimators against statsmodels, scipy's linear programming, numpy and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from gamma_views import series_of
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.common.quantile import TIE, exact_lines, first_least, quantile_slopes
from race_to_efficiency.calibration.gamma.frontier import is_record, record_slopes, running_maximum_slopes
from race_to_efficiency.calibration.gamma.trends import (
    coefficients,
    fit_line,
    gain_slopes,
    line_levels,
    line_slopes,
    row_slopes,
)
from scipy.optimize import linprog


def made(seed: int, count: int = 60, **extra):
    rng = np.random.default_rng(seed)
    years = np.sort(rng.uniform(2015.0, 2025.0, count))
    return series_of(years, 30.0 + 0.4 * (years - 2020.0) + rng.normal(0, 0.7, count), **extra)


@pytest.mark.parametrize("seed", range(3))
def test_lmfit_line_is_statsmodels_line(seed):
    series = made(seed)
    theirs = sm.OLS(series.value, sm.add_constant(series.time - series.time.mean())).fit()
    ours = fit_line(series)
    assert ours.slope == pytest.approx(theirs.params[1], rel=1e-10)
    assert ours.level == pytest.approx(theirs.params[0], rel=1e-10)
    assert ours.stderr == pytest.approx(theirs.bse[1], rel=1e-6)
    assert ours.interval() == pytest.approx(tuple(theirs.conf_int()[1]), rel=1e-6)
    assert ours.residual_sd == pytest.approx(np.sqrt(theirs.mse_resid), rel=1e-9)


def test_fixed_effects_are_dummies():
    rng = np.random.default_rng(5)
    cells = np.repeat(np.arange(20), 3)
    years = 2018 + rng.uniform(0, 6, 60)
    series = series_of(years, rng.normal(0, 3, 20)[cells] + 0.3 * years + rng.normal(0, 0.2, 60), cells=cells)
    dummies = (cells[:, None] == np.arange(20)).astype(float)
    theirs = sm.OLS(series.value, np.column_stack([years, dummies])).fit()
    ours = fit_line(series)
    assert ours.slope == pytest.approx(theirs.params[0], rel=1e-8)
    assert ours.stderr == pytest.approx(theirs.bse[0], rel=1e-6)
    assert ours.dof == theirs.df_resid
    assert line_slopes(series, np.ones((1, 60)))[0] == pytest.approx(theirs.params[0], rel=1e-9)


def test_covariate_and_ratio_are_statsmodels():
    rng = np.random.default_rng(7)
    years = np.sort(rng.uniform(2014, 2023, 46))
    compute = 60 + 2 * (years - 2018) + rng.normal(0, 3, 46)
    loss = 2.5 - 0.023 * compute - 0.02 * years + rng.normal(0, 0.05, 46)
    series = series_of(years, loss, covariate=compute)
    theirs = sm.OLS(loss, np.column_stack([np.ones(46), years - 2018, compute])).fit()
    time, extra = coefficients(series, np.ones((1, 46)))
    assert (time[0], extra[0]) == pytest.approx((theirs.params[1], theirs.params[2]), rel=1e-7)
    line = fit_line(series)
    assert (line.slope, line.covariate_slope) == pytest.approx((theirs.params[1], theirs.params[2]), rel=1e-7)
    assert gain_slopes(series, np.ones((1, 46)))[0] == pytest.approx(theirs.params[1] / theirs.params[2], rel=1e-7)


def test_a_ratio_needs_a_covariate():
    with pytest.raises(ValueError, match="covariate"):
        gain_slopes(made(1), np.ones((1, 60)))


@given(st.integers(0, 10_000))
def test_a_weight_of_zero_is_a_row_left_out_and_of_two_a_row_repeated(seed):
    series = made(seed, 25)
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 3, 25)
    counts[:3] = 1
    repeated = series.take(np.repeat(np.arange(25), counts))
    weighted = line_slopes(series, counts[None].astype(float))[0]
    assert weighted == pytest.approx(fit_line(repeated).slope, rel=1e-8)


@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(-40, 40))
def test_slopes_follow_the_units_of_value_and_date(seed, tilt, shift):
    series = made(seed, 20)
    moved = series_of(series.time, series.value + tilt * (series.time - 2020.0) + shift)
    assert fit_line(moved).slope == pytest.approx(fit_line(series).slope + tilt, abs=1e-8)


def test_a_level_is_the_line_at_a_date():
    series = made(3)
    theirs = sm.OLS(series.value, sm.add_constant(series.time - 2026.0)).fit()
    assert line_levels(series, np.ones((1, 60)), 2026.0)[0] == pytest.approx(theirs.params[0], rel=1e-10)


def test_records_and_running_maximum_by_hand():
    # Values 1 3 2 3 5 at years 0..4: records at 0, 1, 4 (a tie is none); running maximum 1 3 3 3 5.
    series = series_of([2000, 2001, 2002, 2003, 2004], [1, 3, 2, 3, 5])
    assert is_record(series).tolist() == [True, True, False, False, True]
    ones = np.ones((1, 5))
    assert record_slopes(series, ones)[0] == pytest.approx(np.polyfit([0, 1, 4], [1, 3, 5], 1)[0])
    assert running_maximum_slopes(series, ones)[0] == pytest.approx(np.polyfit(range(5), [1, 3, 3, 3, 5], 1)[0])
    without = np.asarray([[1.0, 0.0, 1.0, 1.0, 1.0]])
    assert record_slopes(series, without)[0] == pytest.approx(np.polyfit([0, 2, 3, 4], [1, 2, 3, 5], 1)[0])
    assert running_maximum_slopes(series, without)[0] == pytest.approx(np.polyfit([0, 2, 3, 4], [1, 2, 3, 5], 1)[0])


def test_an_undetermined_slope_is_nan_not_a_number():
    series = series_of([2000, 2001, 2002], [1, 2, 3])
    found = line_slopes(series, np.asarray([[1.0, 0, 0], [0, 0, 0], [1, 1, 0]]))
    assert np.isnan(found).tolist() == [True, True, False]
    assert np.isnan(record_slopes(series, np.asarray([[0.0, 0, 1]]))).all()


def test_row_slopes_take_times_of_their_own():
    rng = np.random.default_rng(0)
    times, values = rng.normal(size=(4, 9)), rng.normal(size=(4, 9))
    expected = [np.polyfit(t, v, 1)[0] for t, v in zip(times, values, strict=True)]
    assert row_slopes(times, values, np.ones((4, 9))) == pytest.approx(expected)


@pytest.mark.parametrize("years", [[2000.0, 2000.0, 2000.0, 2000.0], [2000.0, 2001.0]])
def test_too_little_for_a_trend_is_said(years):
    with pytest.raises(ValueError, match="more rows than parameters on at least 2 dates"):
        fit_line(series_of(years, range(len(years))))


def linear_programme(time, value, weights, quantile):
    """The check loss as scipy's HiGHS solves it: line = p - q, residual = u - v, all not negative."""
    count = len(time)
    cost = np.concatenate([np.zeros(4), quantile * weights, (1 - quantile) * weights])
    design = np.column_stack([np.ones(count), -np.ones(count), time, -time, np.eye(count), -np.eye(count)])
    solved = linprog(cost, A_eq=design, b_eq=value, bounds=[(0, None)] * len(cost), method="highs")
    assert solved.status == 0
    return solved.x[2] - solved.x[3], solved.fun


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_quantile_line_is_the_linear_programmes_and_statsmodels(seed, quantile):
    series = made(seed, 41)
    time = series.time - series.time.mean()
    ours = quantile_slopes(quantile)(series, np.ones((1, 41)))[0]
    slope, _ = linear_programme(time, series.value, np.ones(41), quantile)
    assert ours == pytest.approx(slope, abs=1e-8)
    theirs = sm.QuantReg(series.value, sm.add_constant(time)).fit(q=quantile, max_iter=5000)
    assert ours == pytest.approx(theirs.params[1], abs=2e-3)


@given(st.integers(0, 10_000), st.sampled_from([0.25, 0.5, 0.9]))
def test_weighted_quantile_lines_reach_the_programmes_loss(seed, quantile):
    rng = np.random.default_rng(seed)
    time, value = rng.normal(size=15), rng.normal(size=15)
    weights = rng.exponential(size=(2, 15))
    slope, intercept = exact_lines(time, value, weights, quantile)
    for row, (b, a) in zip(weights, zip(slope, intercept, strict=True), strict=True):
        residual = value - a - b * time
        loss = float(row @ np.where(residual >= 0, quantile * residual, (quantile - 1) * residual))
        assert loss == pytest.approx(linear_programme(time, value, row, quantile)[1], abs=1e-8)


@given(st.integers(0, 10_000), st.integers(3, 14), st.booleans())
def test_of_lines_that_tie_the_first_is_taken_whatever_rounding_makes_of_the_others(seed, count, steps):
    rng = np.random.default_rng(seed)
    # values in steps of a half and equal weights make many lines of one loss; the sums of some differ in the last bit
    value = np.round(2 * rng.normal(size=count)) / 2 if steps else rng.normal(size=count)
    first, second = np.triu_indices(count, 1)
    time = np.arange(count, dtype=float)
    slope = (value[second] - value[first]) / (time[second] - time[first])
    residual = np.abs(value[:, None] - value[first] - slope * (time[:, None] - time[first]))
    loss = rng.integers(0, 4, size=(6, count)).astype(float) @ residual
    chosen = first_least(loss)
    assert chosen.tolist() == np.argmin(np.round(loss, 9), axis=1).tolist()
    shaken = loss * (1.0 + 4.0 * np.finfo(float).eps * rng.uniform(-1, 1, size=loss.shape))
    assert first_least(shaken).tolist() == chosen.tolist()


def test_a_tie_is_a_billionth_wide_and_counts_from_the_least():
    loss = np.array([[1.0 + 2.0 * TIE, 1.0 + 0.5 * TIE, 1.0, 1.0], [5.0, 4.0, 1.0, 3.0]])
    assert first_least(loss).tolist() == [1, 2]


def test_long_series_go_through_statsmodels():
    series = made(11, 200)
    time = series.time - series.time.mean()
    slope, _ = linear_programme(time, series.value, np.ones(200), 0.9)
    assert quantile_slopes(0.9)(series, np.ones((1, 200)))[0] == pytest.approx(slope, abs=2e-3)


@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.5])
def test_a_quantile_outside_its_range_is_refused(quantile):
    with pytest.raises(ValueError, match="quantile"):
        quantile_slopes(quantile)


def test_order_is_by_date_then_value_then_id():
    series = series_of([2001, 2000, 2000, 2000], [5, 7, 6, 6]).ordered()
    assert series.value.tolist() == [6, 6, 7, 5]
    assert series.row_ids.tolist() == ["row 2", "row 3", "row 1", "row 0"]
