"""The members, each on a series made so that its answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.evaluation import baselines, members
from race_to_efficiency.evaluation.baselines import Series
from race_to_efficiency.evaluation.members import MEMBERS, Scene
from race_to_efficiency.evaluation.origin_views import Known
from race_to_efficiency.evaluation.origins import ForecastOrigin
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.settings.backtest import TargetKind
from race_to_efficiency.units import Quarter
from small_settings import section

PARAMS = section("backtest")
MEDIAN = 11


def scene(level: np.ndarray, *, scatter: bool = False, series: list[Series] | None = None) -> Scene:
    """Return a record seen at quarter ends back from 2026, forecast one and two years ahead."""
    time = 2026.0 - 0.25 * np.arange(level.size - 1, -1, -1)
    rows = {"time": time, "value": level, "released": pd.Timestamp("2025-01-01"), "item": "x", "cell": "", "block": "x"}
    known = Known(pd.DataFrame(rows), "real", 2026.0)
    ends = np.array([2027.0, 2028.0])
    origin = ForecastOrigin(TARGETS["tensor16_record"], Quarter(2025, 4), known, ends, PARAMS, 7)
    own = Series(time, level, time, level)
    return Scene(origin, time, level, ends, series or [own], own, ends - 2026.0, scatter=scatter)


def median(name: str, one: Scene) -> np.ndarray:
    return MEMBERS[name](one).quantiles[:, MEDIAN]


def test_every_kind_averages_members_there_are() -> None:
    for kind in TargetKind.__args__:  # type: ignore[attr-defined]
        names = PARAMS.members.by_kind[kind]
        assert len(set(names)) == len(names) >= (2 if kind == "loss" else 3)  # a loss is forecast by laws alone
        assert kind == "loss" or set(names) <= set(MEMBERS)


def test_a_steady_series_goes_on() -> None:
    """Half a doubling a year for ten years: each member that sees the rate says so, shrunk where it is to be."""
    steady = scene(np.arange(41) / 8.0)
    for name in ("trend", "trend_heavy", "line_by_age"):
        np.testing.assert_allclose(median(name, steady), [5.5, 6.0], atol=1e-9)
    np.testing.assert_allclose(median("moore", steady), 5.0 + PARAMS.moore_doublings_per_year * np.array([1.0, 2.0]))
    np.testing.assert_allclose(median("changes", steady), [5.5, 6.0], atol=1e-9)
    np.testing.assert_allclose(median("drift_pooled", steady), [5.5, 6.0], atol=1e-9)
    # two years of nothing beside the weights' ten, which halve every four
    weight = 0.5 ** (np.arange(39, -1, -1) / 4 / PARAMS.members.walk_half_life_years)
    rate = 0.5 * weight.sum() / 4 / (weight.sum() / 4 + PARAMS.members.nothing_years)
    np.testing.assert_allclose(median("walk", steady), 5.0 + rate * np.array([1.0, 2.0]))


def test_members_that_fade_with_age_do() -> None:
    """A level of log(1 + age): the fading walk continues it, the others extrapolate the early rate."""
    age = np.arange(9) / 4
    early = scene(3.0 * np.log1p(age / 0.25))
    truth = 3.0 * np.log1p((2.0 + np.array([1.0, 2.0])) / 0.25)
    np.testing.assert_allclose(median("walk_by_age", early), truth, atol=1e-9)
    assert (median("trend", early) > truth).all()
    years = scene(3.0 * np.log1p(age))
    np.testing.assert_allclose(median("drift_by_age", years), 3.0 * np.log1p(2.0 + np.array([1.0, 2.0])), atol=1e-9)


def test_walks_of_a_panel_pool_the_steps_of_all_cells() -> None:
    time = 2026.0 - 0.5 * np.arange(4, -1, -1)
    fast, slow = (Series(time, rate * (time - time[0]), time, rate * (time - time[0])) for rate in (2.0, 0.0))
    pooled = scene(np.zeros(9), series=[fast, slow])
    np.testing.assert_allclose(median("drift_pooled", pooled), [1.0, 2.0], atol=0.8)
    spread = MEMBERS["drift_pooled"](pooled).quantiles
    # half of the steps lie a doubling a year above the pooled drift, half below: shocks grow with the root of time
    width = spread[:, -1] - spread[:, 0]
    assert width[1] / width[0] == pytest.approx(np.sqrt(2.0))


def test_older_rows_weigh_less_in_a_line_by_age() -> None:
    turned = np.concatenate([np.zeros(40), np.arange(1, 21) / 4.0])
    one = scene(turned)
    assert median("line_by_age", one)[0] > median("trend", one)[0]


def test_a_shrunk_line_lies_between_the_line_and_its_mean() -> None:
    noisy = scene(np.arange(9) / 4.0 + np.array([0.0, 1, 0, -1, 0, 1, 0, -1, 0]))
    line, shrunk = median("trend", noisy), median("line_shrunk", noisy)
    assert ((noisy.value.mean() < shrunk) & (shrunk < line)).all()


def test_records_that_jump_or_are_released_never_fall() -> None:
    one = scene(np.maximum.accumulate(np.random.default_rng(1).normal(size=41).cumsum()))
    for name in ("releases", "jumps"):
        found = MEMBERS[name](one).quantiles
        assert (found >= one.own.last - 1e-9).all()
        assert (np.diff(found[:, MEDIAN]) >= 0).all()


def test_single_outcomes_scatter_as_they_did() -> None:
    """Where single releases scatter around the level, so do the walk's: the spread is that of past changes."""
    one = scene(np.random.default_rng(2).normal(size=41), scatter=True)
    found = MEMBERS["walk"](one)
    changes = baselines.past_changes(one.series, 1.0)
    spread = np.quantile(changes - changes.mean(), 0.99) - np.quantile(changes - changes.mean(), 0.01)
    assert found.quantiles[0, -1] - found.quantiles[0, 0] == pytest.approx(spread)
    np.testing.assert_allclose(found.shared, members.trend(one).shared)
