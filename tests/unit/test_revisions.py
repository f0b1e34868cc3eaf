"""Revisions of standing records: counted in snapshots by hand, and what they do to a forecast."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from race_to_efficiency.evaluation.averaging import probability_up_to
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.revisions import Revisions, lateness, revisions
from race_to_efficiency.evaluation.targets import TARGETS
from small_settings import section

PARAMS = section("backtest").revisions


@pytest.fixture(scope="module")
def views(root: Path) -> LedgerViews:
    names = ("accelerators", "notable_training_runs", "speedrun_records")
    return LedgerViews.read(root / "data" / "raw", names, dt.date(2026, 3, 31))


def test_events_are_read_between_snapshots(views: LedgerViews) -> None:
    """The largest run of 2025-02-24 (Grok 3) was corrected by 2025-11-01; its power too."""
    for name, before, after in (("frontier_compute", 4.64e26, 3.5e26), ("frontier_power", 1.54e8, 1.1e8)):
        found = revisions(TARGETS[name], views, dt.date(2026, 3, 31), PARAMS)
        assert len(found.events) == 1
        assert found.events[0] == pytest.approx(np.log2(after / before), abs=0.01)
    compute = revisions(TARGETS["frontier_compute"], views, dt.date(2026, 3, 31), PARAMS)
    assert compute.watched_years == pytest.approx((dt.date(2025, 12, 2) - dt.date(2024, 7, 6)).days / 365.25)
    cost = revisions(TARGETS["run_cost_record"], views, dt.date(2026, 3, 31), PARAMS)
    # the cost of Grok 3 came months after the run: a late entry lifts the record that stood
    assert cost.events[0] == pytest.approx(np.log2(2.178e8 / 4.06e7), abs=0.01)


def test_nothing_recorded_later_counts(views: LedgerViews) -> None:
    found = revisions(TARGETS["frontier_compute"], views, dt.date(2025, 10, 31), PARAMS)
    assert found.events == ()
    assert found.watched_years == pytest.approx((dt.date(2025, 2, 24) - dt.date(2024, 7, 6)).days / 365.25)
    early = revisions(TARGETS["frontier_compute"], views, dt.date(2023, 1, 1), PARAMS)
    table = revisions(TARGETS["speedrun_record_time"], views, dt.date(2026, 3, 31), PARAMS)
    for one in (early, table):  # before any snapshot, and of a table that has none, the prior alone speaks
        assert (one.events, one.watched_years) == ((), 0.0)
        assert one.rate == pytest.approx(PARAMS.prior_events / PARAMS.prior_years)


def test_the_rate_is_a_gamma_posterior_and_the_shift_a_mixture() -> None:
    one = Revisions((-1.0, 0.5), 3.0, prior_events=0.5, prior_years=5.0, prior_doublings=0.25)
    assert one.rate == pytest.approx(2.5 / 8.0)
    assert one.probability(2.0) == pytest.approx(1.0 - np.exp(-2.5 / 8.0 * 2.0))
    standing = np.zeros(23)
    found = one.apply(standing, 2.0)
    chance = one.probability(2.0)
    # one in 2.5 of the events lowers by 1, one lifts by .5, half a one lowers by .25
    assert probability_up_to(found, -0.5) == pytest.approx(chance / 2.5, abs=0.03)
    assert probability_up_to(found, -0.1) == pytest.approx(chance * 1.5 / 2.5, abs=0.03)
    assert 1.0 - probability_up_to(found, 0.25) == pytest.approx(chance / 2.5, abs=0.03)
    np.testing.assert_array_equal(one.apply(standing, 0.0), standing)


def test_lateness_is_counted_between_snapshots(views: LedgerViews) -> None:
    """By the lines themselves: of the chips of two years before a snapshot, those that only the next one lists."""
    target = TARGETS["tensor16_record"]
    found = lateness(target, views, dt.date(2025, 6, 30))
    assert found is not None
    before, after = dt.date(2025, 3, 13), dt.date(2025, 6, 11)
    views_then = [views.known(target, day).observations for day in (before, after)]
    recent = [
        rows[(rows["released"] <= np.datetime64(before)) & (rows["released"] > np.datetime64("2023-03-14"))]
        for rows in views_then
    ]
    late = recent[1][~recent[1]["item"].isin(views_then[0]["item"])]
    assert found["rows"] == len(recent[1])
    assert found["late_share"] == pytest.approx(len(late) / len(recent[1]))
    if len(late):
        lags = [(after - day.date()).days for day in late["released"]]
        assert found["median_lag_days"] == pytest.approx(np.median(lags))
    assert lateness(target, views, dt.date(2025, 3, 31)) is None
    assert lateness(TARGETS["speedrun_record_time"], views, dt.date(2026, 3, 31)) is None
    whole = lateness(TARGETS["tensor16_chip"], views, dt.date(2026, 3, 31))
    assert whole is not None
    assert 0 < whole["late_share"] < 0.5
    assert whole["median_lag_days"] > 30
