"""One pool: numerical integration by another route, the figures of the contract, the rule of who speaks, coverage."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick_fits import studied
from race_to_efficiency.calibration.kappa import pooled
from race_to_efficiency.calibration.kappa.forms import FORMS
from race_to_efficiency.calibration.kappa.pooled import (
    ADMITTED,
    CONTRADICTED,
    Member,
    effects_of,
    pooled_estimate,
    verdicts,
)
from race_to_efficiency.calibration.kappa.pooling import FamilyEffect, by_laboratory, family_effect, pool
from race_to_efficiency.calibration.kappa.random_effects import RandomEffects
from scipy.integrate import quad
from scipy.stats import binom, norm, t
from small_settings import section

THREE = ((0.1785, 0.0053), (0.1277, 0.0131), (0.1808, 0.0368))
SIX = (*THREE, (0.1979, 0.0335), (0.327, 0.044), (0.242, 0.018))
"""kappa_reducible of chinchilla, gadre, muennighoff; and of gemstones, porian, marin."""


def model(pairs, scale=0.03):
    values, errors = zip(*pairs, strict=True)
    return RandomEffects.of(values, errors, scale)


def effects(values, stderr=0.01):
    return [FamilyEffect(f"f{k}", f"f{k}", v, stderr, (f"f{k}",)) for k, v in enumerate(values)]


# ---- the model


@pytest.mark.parametrize(("pairs", "mean", "low", "high"), [(THREE, 0.161, 0.067, 0.255), (SIX, 0.200, 0.076, 0.332)])
def test_the_figures_of_the_contract(pairs, mean, low, high):
    found = model(pairs)
    assert found.mean == pytest.approx(mean, abs=0.0015)
    np.testing.assert_allclose(found.prediction(0.95), (low, high), atol=0.0015)


def test_mean_and_intervals_are_those_of_integration_over_tau_by_quadrature():
    values, errors = (np.array(column) for column in zip(*THREE, strict=True))

    def given_tau(tau):
        weight = 1 / (errors**2 + tau**2)
        centre, variance = (weight * values).sum() / weight.sum(), 1 / weight.sum()
        likelihood = np.prod(norm.pdf(values, centre, np.sqrt(1 / weight))) * np.sqrt(2 * np.pi * variance)
        return likelihood * 2 * t.pdf(tau / 0.03, 3) / 0.03, centre, variance

    def integral(of):
        return sum(quad(of, a, b, limit=400, epsrel=1e-11)[0] for a, b in ((0, 0.02), (0.02, 0.1), (0.1, 1), (1, 50)))

    whole = integral(lambda tau: given_tau(tau)[0])
    found = model(THREE)
    assert found.mean == pytest.approx(integral(lambda tau: np.prod(given_tau(tau)[:2])) / whole, rel=1e-6)

    def chance(x, new):
        def part(tau):
            weight, centre, variance = given_tau(tau)
            return weight * norm.cdf(x, centre, np.sqrt(variance + new * tau**2))

        return integral(part) / whole

    for level in (0.95, 0.8):
        for end, tail in zip(found.prediction(level), (0.5 - level / 2, 0.5 + level / 2), strict=True):
            assert chance(end, 1) == pytest.approx(tail, abs=2e-6)
        for end, tail in zip(found.interval(level), (0.5 - level / 2, 0.5 + level / 2), strict=True):
            assert chance(end, 0) == pytest.approx(tail, abs=2e-6)


def test_without_room_for_a_spread_it_is_the_inverse_variance_mean():
    values, errors = (np.array(column) for column in zip(*SIX, strict=True))
    found = model(SIX, scale=1e-9)
    assert found.mean == pytest.approx(np.average(values, weights=errors**-2.0), rel=1e-9)
    assert found.stderr == pytest.approx((errors**-2.0).sum() ** -0.5, rel=1e-6)


@settings(max_examples=25)
@given(st.lists(st.floats(0.05, 0.4), min_size=2, max_size=8), st.floats(1.1, 20.0))
def test_kappa_in_other_units_is_the_same_answer(values, factor):
    one, other = (RandomEffects.of([v * f for v in values], [0.02 * f] * len(values), 0.03 * f) for f in (1.0, factor))
    assert other.mean == pytest.approx(factor * one.mean, rel=1e-9)
    np.testing.assert_allclose(other.prediction(0.8), np.multiply(factor, one.prediction(0.8)), rtol=1e-7)
    low, high = one.prediction(0.95)
    assert low < one.prediction(0.8)[0] < one.prediction(0.8)[1] < high


@pytest.mark.parametrize("pairs", [THREE, ((0.03, 0.02), (0.02, 0.02))])
def test_what_is_drawn_is_what_is_printed(pairs):
    found = model(pairs)
    draws = found.draws(200_000, np.random.default_rng(1))
    assert (draws > 0).all()
    assert (draws <= 0.01 * found.mean).mean() < 0.25
    for level in (0.95, 0.8) if found.prediction(0.95)[0] > 0 else (0.5,):
        shares = [(draws < end).mean() for end in found.prediction(level)]
        np.testing.assert_allclose(shares, [0.5 - level / 2, 0.5 + level / 2], atol=0.0025)


@pytest.mark.parametrize("count", studied(20, 300))
def test_the_interval_of_a_new_family_covers_new_families(count):
    rng = np.random.default_rng(5)
    hits = {3: 0, 8: 0}
    for _ in range(count):
        truth = rng.normal(0.16, 0.03, 9)
        seen = rng.normal(truth, 0.01)
        for size in hits:
            low, high = RandomEffects.of(seen[:size], [0.01] * size, 0.03).prediction(0.95)
            hits[size] += low <= truth[8] <= high
    assert all(held >= binom.ppf(0.001, count, 0.95) for held in hits.values()), hits


def test_pooling_one_family_or_a_zero_error_is_refused():
    with pytest.raises(ValueError, match="families"):
        pool(effects([0.1]), 0.03)
    with pytest.raises(ValueError, match="stderr"):
        pool(effects([0.1, 0.2], stderr=0.0), 0.03)
    with pytest.raises(ValueError, match="tau_scale"):
        pool(effects([0.1, 0.2]), 0.0)


# ---- families and laboratories


@given(st.lists(st.floats(0.05, 0.4), min_size=3, max_size=7, unique=True))
@settings(max_examples=20)
def test_leave_one_family_out_covers_what_it_says(values):
    pooled = pool(effects(values), 0.03)
    assert len(pooled.left_out) == len(values)
    for family, low, high, covered in pooled.left_out:
        value = next(item.value for item in pooled.families if item.family == family)
        assert covered == (low <= value <= high)
        others = [item.value for item in pooled.families if item.family != family]
        assert (low, high) == RandomEffects.of(others, [0.01] * len(others), 0.03).prediction(0.95)
    assert pooled.range == (min(values), max(values))


def test_groups_of_one_family_do_not_shrink_its_error():
    single = family_effect("gadre", "lab", ["a"], [0.13], [0.01])
    triple = family_effect("gadre", "lab", ["a", "b", "c"], [0.13] * 3, [0.01] * 3)
    assert triple.stderr == pytest.approx(single.stderr)
    apart = family_effect("gadre", "lab", ["a", "b"], [0.10, 0.16], [0.01, 0.01])
    assert apart.stderr == pytest.approx(np.sqrt(0.01**2 + 0.0018 / 2))


def test_families_of_one_laboratory_count_as_one():
    families = [dataclasses.replace(item, laboratory="one") for item in effects([0.10, 0.20])]
    families.append(FamilyEffect("c", "two", 0.15, 0.01, ("c",)))
    merged = by_laboratory(families)
    assert [(item.family, item.value) for item in merged] == [("f0+f1", pytest.approx(0.15)), ("c", 0.15)]
    assert merged[0].stderr == pytest.approx(np.sqrt(0.01**2 + 0.005 / 2))


# ---- the rule


def member(group, family, value=0.15, *, verdict="admitted", form="chinchilla", laboratory=None):
    lab = laboratory or family
    return Member(group, family, lab, form, value, 0.01, "weak", verdict, 50, ("2024-01-01", "2024-02-01"), 0.0)


def asked(members, form="chinchilla"):
    return {group: verdict for group, (_, verdict) in verdicts(form, members).items()}


def test_a_family_speaks_when_more_than_half_of_its_judged_groups_are_admitted():
    half = [member("a1", "a"), member("a2", "a", verdict="contradicted_by_cutoff")]
    assert asked(half) == {"a1": "minority_of_family", "a2": "contradicted_by_cutoff"}
    most = [*half, member("a3", "a")]
    assert asked(most) == {"a1": "admitted", "a2": "contradicted_by_cutoff", "a3": "admitted"}
    # what is not identified is not judged, and takes no voice from the others
    unseen = [
        member("a1", "a"),
        *(member(f"a{k}", "a", verdict=why) for k, why in ((2, "not_identified"), (3, "refused"))),
    ]
    assert asked(unseen)["a1"] == "admitted"


def test_a_group_without_params_speaks_in_the_reducible_pool_by_its_floor_form():
    members = [member("a", "a"), member("a", "a", 0.3, form="floor"), member("b", "b", 0.2, form="floor")]
    chosen = verdicts("chinchilla", members)
    assert {group: item.value for group, (item, _) in chosen.items()} == {"a": 0.15, "b": 0.2}
    assert asked(members, "power_law") == {}


def test_one_record_says_who_speaks_and_can_be_drawn_from_again():
    members = [member(name, name, value) for name, value in (("a", 0.12), ("b", 0.15), ("c", 0.18))]
    members += [member("d", "d", 0.4, verdict="untuned"), member("e", "e", 0.5, verdict="contradicted_by_cutoff")]
    params = section("fit_kappa", groups=[])
    record = pooled_estimate("chinchilla", members, params).to_json()
    assert record["id"] == "kappa_reducible.pooled.chinchilla"
    assert record["value"] == pytest.approx(0.15, abs=1e-6)
    assert (record["status"], record["n_clusters"]) == ("weak", 3)
    assert {item["group"]: item["verdict"] for item in record["diagnostics"]["groups"]} == asked(members)
    assert [item["family"] for item in record["diagnostics"]["families"]] == ["a", "b", "c"]
    found = effects_of(record)
    prediction = next(item for item in record["intervals"] if item["method"] == "prediction")
    assert found.prediction(0.95) == (prediction["low"], prediction["high"])
    assert [Member.from_json(item) for item in record["diagnostics"]["groups"]] == members
    same = [member("a", "a", laboratory="one"), member("b", "b", laboratory="one")]
    assert pooled_estimate("chinchilla", same, params) is None  # one laboratory is no pool
    many = [member(f"f{k}", f"f{k}", 0.15 + 0.001 * k) for k in range(5)]
    assert pooled_estimate("chinchilla", many, params).status == "trusted"


@pytest.mark.parametrize(
    ("error_in_sd", "verdict"), [(0.0, ADMITTED), (1.0, ADMITTED), (1.0 + 1e-9, CONTRADICTED), (5.0, CONTRADICTED)]
)
def test_a_form_with_a_floor_speaks_up_to_the_cut_off_s_bound_and_not_beyond(monkeypatch, error_in_sd, verdict):
    settings_of_kappa = section("fit_kappa")
    bound = settings_of_kappa.gates.max_cutoff_error_sd
    monkeypatch.setattr(pooled, "judge", lambda *_: ("trusted", ()))
    monkeypatch.setattr(pooled, "identified", lambda *_: True)

    class Rows(list):
        group, family, laboratory, window, spec = "g", "f", "l", None, SimpleNamespace(untuned=False)
        compute_range_flop = (1e19, 1e21)

    evidence = SimpleNamespace(cutoff=SimpleNamespace(error_in_sd=error_in_sd * bound))
    fits = [
        SimpleNamespace(form=form, kappa=0.2, stderr_of=lambda _: 0.01, evidence=evidence, rows=Rows([1, 2]))
        for form in (FORMS["chinchilla"], FORMS["floor"])
    ]
    assert [member.verdict for member in pooled.members_of(fits, settings_of_kappa)] == [verdict, verdict]
