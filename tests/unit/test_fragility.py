"""Fragility: the worst two rows by brute force, moved starts, and the status they leave."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from gamma_views import inputs, inputs_of, series_of
from gamma_views import result as result_of
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.calibration.common.quantile import quantile_slopes
from race_to_efficiency.calibration.gamma.components import Component
from race_to_efficiency.calibration.gamma.components_algorithm import algorithmic_lm
from race_to_efficiency.calibration.gamma.components_hardware import hardware
from race_to_efficiency.calibration.gamma.fragility import (
    fragility_rows,
    fragility_verdict,
    mixture_rows,
    tornado_rows,
)
from race_to_efficiency.calibration.gamma.pairs_out import leave_pairs_out
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend
from race_to_efficiency.calibration.gamma.trends import fit_line

PART = Component("x", "mean", (), "none", "x")


def trend(years, values, **extra):
    return fit_trend(inputs_of({}), PART, series_of(years, values).ordered(), **extra)


@settings(max_examples=10)
@given(st.integers(0, 5000))
def test_leave_two_out_is_the_loop_over_pairs(seed):
    rng = np.random.default_rng(seed)
    fit = trend(np.sort(rng.uniform(2015, 2025, 12)), rng.normal(size=12))
    found, pairs = leave_pairs_out(fit.series, fit)
    keep = np.ones((len(pairs), 12), dtype=bool)
    for row, pair in enumerate(pairs):
        keep[row, list(pair)] = False
    expected = [fit_line(fit.series.take(mask)).slope for mask in keep]
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert pairs == list(combinations(range(12), 2))


def test_on_a_long_series_the_worst_pair_is_still_found():
    rng = np.random.default_rng(3)
    years = np.sort(rng.uniform(2015, 2025, 120))
    values = 0.3 * years + rng.normal(0, 0.3, 120)
    values[0] += 6.0
    values[-1] -= 6.0
    fit = trend(years, values)
    found, pairs = leave_pairs_out(fit.series, fit)
    assert set(pairs[int(np.argmax(found))]) == {0, 119}
    every = [fit_line(fit.series.take(np.delete(np.arange(120), [0, other]))).slope for other in range(1, 120)]
    assert found.max() == pytest.approx(max(every), rel=1e-9)


def test_long_quantile_series_try_few_pairs():
    rng = np.random.default_rng(4)
    years = np.sort(rng.uniform(2015, 2025, 160))
    made = inputs_of({}, draws=100)
    series = series_of(years, 0.3 * years + rng.normal(size=160)).ordered()
    fit = fit_trend(
        made,
        Component("x", "quantile_0.5", (), "none", "x"),
        series,
        slopes=quantile_slopes(0.5),
        resampling="presence",
    )
    assert len(leave_pairs_out(fit.series, fit)[1]) == 15


def test_a_sign_that_hangs_on_two_rows_is_weak():
    years = np.linspace(2015, 2025, 20)
    values = -0.02 * (years - 2020) + 0.001 * np.cos(np.arange(20))
    values[[0, 1]] -= 3.0
    fit = trend(years, values)
    assert fit.estimate.value > 0
    rows = fragility_rows(inputs_of({}), fit, {})
    assert any(row["kind"] == "leave_two_out" and row["sign_changes"] for row in rows)
    assert any("sign changes" in reason for reason in fragility_verdict(rows))


def test_a_bend_is_caught_by_the_moved_start():
    years = np.linspace(2012, 2025, 60)
    values = np.where(years < 2014, 2.0 * (years - 2014), 0.2 * (years - 2014)) + 0.02 * np.sin(7 * years)
    fit = trend(years, values)
    reasons = fragility_verdict(fragility_rows(inputs_of({}), fit, {}))
    assert any("leaves its own 95 % interval" in reason and "2 years later" in reason for reason in reasons)


def test_a_rate_of_nothing_that_moves_is_told_without_a_share_of_it():
    made = inputs("2022-12-31")
    row = next(row for row in fragility_rows(made, algorithmic_lm(made)[0], {}) if row["moves_much"])
    still = {"base": 0.0, "sign_changes": False, "status_changes": False, "outside_interval": False}
    (reason,) = fragility_verdict([row | still])
    assert reason.startswith("it moves away from 0: start 2 years later gives")


def test_a_rate_that_moves_by_a_third_is_weak_even_inside_its_interval():
    made = inputs("2022-12-31")
    fit = algorithmic_lm(made)[0]
    rows = fragility_rows(made, fit, {})
    later = next(row for row in rows if row["change"] == "start 2 years later")
    assert not later["outside_interval"]
    assert later["moves_much"]
    assert any("it moves by 36%" in reason for reason in fragility_verdict(rows))


def test_a_clean_trend_stays_trusted():
    rng = np.random.default_rng(1)
    years = np.linspace(2014, 2025, 60)
    fit = trend(years, 0.4 * years + rng.normal(0, 0.5, 60))
    assert fragility_verdict(fragility_rows(inputs_of({}), fit, {})) == []


def test_the_start_moves_both_ways_where_rows_exist():
    years = np.linspace(2010, 2025, 90)
    rng = np.random.default_rng(2)
    series = series_of(years, 0.3 * years + rng.normal(0, 0.3, 90)).ordered()
    from datetime import date

    fit = fit_trend(inputs_of({}), PART, series, start=date(2015, 1, 1))
    rows = {row["change"]: row for row in fragility_rows(inputs_of({}), fit, {}) if row["kind"] == "window"}
    earlier, later = rows["start 2 years earlier"], rows["start 2 years later"]
    assert earlier["n_rows"] > fit.estimate.n_rows > later["n_rows"]
    assert earlier["value"] == pytest.approx(
        fit_line(series.take(years >= fit.series.time.min() - 2.0)).slope, abs=1e-3
    )
    assert earlier["delta"] == pytest.approx(earlier["value"] - fit.estimate.value)


def test_the_mean_chip_survives_and_the_recent_slope_does_not():
    made = inputs("2026-03-31")
    fits = {fit.component.key: fit for fit in hardware(made)}
    mean, recent = fits["hardware_tensor16.mean_chip"], fits["hardware_tensor16.recent"]
    rows = fragility_rows(made, mean, fits)
    assert fragility_verdict(rows) == []
    assert {"window", "leave_two_out", "clusters", "definition"} <= {row["kind"] for row in rows}
    assert any("sign changes" in reason for reason in fragility_verdict(fragility_rows(made, recent, fits)))


def test_the_two_rows_before_2018_carry_the_algorithmic_rate():
    result = result_of("2026-03-31")
    rows = [row for row in result.fragility if row["component"] == "algorithmic_lm.ln_loss"]
    lowest = min((row for row in rows if row["kind"] == "leave_two_out"), key=lambda row: row["value"])
    assert lowest["value"] == pytest.approx(0.639, abs=1e-3)
    assert result.fits["algorithmic_lm.ln_loss"].estimate.status == "weak"


def test_the_tornado_moves_the_route_by_what_the_component_moves():
    result = result_of("2026-03-31")
    route = result.fits["route.D"]
    rows = [row for row in result.fragility if row["component"] == "route.D"]
    assert rows
    for row in rows:
        assert row["value"] == pytest.approx(route.estimate.value + row["delta"])
        assert row["change"].split(":")[0] in ("training_flop_per_joule.ols", "algorithmic.mixture")


def test_a_subtracted_term_moves_the_route_the_other_way():
    fit = trend(np.linspace(2015, 2025, 20), np.linspace(0, 5, 20))
    base = {"component": "growth.winners_tdp", "kind": "window", "change": "x", "delta": 0.1, "value": 0.3}
    row = tornado_rows(fit, {"growth.winners_tdp": -1}, [base])[0]
    assert row["value"] == pytest.approx(fit.estimate.value - 0.1)


def test_each_part_of_the_mixture_is_shown_alone():
    result = result_of("2026-03-31")
    rows = [row for row in result.fragility if row["component"] == "algorithmic.mixture"]
    assert [row["change"].removesuffix(" alone") for row in rows] == [
        "algorithmic_lm.ln_loss",
        "algorithmic_published.prior",
        "speedrun_tokens.recent",
    ]
    assert mixture_rows(inputs_of({}), result.fits["growth.price"], {}) == []
