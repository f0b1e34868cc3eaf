"""Scenarios: a schema that refuses contradictions by name, and paths checked against integrals and published tables."""

from __future__ import annotations

import re

import mpmath
import numpy as np
import pydantic
import pytest
import yaml
from forecast_quarter import gamma_files, settings
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.forecasting.draws import rate_draws
from race_to_efficiency.forecasting.milestones import log_ratio_of_target, time_to_log_ratio
from race_to_efficiency.scenarios import (
    CappedPath,
    RunPath,
    ShapedPath,
    SteadyPath,
    build_path,
    build_paths,
    load_scenarios,
)
from race_to_efficiency.scenarios.paths import CappedTerm
from race_to_efficiency.settings.forecast import ForecastParams
from race_to_efficiency.settings.scenarios import ScenarioParams
from scipy.integrate import quad

N = 3


def fixed(rates: dict[str, float] | None = None) -> dict[str, np.ndarray]:
    given_rates = {"route.D": 1.5, "growth.power": 1.1, "growth.duration": 0.3, "utilisation.ols": 0.2}
    return {name: np.full(N, value) for name, value in (given_rates | (rates or {})).items()}


def path_of(rates: dict[str, np.ndarray] | None = None, caps: dict | None = None, **fields):
    scenario = ScenarioParams(name="mine", **fields)
    return build_path(scenario, rates or fixed(), measured_baseline_years=0.25, route_caps=caps)


def integral(power, efficiency, t: float, breaks=()) -> float:
    """ln(1 + integral of power x 2^efficiency), by scipy's adaptive quadrature."""
    points = [point for point in breaks if 0 < point < t]
    value, error = quad(
        lambda s: power(s) * 2.0 ** efficiency(s), 0.0, t, points=points or None, limit=200, epsrel=1e-12
    )
    assert error < 1e-9 * max(value, 1.0)
    return float(np.log1p(value))


