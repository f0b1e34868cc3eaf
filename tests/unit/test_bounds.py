"""What physics allows: worked by hand, and nothing beyond."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.evaluation import bounds
from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS, origin_of
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.predictive import TAU
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.units import Quarter
from scipy import stats
from small_settings import section

PARAMS = section("backtest", horizon_quarters=4)
NOW = Quarter(2026, 1)


@pytest.fixture(scope="module")
def views(root: Path) -> LedgerViews:
    return LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, NOW.as_of)


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_a_bound_beyond_all_that_is_known_with_its_source(views: LedgerViews, name: str) -> None:
    origin = origin_of(TARGETS[name], views, NOW, PARAMS, 7)
    limit, source = bounds.bound(origin, views)
    assert limit.shape == (4,)
    assert source
    # a few rows of single runs are fine-tunings whose energy is not theirs
    assert (limit > np.quantile(origin.value, 0.95)).all()


def test_seconds_at_peak_by_hand(views: LedgerViews) -> None:
    """The record's 380 million tokens are 2.8e17 FLOP: 35.7 s at the BF16 peak of 8 H100, half of it at FP8."""
    origin = origin_of(TARGETS["speedrun_record_time"], views, NOW, PARAMS, 7)
    limit, _ = bounds.bound(origin, views)
    flop = 380_108_800 * 6 * 124e6
    assert flop == pytest.approx(2.8e17, rel=0.02)
    at_bf16 = flop / (8 * 989.4e12)
    assert at_bf16 == pytest.approx(35.7, abs=0.1)
    expected = at_bf16 / 2 * 2.0 ** (-PARAMS.bounds.speedrun_token_halvings.value * np.arange(1, 5) / 4)
    np.testing.assert_allclose(2.0**-limit, expected, rtol=2e-3)


def test_compute_is_power_times_time_times_efficiency(views: LedgerViews) -> None:
    origin = origin_of(TARGETS["frontier_compute"], views, NOW, PARAMS, 7)
    limit, source = bounds.bound(origin, views)
    runs = views.known(TARGETS["training_flop_per_joule_year"], NOW.as_of).observations
    recent = runs.loc[runs["time"] > runs["time"].max() - 1, "value"].median()
    caps, years = PARAMS.bounds, np.arange(1, 5) / 4
    hours = caps.usual_hours.value * 2.0 ** (caps.duration_growth_per_year.value * years)
    assert (hours < caps.run_hours.value).all()
    expected = caps.power_w.value * hours * 3600 * 2.0 ** (recent + caps.efficiency_growth_per_year.value * years)
    np.testing.assert_allclose(limit, np.log2(expected))
    for part in ("45 GW", "15 months", "a doubling a year"):
        assert part in source
    # runs do not grow beyond the longest one worth it
    short = PARAMS.bounds.run_hours.model_copy(update={"value": 2000.0})
    capped = PARAMS.model_copy(update={"bounds": PARAMS.bounds.model_copy(update={"run_hours": short})})
    less = bounds.bound(dataclasses.replace(origin, params=capped), views)[0]
    np.testing.assert_allclose(limit - less, np.log2(hours / 2000.0))
    # before any run states power and hours, the best chip stands in; before any chip, what no chip exceeds
    early = dataclasses.replace(origin, quarter=Quarter(2015, 1))
    chips = views.used("accelerators", dt.date(2015, 3, 31))
    assert chips["fp16_tensor_flop_s"].isna().all()
    top = bounds.efficiency(early, views) - np.arange(1, 5) / 4 * caps.efficiency_growth_per_year.value
    known = views.known(TARGETS["training_flop_per_joule_year"], dt.date(2015, 3, 31)).observations
    assert len(known[known["time"] > 2014.25]) < 3
    np.testing.assert_allclose(top, np.log2(caps.chip_flop_s_per_w.value))


def test_power_implied_by_a_compute_forecast(views: LedgerViews) -> None:
    origin = origin_of(TARGETS["frontier_compute"], views, NOW, PARAMS, 7)
    limit, _ = bounds.bound(origin, views)
    q = limit[:, None] + stats.norm.ppf(TAU) - 1.0
    # one standard deviation below the cap: about 16 in 100 beyond it, and none once they are moved to it
    np.testing.assert_allclose(bounds.implied_power(origin, views, q), stats.norm.sf(1.0), atol=0.01)
    moved, share = bounds.within(q, limit)
    np.testing.assert_allclose(share, stats.norm.sf(1.0), atol=0.01)
    assert (bounds.implied_power(origin, views, moved) == 0).all()


@given(st.floats(-3, 3), st.integers(0, 100))
def test_what_lies_beyond_is_moved_to_the_bound_and_counted(edge: float, seed: int) -> None:
    q = np.sort(np.random.default_rng(seed).normal(size=(2, 23)), axis=1)
    moved, share = bounds.within(q, np.array([edge, np.inf]))
    assert (moved[0] <= edge).all()
    np.testing.assert_array_equal(moved[0][q[0] <= edge], q[0][q[0] <= edge])
    np.testing.assert_array_equal(moved[1], q[1])
    assert share[1] == 0.0
    beyond = (q[0] > edge).sum()
    if beyond in {0, 23}:
        assert share[0] <= 0.011 if beyond == 0 else share[0] >= 0.989
    else:
        assert TAU[23 - beyond - 1] - 1e-9 <= 1 - share[0] <= TAU[23 - beyond] + 1e-9
