"""The Green500 at measured power: a check of the hardware from outside, in no route."""

from __future__ import annotations

import pandas as pd
import pytest
import statsmodels.api as sm
from gamma_views import RAW, inputs, inputs_of, result, views
from race_to_efficiency.calibration.gamma.components import LAYERS
from race_to_efficiency.calibration.gamma.components_measured_power import COMPONENT, green500
from small_settings import section


def by_hand():
    """The first places of the ledger, regressed by statsmodels on years of our own making."""
    rows = pd.read_csv(RAW / "green500.csv", parse_dates=["released"])
    first = rows[rows["rank"] == 1]
    years = first["released"].dt.year + (first["released"].dt.day_of_year - 1) / 365.25
    return first, sm.OLS(first["gflops_per_watt"].transform("log2"), sm.add_constant(years)).fit()


def test_it_is_the_slope_through_the_first_places_and_they_are_its_rows():
    first, line = by_hand()
    fit = green500(inputs("2026-03-31"))
    assert fit.estimate.value == pytest.approx(line.params.iloc[1], rel=2e-3)
    assert 0.4 < fit.estimate.value < 0.5  # about .43 a year since 2007, as the literature has it
    assert sorted(fit.estimate.rows_used) == sorted(f"green500/{one}" for one in first["place_id"])
    assert (fit.estimate.n_rows, fit.estimate.n_clusters) == (len(first), first["system"].nunique())
    assert fit.estimate.intervals[0].low < fit.estimate.value < fit.estimate.intervals[0].high


def test_later_places_and_later_lists_take_no_part():
    rows = views("2026-03-31")["green500"]
    whole, none_else = green500(inputs("2026-03-31")), green500(inputs_of({"green500": rows[rows["rank"] == 1]}))
    assert none_else.estimate.value == whole.estimate.value
    early = green500(inputs("2020-10-31"))
    assert early.estimate.status == "refused"
    assert early.estimate.n_rows == int((rows["rank"].eq(1) & rows["released"].le("2020-10-31")).sum()) == 4
    assert green500(inputs_of({})).estimate.reasons == ("no first place is known by this date",)


def test_six_places_are_weak_and_stand_in_no_route():
    fits = result("2026-03-31").fits
    assert fits[COMPONENT.key].estimate.status == "weak"
    routes = section("fit_gamma").routes
    assert all(COMPONENT.key not in route.components for route in routes)
    assert set(COMPONENT.coverage) < set(LAYERS)
