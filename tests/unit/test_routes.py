"""Routes: no layer twice, one basis, converted with draws, variance attributed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from gamma_views import inputs, inputs_of
from gamma_views import result as result_of
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from race_to_efficiency.calibration.gamma.components import LAYERS, Component, from_draws, refused
from race_to_efficiency.calibration.gamma.routes import Route, build_route, fit_route, variance_shares
from race_to_efficiency.errors import UsageError
from race_to_efficiency.settings.gamma import RouteParams
from small_settings import section

HARDWARE = Component("hardware_tensor16", "mean_chip", ("chip",), "joule", "h")
SYSTEM = Component("mlperf_system", "best_available", LAYERS, "accelerator_hour", "s")
ALGORITHM = Component("algorithmic", "mixture", ("algorithm",), "any", "a")
DOLLAR = Component("hardware_tensor16", "per_dollar", ("chip",), "dollar", "d")
USE = Component("utilisation", "ols", ("utilisation",), "any", "u")
WATTS = Component("growth", "winners_tdp", (), "watt", "w")
PRICE = Component("growth", "price", (), "none", "p")
TDP = Component("growth", "tdp", (), "none", "t")

COMPONENTS = st.builds(
    Component,
    st.sampled_from(["a", "b", "c", "d"]),
    st.just("x"),
    st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4, unique=True).map(tuple),
    st.sampled_from(["joule", "accelerator_hour", "dollar", "any"]),
    st.just("m"),
)


def fitted(component, value, status="trusted", spread=0.1, seed=0):
    draws = value + spread * np.random.default_rng(seed).standard_normal(400)
    reasons = () if status == "trusted" else ("why",)
    return from_draws(inputs_of({}), component, draws, value=value, status=status, reasons=reasons)


def fits(*parts):
    return {fit.component.key: fit for fit in parts}


def test_system_and_chip_both_cover_chip():
    with pytest.raises(UsageError, match="both cover chip"):
        Route("X", (SYSTEM, HARDWARE))


def test_system_and_algorithm_both_cover_algorithm():
    with pytest.raises(UsageError, match="both cover algorithm"):
        Route("X", (SYSTEM, ALGORITHM))


def test_bases_are_not_mixed():
    with pytest.raises(UsageError, match="different bases, dollar and joule"):
        Route("X", (DOLLAR, Component("training", "ols", ("utilisation",), "joule", "t")))


def test_growth_of_an_input_is_no_efficiency():
    with pytest.raises(UsageError, match="growth of an input"):
        Route("X", (HARDWARE, TDP))


@given(st.lists(COMPONENTS, min_size=1, max_size=4))
def test_a_route_exists_exactly_when_nothing_overlaps_and_one_basis_remains(parts):
    overlap = any(set(a.coverage) & set(b.coverage) for a, b in combinations(parts, 2))
    bases = {part.basis for part in parts} - {"any"}
    if overlap or len(bases) > 1:
        with pytest.raises(UsageError, match="refused"):
            Route("X", tuple(parts))
    else:
        route = Route("X", tuple(parts))
        assert set(route.coverage) | set(route.omits) == set(LAYERS)
        assert not set(route.coverage) & set(route.omits)
        assert len(route.coverage) == sum(len(part.coverage) for part in parts)


def test_a_refusal_names_both_components_and_a_remedy():
    with pytest.raises(UsageError) as caught:
        Route("mine", (SYSTEM, HARDWARE))
    text = str(caught.value)
    for word in ("mine", "mlperf_system.best_available", "hardware_tensor16.mean_chip", "params.yaml", "leave out"):
        assert word in text
    assert caught.value.exit_code == 2


def test_an_unknown_component_lists_those_there_are():
    with pytest.raises(UsageError, match="unknown component: magic") as caught:
        build_route(RouteParams(id="X", components=("magic",)), fits(fitted(HARDWARE, 1)))
    assert "hardware_tensor16.mean_chip" in str(caught.value)


def test_a_component_may_be_named_without_its_estimator():
    route = build_route(RouteParams(id="X", components=("hardware_tensor16",)), fits(fitted(HARDWARE, 1)))
    assert route.components == (HARDWARE,)


def test_the_sum_is_of_draws_and_so_is_its_covariance():
    made = inputs_of({})
    first = fitted(HARDWARE, 0.3)
    shared = from_draws(made, USE, 0.1 - (first.draws - 0.3))
    fit, row = fit_route(made, Route("X", (HARDWARE, USE)), fits(first, shared))
    assert np.allclose(fit.draws, first.draws + shared.draws)
    assert fit.draws.std() == pytest.approx(0.0, abs=1e-12)
    assert row["value"] == pytest.approx(0.4)


def test_the_systems_rate_per_joule_subtracts_its_winners_watts():
    made = inputs_of({})
    table = fits(fitted(SYSTEM, 0.65), fitted(WATTS, 0.26, seed=1), fitted(TDP, 9.0), fitted(PRICE, 0.2, seed=2))
    hours, row = fit_route(made, Route("C", (SYSTEM,), "accelerator_hour"), table)
    joules, converted = fit_route(made, Route("C_joule", (SYSTEM,), "joule"), table)
    dollars, _ = fit_route(made, Route("C_dollar", (SYSTEM,), "dollar"), table)
    assert row["conversion"] == []
    assert np.allclose(joules.draws, hours.draws - table["growth.winners_tdp"].draws)
    assert np.allclose(dollars.draws, hours.draws - table["growth.price"].draws)
    assert converted["conversion"] == [{"term": "growth.winners_tdp", "sign": -1}]
    assert converted["native_basis"] == "accelerator_hour"


def test_converting_there_and_back_is_nothing():
    made = inputs_of({})
    table = fits(fitted(HARDWARE, 0.3), fitted(TDP, 0.13, seed=1), fitted(PRICE, 0.2, seed=2))
    joule, _ = fit_route(made, Route("J", (HARDWARE,), "joule"), table)
    hour, _ = fit_route(made, Route("H", (HARDWARE,), "accelerator_hour"), table)
    dollar, _ = fit_route(made, Route("D", (HARDWARE,), "dollar"), table)
    assert np.allclose(hour.draws, joule.draws + table["growth.tdp"].draws)
    assert np.allclose(dollar.draws, hour.draws - table["growth.price"].draws)


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=4), st.integers(0, 1000))
def test_shares_of_variance_sum_to_one(spreads, seed):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(300)
    columns = {str(i): s * rng.standard_normal(300) + 0.3 * common for i, s in enumerate(spreads)}
    assert sum(variance_shares(columns).values()) == pytest.approx(1.0)


def test_a_constant_has_no_share():
    shares = variance_shares({"a": np.random.default_rng(0).standard_normal(200), "b": np.ones(200)})
    assert shares == pytest.approx({"a": 1.0, "b": 0.0})
    assert variance_shares({"b": np.ones(5)}) == {"b": 0.0}


def test_a_weak_part_makes_a_weak_route_and_a_refused_one_refuses_it():
    made = inputs_of({})
    fit, row = fit_route(made, Route("X", (HARDWARE, USE)), fits(fitted(HARDWARE, 0.3), fitted(USE, 0.1, "weak")))
    assert (fit.estimate.status, row["reasons"]) == ("weak", ["utilisation.ols fails a check"])
    fit, row = fit_route(made, Route("X", (HARDWARE, USE)), fits(fitted(HARDWARE, 0.3), refused(USE, "no rows")))
    assert (fit.estimate.status, fit.draws, row["value"]) == ("refused", None, None)


def test_settings_refuse_doubled_ids_unknown_defaults_and_unknown_keys():
    route = {"id": "X", "components": ["hardware_tensor16"]}
    for settings in (
        {"routes": [route, route], "default_route": "X"},
        {"routes": [route]},
        {"routes": [route | {"wheels": 4}], "default_route": "X"},
        {"mixture": {"algorithmic_lm": 0, "algorithmic_published": 0, "speedrun_tokens": 0}},
        {"caps": {"cmos_headroom": 3.0}},
        {"speed": 1},
    ):
        with pytest.raises(ValidationError):
            section("fit_gamma", **settings)


def test_the_shipped_routes_on_the_ledgers():
    result = result_of("2026-03-31")
    rows = {row["route"]: row for row in result.routes}
    assert list(rows) == ["D", "D_same_format", "A", "A_frontier", "B", "B_frontier", "C", "C_joule"]
    assert rows["D_same_format"]["omits"] == ["format"]
    assert rows["D_same_format"]["value"] < rows["D"]["value"]
    assert [row["default"] for row in rows.values()] == [True] + [False] * 7
    assert rows["A"]["omits"] == ["format"]
    assert rows["D"]["omits"] == []
    assert rows["C"]["basis"] == "accelerator_hour"
    assert rows["C"]["value"] == pytest.approx(0.649, abs=0.02)
    assert rows["C_joule"]["value"] == pytest.approx(rows["C"]["value"] - 0.262, abs=0.02)
    for row in rows.values():
        assert sum(row["share_of_variance"].values()) == pytest.approx(1.0)
        assert row["quantiles"]["0.025"] == pytest.approx(row["low"])
        assert list(row["quantiles"].values()) == sorted(row["quantiles"].values())
    # The algorithm decides the spread of every route that adds it: a reader must see that.
    assert rows["D"]["share_of_variance"]["algorithmic.mixture"] > 0.9
    assert rows["A_frontier"]["value"] > rows["A"]["value"]
    draws = result.draws
    assert list(draws.columns[:1]) == ["draw"]
    assert np.allclose(draws["route.D"], draws["training_flop_per_joule.ols"] + draws["algorithmic.mixture"])
    assert {"growth.frontier_compute", "growth.power", "growth.duration", "level.frontier_compute_log2_flop"} <= set(
        draws.columns
    )


def test_a_users_route_is_fitted_and_an_overlapping_one_stops_the_stage():
    made, known = inputs("2026-03-31", draws=400), dict(result_of("2026-03-31").fits)
    mine = RouteParams(id="mine", components=("hardware_fp32.mean_chip", "mlperf_same_chip.cell_effects"))
    _, row = fit_route(made, build_route(mine, known), known)
    assert row["value"] == pytest.approx(0.263 + 0.203, abs=0.05)
    overlapping = mine.model_copy(update={"components": ("mlperf_system", "hardware_tensor16")})
    with pytest.raises(UsageError, match="both cover chip"):
        build_route(overlapping, known)
