"""What a comparison asks of gamma in every world: fits that nobody has judged yet, made once for every day."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from gamma_views import SEED, inputs, series_of, views
from hypothesis import given, settings
from hypothesis import strategies as st
from quarter_worlds import world_of
from race_to_efficiency.calibration.gamma.components import Component
from race_to_efficiency.calibration.gamma.composition import PARTS
from race_to_efficiency.calibration.gamma.trend_fit import aged, fit_trend
from race_to_efficiency.quarter import gamma
from race_to_efficiency.quarter.evaluation import Evaluation, Memory
from small_settings import section

if TYPE_CHECKING:
    from race_to_efficiency.quarter.node import Node

DAY, LATER = "2026-03-31", "2029-06-30"
MEMORY = Memory()
"""Of the worlds here: they have the same rows and differ by the day."""


@cache
def on(day: str) -> Evaluation:
    """Ask about the rows known on `DAY`, as seen from a day."""
    params = section("fit_gamma", draws=400)
    return Evaluation(world_of(views(DAY), dt.date.fromisoformat(day), SEED, fit_gamma=params), MEMORY)


def calls() -> list[tuple[Node, Node, tuple[str, ...]]]:
    """Every node of judged components, the one of the same components unjudged, and what both are asked for."""
    routes = [(gamma.ROUTE_NODE, gamma.FITTED_ROUTE, (route.id,)) for route in section("fit_gamma").routes]
    parts = [(gamma.CHECKED, gamma.FIT, (name,)) for name in PARTS]
    return [*parts, (gamma.MIXTURE, gamma.FITTED_MIXTURE, ()), *routes]


@pytest.mark.parametrize("day", [DAY, LATER])
def test_judging_changes_no_value_draw_unit_or_row(day: str) -> None:
    """A comparison may leave the judging out: to the last bit, what it prints is what gamma.json says."""
    compared = 0
    for judged, unjudged, words in calls():
        ours, theirs = (on(day).live(node, *words) for node in (unjudged, judged))
        assert [fit.component for fit in ours] == [fit.component for fit in theirs]
        for one, other in zip(ours, theirs, strict=True):
            for name in ("id", "value", "unit", "n_rows", "rows_used", "rows_excluded", "window", "intervals"):
                assert getattr(one.estimate, name) == getattr(other.estimate, name), (other.estimate.id, name)
            assert (one.draws is None) == (other.draws is None)
            if one.draws is not None:
                np.testing.assert_array_equal(one.draws, other.draws)
            compared += 1
    assert compared > 45


def test_a_remembered_fit_has_the_draws_it_was_made_with() -> None:
    for part in PARTS:
        made, told = on(DAY).live(gamma.FIT, part), gamma.fits_of(on(DAY).ask(gamma.FIT, part))
        for one, other in zip(made, told, strict=True):
            assert one.component == other.component
            assert (one.draws is None and other.draws is None) or (one.draws == other.draws).all()


def test_few_draws_find_the_same_values() -> None:
    for part in PARTS:
        values = {fit.estimate.id: fit.estimate.value for fit in on(DAY).live(gamma.FIT, part)}
        assert on(DAY).ask(gamma.QUICK, part).document == values


def test_a_later_day_fits_again_only_what_is_said_of_the_day() -> None:
    """The level of frontier compute at the quarter's end, and what it is fitted with, alone."""
    for day in (DAY, LATER):
        for _, node, words in calls():
            on(day).ask(node, *words)
    made = Counter(name for name in MEMORY.computed if name.startswith(("gamma.fit:", "gamma.fit_mixture")))
    once = dict.fromkeys([f"gamma.fit:{part}" for part in PARTS], 1) | {"gamma.fit_mixture": 1}
    assert made == once | {"gamma.fit:frontier_growth": 2}
    level = [
        next(fit.estimate.value for fit in on(day).live(gamma.FIT, "frontier_growth") if fit.component.name == "level")
        for day in (DAY, LATER)
    ]
    assert level[0] < level[1]


def test_what_is_judged_on_a_later_day_is_older() -> None:
    """By 2029 every series of 2026 has ended more than two years ago; what is fitted beside it says the same."""
    gate = section("fit_gamma").gate
    checked = 0
    for part in PARTS:
        for fit in on(LATER).live(gamma.CHECKED, part):
            if fit.draws is None or fit.estimate.window is None:
                continue
            years = (dt.date.fromisoformat(LATER) - dt.date.fromisoformat(fit.estimate.window[1])).days / 365.25
            told = [reason for reason in fit.estimate.reasons if reason.startswith("the series ends")]
            assert len(told) == (years > gate.max_age_years)
            checked += len(told)
        for row in on(LATER).ask(gamma.CHECKED, part).document["fragility"]:
            assert row["status"] != "trusted"
    assert checked > 15
    level = next(one for one in on(LATER).live(gamma.FIT, "frontier_growth") if one.component.name == "level")
    assert any(reason.startswith("the series ends") for reason in level.estimate.reasons)


PART = Component("x", "mean", (), "none", "a series made here")


@given(days=st.integers(0, 4000), limit=st.floats(0.0, 8.0))
@settings(max_examples=60, deadline=None)
def test_a_series_is_old_where_its_last_row_is_more_years_back_than_the_gate_says(days: int, limit: float) -> None:
    fit, made = fitted_series(), inputs(DAY)
    last = dt.date.fromisoformat(fit.estimate.window[1])
    gate = made.params.gate.model_copy(update={"max_age_years": limit})
    seen = replace(made, as_of=last + dt.timedelta(days), params=made.params.model_copy(update={"gate": gate}))
    found = aged(seen, fit)
    old = days / 365.25 > limit
    assert found.estimate.reasons == (
        (f"the series ends {last}, {days / 365.25:.1f} years before the quarter's end",) if old else ()
    )
    assert found.estimate.status == ("weak" if old else "trusted")
    same = replace(found.estimate, status="trusted", reasons=(), evidence=fit.estimate.evidence)
    assert (same, found.draws is fit.draws) == (fit.estimate, True)
    assert aged(seen, found).estimate == found.estimate


@cache
def fitted_series() -> Any:
    """A trend of forty rows in forty clusters, which nothing but its age can make weak."""
    years = np.linspace(2012.0, 2022.0, 40)
    rng = np.random.default_rng(5)
    series = series_of(years, 0.4 * (years - 2012) + rng.normal(0, 0.1, 40), [f"c{k}" for k in range(40)])
    fit = fit_trend(replace(inputs(DAY), as_of=dt.date(2050, 1, 1)), PART, series.ordered())
    assert fit.estimate.status == "trusted"
    return fit