# ---- schema


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give either gamma"),
        ({"gamma": 1.0, "route": "D"}, "give either gamma"),
        ({"gamma": 1.0, "gama": 2.0}, "Extra inputs"),
        ({"gamma": float("inf")}, "finite"),
        ({"gamma": 1.0, "floor": 0.5, "kappa": {"value": 0.05, "form": "total"}}, "a total kappa has no floor"),
        ({"gamma": 1.0, "kappa": {"value": 0.05}}, "form"),
        ({"gamma": 1.0, "kappa": {"value": -0.05, "form": "total"}}, "greater than 0"),
        ({"gamma": 1.0, "floor": 1.0}, "less than 1"),
        ({"gamma": 1.0, "headroom_doublings": 5.0}, "belong together"),
        ({"gamma": -1.0, "headroom_doublings": 5.0, "saturation": "tanh"}, "needs gamma > 0"),
        ({"gamma": 1.0, "saturation": "cubic", "headroom_doublings": 5.0}, "saturation"),
        ({"gamma": 1.0, "duration_growth": 0.3}, "duration_growth belongs to the run convention"),
        ({"gamma": 1.0, "power_growth": 0.3}, "belong together"),
        ({"gamma": 1.0, "fleet": {"path": "growth"}}, "belong together"),
        ({"gamma": 1.0, "max_power_multiple": 8.0}, "caps power_growth"),
        ({"gamma": 1.0, "convention": "run", "max_duration_multiple": 8.0}, "caps duration_growth"),
        ({"gamma": 1.0, "convention": "run", "baseline_years": 0.5}, "baseline_years belongs to the cumulative"),
        ({"gamma": 1.0, "convention": "run", "fleet": {"path": "frozen"}}, "no frozen fleet"),
        ({"gamma": 1.0, "convention": "walk"}, "convention"),
        (
            {"gamma": 1.0, "reference": "fleet in C0", "fleet": {"path": "delayed", "start_years": 1.0}},
            "cannot have built",
        ),
        ({"gamma": 1.0, "fleet": {"path": "piecewise", "breaks_years": [1.0], "multiples": [2.0]}}, "must be 0"),
        ({"gamma": 1.0, "fleet": {"path": "piecewise", "breaks_years": [0, 2, 2], "multiples": [1, 2, 3]}}, "increase"),
        ({"gamma": 1.0, "fleet": {"path": "piecewise", "breaks_years": [0, 2], "multiples": [1]}}, "equally long"),
        ({"gamma": 1.0, "fleet": {"path": "sideways"}}, "path"),
        ({"gamma": 1.0, "label": "cited"}, "needs a citation"),
        ({"gamma": 1.0, "citation": "Someone 2025"}, "needs label 'cited'"),
        ({"gamma": 1.0, "baseline_years": 0.0}, "greater than 0"),
    ],
)
def test_a_contradiction_is_refused_in_words(fields, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        ScenarioParams(name="mine", **fields)


@pytest.mark.parametrize("name", ["Hare", "a b", "", "../x", "1st"])
def test_a_scenario_name_is_a_plain_word(name):
    with pytest.raises(pydantic.ValidationError, match="name"):
        ScenarioParams(name=name, gamma=1.0)


def test_settings_refuse_names_twice_and_unknown_anchors():
    twice = ({"name": "a", "gamma": 1.0}, {"name": "a", "gamma": 2.0})
    with pytest.raises(pydantic.ValidationError, match="scenario names must differ, got a more than once"):
        settings(scenarios=twice)
    with pytest.raises(pydantic.ValidationError, match="nats_anchors names no anchor: moon"):
        settings(nats_anchors=("moon",))
    with pytest.raises(pydantic.ValidationError, match="quantile_levels must increase"):
        settings(quantile_levels=(0.5, 0.1))
    with pytest.raises(pydantic.ValidationError, match="compute_flop is given for a fixed anchor"):
        settings(anchors=({"name": "x", "source": "fixed"},), nats_anchors=())


# ---- files


def test_a_users_file_joins_the_shipped_scenarios(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "scenarios:\n"
        "  - {name: my_fleet, gamma: 0.7, fleet: {path: piecewise, breaks_years: [0, 3], multiples: [1, 5]}}\n"
        "  - {name: my_cap, route: D, headroom_doublings: 7.6, saturation: exponential}\n"
    )
    (tmp_path / "list.yaml").write_text("- {name: plain, gamma: 0.1}\n")
    params = settings(scenario_files=("mine.yaml", "list.yaml"))
    found = load_scenarios(params, tmp_path)
    assert [item.name for item in found][-3:] == ["my_fleet", "my_cap", "plain"]
    assert isinstance(build_path(found[-3], fixed(), measured_baseline_years=1.0), ShapedPath)


def test_the_documented_scenario_is_one(root):
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add a scenario")[2]
    (example,) = yaml.safe_load(text.partition("```yaml")[2].partition("```")[0])
    assert ScenarioParams.model_validate(example).fleet.path == "piecewise"
    described = set(re.findall(r"`([a-z_]+)`", text.partition("|---|---|---|")[2].partition("\n\n")[0]))
    assert set(ScenarioParams.model_fields) <= described | set(example) | {"note", "gamma", "citation"}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("- {name: mine, gamma: 1, colour: red}\n", DataInvalid, "colour"),
        ("- {name: static, gamma: 1}\n", DataInvalid, "static stands more than once"),
        ("hello\n", DataInvalid, "holds no list of scenarios"),
        ("- [1, 2]\n", DataInvalid, "a scenario is not valid"),
        ("- {name: mine, gamma: !!python/object/apply:os.getcwd []}\n", DataInvalid, "not valid YAML"),
    ],
)
def test_a_wrong_file_is_told_by_name(tmp_path, text, error, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(error) as caught:
        load_scenarios(settings(scenario_files=("mine.yaml",)), tmp_path)
    assert message in str(caught.value)
    with pytest.raises(InputMissing, match=r"other\.yaml is missing"):
        load_scenarios(settings(scenario_files=("other.yaml",)), tmp_path)


def test_a_crossover_of_nobody_is_refused(tmp_path):
    params = settings(crossovers=({"ahead_first": "static", "ahead_later": "ghost"},))
    with pytest.raises(DataInvalid, match="names no scenario: ghost"):
        load_scenarios(params, tmp_path)


def test_an_unknown_route_stops_and_a_missing_one_is_left_out():
    rates, caps = fixed(), {"D": {}, "Z": {}}
    known, refused = ScenarioParams(name="a", gamma=1.0), ScenarioParams(name="b", route="Z")
    paths, left_out = build_paths([known, refused], rates, measured_baseline_years=1.0, route_caps=caps)
    assert list(paths) == ["a"]
    assert left_out == {"b": "scenario b needs route.Z, and this quarter has no draws of it"}
    with pytest.raises(InputMissing, match=r"scenario c needs route\.typo") as caught:
        build_paths([ScenarioParams(name="c", route="typo")], rates, measured_baseline_years=1.0, route_caps=caps)
    assert "available: D" in str(caught.value)
    with pytest.raises(InputMissing, match="no scenario can be forecast"):
        build_paths([refused], rates, measured_baseline_years=1.0, route_caps=caps)


# ---- paths

SECTION_6 = {  # years to reach R* at kappa = .05, m = tau0 = 1
    0.9: (7.22526, 3.6181, 2.5869, 1.7308, 1.3341),
    0.8: (85.7362, 9.8816, 5.9171, 3.4526, 2.4954),
    0.7: (1252.25, 17.530, 9.7632, 5.3812, 3.7824),
    0.6: (27350.1, 26.421, 14.211, 7.6053, 5.2652),
    0.5: (1048575, 36.942, 19.471, 10.236, 7.0187),
}


@pytest.mark.parametrize("target", SECTION_6)
def test_the_papers_grid_of_years_comes_out(target):
    kappa = np.full(N, 0.05)
    for gamma, years in zip((0.0, 0.5, 1.0, 2.0, 3.0), SECTION_6[target], strict=True):
        path = path_of(gamma=gamma)
        found = time_to_log_ratio(path, log_ratio_of_target(kappa, target)).years
        assert found[0] == pytest.approx(years, rel=4e-5)


@given(st.floats(-2, 4), st.floats(0.1, 20), st.floats(0.05, 3), st.floats(0.01, 12))
def test_a_constant_fleet_is_the_papers_equation(gamma, multiple, tau0, t):
    path = path_of(gamma=gamma, fleet={"path": "constant", "multiple": multiple}, baseline_years=tau0)
    assert isinstance(path, SteadyPath)
    with mpmath.workdps(40):
        z = mpmath.mpf(gamma) * t * mpmath.log(2)
        mean = mpmath.expm1(z) / z if z else mpmath.mpf(1)
        exact = mpmath.log1p(mpmath.mpf(multiple) / tau0 * t * mean)
    np.testing.assert_allclose(path.log_compute_ratio(t), float(exact), rtol=2e-14)


@given(
    st.floats(-0.5, 2.5),
    st.floats(-0.5, 2),
    st.floats(-0.5, 1),
    st.floats(1, 50),
    st.floats(0.05, 3),
    st.floats(0.1, 9),
)
def test_caps_end_growth_where_they_say(gamma, power, utilisation, most, cap, t):
    terms = (CappedTerm(np.full(N, power), np.log2(most)), CappedTerm(np.full(N, utilisation), cap))
    path = CappedPath(np.full(N, gamma), terms, np.full(N, 1.7))
    breaks = [float(term.binds_after()[0]) for term in terms]

    def efficiency(s):
        return gamma * s + min(power * s, np.log2(most)) + min(utilisation * s, cap)

    np.testing.assert_allclose(path.log_compute_ratio(t), integral(lambda _: 1.7, efficiency, t, breaks), rtol=1e-8)
    run = RunPath(np.full(N, gamma), terms, multiple=2.0)
    np.testing.assert_allclose(
        run.log_compute_ratio(t), np.log(2.0) + np.log(2.0) * efficiency(t), rtol=1e-12, atol=1e-12
    )


def test_a_routes_bounded_part_ends_and_the_rest_goes_on():
    caps = {"D": {"utilisation.ols": 0.5}}
    path = path_of(caps=caps, route="D")
    t = 8.0
    expected = integral(lambda _: 1.0, lambda s: 1.3 * s + min(0.2 * s, 0.5), t, [2.5])
    np.testing.assert_allclose(path.log_compute_ratio(t), expected, rtol=1e-9)
    assert isinstance(path_of(caps={"D": {}}, route="D"), SteadyPath)
    # a headroom of the scenario's own takes the caps' place
    own = path_of(caps=caps, route="D", headroom_doublings=4.0, saturation="hard")
    np.testing.assert_allclose(
        own.log_compute_ratio(t), integral(lambda _: 1.0, lambda s: min(1.5 * s, 4.0), t, [4.0 / 1.5]), rtol=1e-9
    )


@pytest.mark.parametrize("t", [0.5, 2.0, 3.5, 10.0])
def test_fleets_of_every_shape_are_their_integrals(t):
    cases = {
        "piecewise": (
            {"path": "piecewise", "breaks_years": [0, 1.5, 4], "multiples": [1, 3, 0.5]},
            lambda s: 1.0 if s < 1.5 else 3.0 if s < 4 else 0.5,
            lambda s: 0.8 * s,
            [1.5, 4.0],
        ),
        "delayed": (
            {"path": "delayed", "multiple": 4, "start_years": 2},
            lambda s: 4.0 * (s >= 2),
            lambda s: 0.8 * s,
            [2.0],
        ),
        "frozen": (
            {"path": "frozen", "multiple": 4, "start_years": 2},
            lambda s: 4.0 * (s >= 2),
            lambda s: 0.8 * min(s, 2.0),
            [2.0],
        ),
    }
    for fleet, power, efficiency, breaks in cases.values():
        found = path_of(gamma=0.8, fleet=fleet).log_compute_ratio(t)
        np.testing.assert_allclose(found, integral(power, efficiency, t, breaks), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("saturation", ["hard", "exponential", "logistic", "tanh"])
def test_a_run_gains_what_a_fleet_integrates(saturation):
    shape = {"gamma": 1.5, "headroom_doublings": 4.0, "saturation": saturation}
    run = path_of(convention="run", **shape)
    fleet = path_of(**shape)

    def efficiency(s):
        return float(run.log_compute_ratio(s)[0] / np.log(2.0))

    assert efficiency(0.0) == pytest.approx(0.0, abs=1e-15)
    assert efficiency(1e-6) == pytest.approx(1.5e-6, rel=1e-4)
    assert efficiency(200.0) == pytest.approx(4.0, abs=1e-6)
    for t in (0.5, 2.0, 6.0):
        np.testing.assert_allclose(
            fleet.log_compute_ratio(t), integral(lambda _: 1.0, efficiency, t, [4.0 / 1.5]), rtol=1e-7
        )


def test_growing_power_adds_to_gamma_and_measured_means_the_draws():
    steady = path_of(gamma=0.5, fleet={"path": "growth"}, power_growth="measured")
    np.testing.assert_allclose(steady.log_compute_ratio(5.0), path_of(gamma=1.6).log_compute_ratio(5.0), rtol=1e-13)
    capped = path_of(gamma=0.5, fleet={"path": "growth"}, power_growth=1.1, max_power_multiple=4.0)
    expected = integral(lambda _: 1.0, lambda s: 0.5 * s + min(1.1 * s, 2.0), 5.0, [2.0 / 1.1])
    np.testing.assert_allclose(capped.log_compute_ratio(5.0), expected, rtol=1e-9)
    short = path_of(gamma=0.5, baseline_years="measured")
    np.testing.assert_allclose(
        short.log_compute_ratio(5.0), path_of(gamma=0.5, baseline_years=0.25).log_compute_ratio(5.0)
    )


def test_a_fleet_that_built_its_own_start_is_ahead_by_its_size_for_ever():
    large = path_of(gamma=0.5, fleet={"path": "constant", "multiple": 10.0}, reference="fleet in C0")
    small = path_of(gamma=0.5)
    for t in (0.0, 1.0, 7.0):
        np.testing.assert_allclose(large.log_compute_ratio(t) - small.log_compute_ratio(t), np.log(10.0), rtol=1e-12)


def test_draws_flow_into_the_path_one_by_one():
    rates = rate_draws(gamma_files()[1], n=50, seed=1)
    scenario = ScenarioParams(
        name="mine", route="D", convention="run", fleet={"path": "growth"}, power_growth="measured",
        duration_growth="measured",
    )  # fmt: skip
    path = build_path(scenario, rates, measured_baseline_years=1.0)
    expected = 3.0 * np.log(2) * (rates["route.D"] + rates["growth.power"] + rates["growth.duration"])
    np.testing.assert_allclose(path.log_compute_ratio(3.0), expected, rtol=1e-13)


def test_settings_are_frozen_and_closed():
    params = settings()
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        params.draws = 5
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        ForecastParams.model_validate(params.model_dump() | {"drawz": 5})
    assert ForecastParams.model_validate(params.model_dump(mode="json")) == params
