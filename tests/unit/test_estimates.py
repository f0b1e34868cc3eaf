"""The estimate record cannot be inconsistent, and survives a round trip through JSON."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import storage
from race_to_efficiency.calibration.common.estimates import (
    Estimate,
    Interval,
    JointDraws,
    draw_intervals,
    rows_told_once,
)
from scipy import stats

FINITE = st.floats(-1e6, 1e6)


@given(FINITE, st.tuples(FINITE, FINITE).map(sorted), st.lists(st.text(max_size=5), max_size=3))
def test_round_trip_through_json(value: float, ends: list[float], rows: list[str]) -> None:
    estimate = Estimate(
        id="gamma.x.ols",
        symbol="gamma_x",
        value=value,
        unit="doublings/yr",
        intervals=(Interval("ols", 0.95, ends[0], ends[1]), Interval("profile", 0.95, ends[0], None)),
        rows_used=tuple(rows),
        rows_excluded=(("t/1", "no tdp"),),
        window=("2020-01-01", "2021-01-01"),
        diagnostics={"objective": 0.5},
    )
    assert Estimate.from_json(json.loads(storage.dumps(estimate.to_json()))) == estimate


def test_an_estimate_that_is_not_trusted_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="without a reason"):
        Estimate(id="x", symbol="x", value=1.0, unit="1", status="weak")


def test_a_value_that_is_not_finite_must_be_refused() -> None:
    with pytest.raises(ValueError, match="no finite value"):
        Estimate(id="x", symbol="x", value=None, unit="1")
    assert Estimate(id="x", symbol="x", value=None, unit="1", status="refused", reasons=("7 rows",)).value is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("guess", 0.95, 0, 1), "method"), (("ols", 95, 0, 1), "level"), (("ols", 0.5, 2, 1), "low")],
)
def test_a_wrong_interval_is_refused_by_name(arguments: tuple[str, float, float, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Interval(*arguments)


def test_draw_intervals_of_a_normal_sample_match_the_normal_quantiles() -> None:
    draws = np.random.default_rng(1).normal(2.0, 3.0, 200_000)
    for interval in draw_intervals(draws, levels=(0.95, 0.8)):
        assert interval.low is not None
        assert interval.high is not None
        low, high = stats.norm.interval(interval.level, 2.0, 3.0)
        assert interval.low == pytest.approx(low, abs=0.05)
        assert interval.high == pytest.approx(high, abs=0.05)


def test_joint_draws_know_their_columns() -> None:
    draws = JointDraws(("kappa", "E"), np.arange(6.0).reshape(3, 2), 1)
    assert draws["E"].tolist() == [1.0, 3.0, 5.0]
    with pytest.raises(ValueError, match="n_draws"):
        JointDraws(("kappa",), np.zeros((3, 2)), 1)


def test_a_fit_lists_its_rows_once() -> None:
    """Parameters of one fit name the estimate that lists them; another form, or other rows, list their own."""
    kappa = Estimate(
        id="kappa.a.floor", symbol="kappa", value=0.1, unit="1", group="a", form="floor", rows_used=("t/1",)
    )
    same = dataclasses.replace(kappa, id="E.a.floor", symbol="E")
    other = dataclasses.replace(kappa, id="A.a.floor", symbol="A", rows_excluded=(("t/2", "outlier"),))
    form = dataclasses.replace(kappa, id="kappa.a.power_law", form="power_law")
    told = [
        Estimate.from_json(item) for item in rows_told_once([item.to_json() for item in (kappa, same, other, form)])
    ]
    assert told == [kappa, dataclasses.replace(same, rows_used=(), rows_of=kappa.id), other, form]
