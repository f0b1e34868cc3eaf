"""Kappa of the ledger's groups: the figures of record, the gate, frontiers, forms, duplicates and the pooled record."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quarter_worlds import kappa_of
from race_to_efficiency.calibration.kappa.comparison import below_cutoffs, runs_test
from race_to_efficiency.calibration.kappa.compute_frontier import compute_for_tokens, frontier_quantities
from race_to_efficiency.calibration.kappa.efficient import frontier_weights, isoflop_weights, pareto_weights
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, POWER_LAW
from race_to_efficiency.calibration.kappa.groups import fit_group
from race_to_efficiency.executors.place import Place
from race_to_efficiency.ledger.duplicates import find_duplicates, rounding, significant_digits
from runs_for_tests import ledger_rows
from small_settings import section
from statsmodels.sandbox.stats.runs import runstest_1samp

GROUPS = ("chinchilla_besiroglu2024", "gadre2024_c4", "gadre2024_rpj", "gadre2024_rw")


def settings_for(*groups, replicates=100):
    chosen = [item for item in section("fit_kappa").groups if item.group in groups]
    return section("fit_kappa", groups=chosen, bootstrap_replicates=replicates)


@pytest.fixture(scope="module")
def fitted():
    return kappa_of(pd.concat([ledger_rows(group) for group in GROUPS]), settings_for(*GROUPS), seed=20260331)


def by_id(result, name):
    return next(item for item in result.estimates if item.id == name)


def test_the_figures_of_record(fitted):
    kappa = by_id(fitted, "kappa_reducible.chinchilla_besiroglu2024.chinchilla")
    assert kappa.diagnostics["objective"] == pytest.approx(0.00101827401780, rel=1e-9)
    assert kappa.value == pytest.approx(0.17848, abs=6e-6)
    for symbol, value in (("alpha", 0.34731), ("beta", 0.36717), ("E", 1.81722)):
        assert by_id(fitted, f"{symbol}.chinchilla_besiroglu2024.chinchilla").value == pytest.approx(value, abs=6e-6)
    assert kappa.status == "trusted"
    assert kappa.n_rows == 240
    assert len(kappa.rows_excluded) == 5
    assert kappa.diagnostics["correlation_E_kappa"] == pytest.approx(0.98, abs=0.02)
    assert [item.method for item in kappa.intervals if item.level == 0.95] == [
        "percentile_bootstrap",
        "profile",
        "covariance",
    ]


@pytest.mark.parametrize(("group", "value"), [("c4", 0.1287), ("rpj", 0.1286), ("rw", 0.1259)])
def test_gadre(fitted, group, value):
    assert by_id(fitted, f"kappa_reducible.gadre2024_{group}.chinchilla").value == pytest.approx(value, abs=5e-4)


def test_a_kappa_carries_its_form_and_a_tangent_its_pivot(fitted):
    for estimate in fitted.estimates:
        if estimate.symbol == "kappa_total":
            assert estimate.form == "power_law"
            assert estimate.pivot_compute_flop is not None
        if estimate.symbol == "kappa_reducible":
            assert estimate.form in ("chinchilla", "floor")
            assert estimate.pivot_compute_flop is None
    assert by_id(fitted, "kappa_total.pooled.power_law").pivot_compute_flop == section("fit_kappa").pivot_compute_flop


def test_three_groups_of_one_paper_are_one_family(fitted):
    pooled = by_id(fitted, "kappa_reducible.pooled.chinchilla")
    assert [item["family"] for item in pooled.diagnostics["families"]] == ["chinchilla", "gadre"]
    assert pooled.status == "weak"
    assert pooled.reasons[0].startswith("2 independent families")


def test_draws_are_joint_and_centred_on_the_estimates(fitted):
    draws = fitted.draws
    assert list(draws.columns) == [
        *("family", "group", "form", "draw", "kappa", "E", "A", "B", "alpha", "beta", "pivot_compute_flop")
    ]
    law = draws[(draws["group"] == GROUPS[0]) & (draws["form"] == "chinchilla")]
    np.testing.assert_allclose(law["kappa"], law["alpha"] * law["beta"] / (law["alpha"] + law["beta"]), rtol=1e-12)
    assert law["kappa"].median() == pytest.approx(0.1785, abs=0.003)
    tangent = draws[(draws["group"] == GROUPS[0]) & (draws["form"] == "power_law")]
    estimate = by_id(fitted, f"A.{GROUPS[0]}.power_law")
    assert tangent["A"].median() == pytest.approx(estimate.value, rel=0.01)  # the loss at the pivot
    assert (tangent["pivot_compute_flop"] == estimate.pivot_compute_flop).all()


def test_the_tables_say_which_runs_how_far_and_what_else(fitted):
    outliers = [row for row in fitted.influence if row["set"] == "with_outliers"]
    assert {f"chinchilla-{k:03d}" for k in range(5)} <= {row["run"] for row in outliers}
    assert outliers[0]["with"]["beta"] == pytest.approx(0.453, abs=5e-4)
    beyond = [row for row in fitted.extrapolation if row["group"] == GROUPS[0] and row["form"] == "power_law"]
    assert beyond
    assert all(row["mean_error"] > 0 for row in beyond)  # a tangent promises too much beyond its range
    forms = [row for row in fitted.forms if row["group"] == GROUPS[0]]
    assert {row["form"] for row in forms} == {"chinchilla", "floor", "power_law"}
    assert min(forms, key=lambda row: row["aicc"])["form"] != "power_law"
    assert all(row["aicc_difference"] >= 0 for row in forms)


def test_a_form_not_asked_for_still_casts_its_doubt_where_the_two_contradict_each_other():
    rows = SimpleNamespace(lacks=lambda form: False)

    def fitter(form, _, params, *, seed):
        kappa = 0.15 if form.name == params.told else 0.30
        draws = kappa * np.linspace(0.95, 1.05, 100)
        made = SimpleNamespace(kappa=lambda draws: draws, name=form.name, floor=form.floor)
        fit = SimpleNamespace(form=made, kappa=kappa, draws=draws, usable=np.ones(100, bool), doubts=())
        fit.contradicted = lambda *said: SimpleNamespace(form=made, doubts=(said,))
        return fit

    for told, doubts in (("floor", 1), ("neither", 0)):
        (found,) = fit_group(rows, SimpleNamespace(forms=("chinchilla",), told=told), seed=1, fitter=fitter)
        assert found.form.name == "chinchilla"
        assert len(found.doubts) == doubts
        assert not doubts or found.doubts[0] == pytest.approx((0.3, 0.15))  # by the chinchilla form, by the floor form


@pytest.mark.parametrize(
    ("asked", "fitted_for_it"),
    [
        (("power_law",), ["power_law"]),
        (("floor",), ["chinchilla", "floor"]),
        (("power_law", "floor"), ["chinchilla", "floor", "power_law"]),
    ],
)
def test_no_form_is_fitted_that_can_cast_no_doubt_on_those_asked_for(asked, fitted_for_it):
    done = []

    def fitter(form, *_, **__):
        done.append(form.name)
        return SimpleNamespace(form=form, kappa=0.2, draws=np.zeros((0, len(form.columns))), usable=np.ones(0, bool))

    found = fit_group(SimpleNamespace(lacks=lambda form: False), SimpleNamespace(forms=asked), seed=1, fitter=fitter)
    assert done == fitted_for_it
    assert tuple(fit.form.name for fit in found) == asked


def test_processes_change_nothing(fitted):
    """The power laws of two groups, each in a process of its own, are what they are among all of four in this one."""
    pair = GROUPS[1], GROUPS[3]
    rows = pd.concat([ledger_rows(group) for group in pair])
    asked = settings_for(*pair).model_copy(update={"forms": ("power_law",)})
    shared = kappa_of(rows, asked, seed=20260331, place=Place(2))
    alone = [item for item in shared.estimates if item.group != "pooled"]
    assert alone == [item for item in fitted.estimates if item.group in pair and item.form == "power_law"]
    for name in ("influence", "extrapolation", "profiles"):
        known = [row for row in getattr(fitted, name) if row["group"] in pair and row["form"] == "power_law"]
        assert getattr(shared, name) == known
    draws = fitted.draws
    draws = draws[draws["group"].isin(pair) & (draws["form"] == "power_law")].reset_index(drop=True)
    pd.testing.assert_frame_equal(shared.draws, draws, check_exact=True)


def test_no_rows_no_estimates():
    empty = ledger_rows(GROUPS[0]).iloc[:0]
    result = kappa_of(empty, settings_for(GROUPS[0]), seed=1)
    assert result.estimates == ()
    assert result.draws.empty


def test_settings_are_closed():
    with pytest.raises(ValueError, match="extra"):
        section("fit_kappa", bootstraps=3)
    with pytest.raises(ValueError, match="once"):
        section("fit_kappa", groups=[{"group": "a", "family": "a"}, {"group": "a", "family": "b"}])


@given(st.integers(0, 10_000))
def test_the_pareto_set_is_what_no_cheaper_run_beats(seed):
    rng = np.random.default_rng(seed)
    compute, loss = np.exp(rng.uniform(40, 50, 30)), rng.uniform(2, 4, 30)
    weights = rng.poisson(1.0, size=(4, 30)).astype(float)
    kept = pareto_weights(compute, loss, weights)
    for drawn, left in zip(weights, kept, strict=True):
        for k in range(30):
            rivals = [
                j for j in range(30) if drawn[j] > 0 and j != k and compute[j] <= compute[k] and loss[j] <= loss[k]
            ]
            assert left[k] == (0.0 if rivals or drawn[k] == 0 else drawn[k])


def test_isoflop_minima_are_the_best_of_each_budget():
    compute = np.array([1e18, 1.01e18, 0.99e18, 1e19, 1.02e19, 1e20])
    loss = np.array([3.0, 2.9, 3.1, 2.5, 2.6, 2.2])
    kept = isoflop_weights(compute, loss, np.ones((1, 6)), tolerance_dex=0.05)
    assert kept.tolist() == [[0, 1, 0, 1, 0, 1]]
    without = isoflop_weights(compute, loss, np.array([[1.0, 0, 2, 1, 1, 1]]), tolerance_dex=0.05)
    assert without.tolist() == [[1, 0, 0, 1, 0, 1]]
    with pytest.raises(ValueError, match="rule"):
        frontier_weights("best", compute, loss, np.ones((1, 6)))


def test_the_frontier_is_the_minimum_over_model_sizes():
    theta = np.array([477.83, 2143.4, 1.81722, 0.34731, 0.36717])
    sizes = np.geomspace(1e8, 1e13, 200_001)
    for compute in (1e20, 1e24):
        loss = np.exp(CHINCHILLA.log_loss(theta, [sizes, compute / 6 / sizes]))
        point = frontier_quantities(CHINCHILLA, theta, compute)
        assert float(point["loss_nats"]) == pytest.approx(loss.min(), rel=1e-9)
        assert float(point["params"]) == pytest.approx(sizes[loss.argmin()], rel=1e-3)
        step = 1e-4
        ahead = frontier_quantities(CHINCHILLA, theta, compute * np.exp(step))["loss_nats"]
        slope = -(np.log(ahead) - np.log(point["loss_nats"])) / step
        assert float(point["kappa_effective"]) == pytest.approx(float(slope), rel=1e-3)
        assert compute_for_tokens(theta, float(point["tokens"])) == pytest.approx(compute, rel=1e-9)


def test_floor_and_power_law_frontiers():
    floor = frontier_quantities(FLOOR, np.array([100.0, 1.7, 0.1]), 1e20)
    assert float(floor["loss_nats"]) == pytest.approx(1.7 + 100 * 1e20**-0.1)
    assert float(floor["kappa_effective"]) == pytest.approx(0.1 * 1.0 / 2.7)
    assert float(frontier_quantities(POWER_LAW, np.array([30.0, 0.05]), 1e20)["loss_nats"]) == pytest.approx(3.0)


def test_cutoffs_need_enough_below_and_some_above():
    compute = np.geomspace(1e18, 1e22, 20)
    edges, below = below_cutoffs(CHINCHILLA, compute, (0.1, 0.5, 0.99))
    assert len(edges) == 2  # 0.1 leaves two runs
    assert below.sum(axis=1).tolist() == [10, 19]


@given(st.lists(st.booleans(), min_size=4, max_size=60).filter(lambda signs: 1 < sum(signs) < len(signs) - 1))
def test_runs_test_agrees_with_another_library_s(signs):
    _, expected = runstest_1samp(np.asarray(signs, dtype=float), cutoff=0.5, correction=False)
    assert runs_test(np.where(signs, 0.5, -0.5)) == pytest.approx(float(expected), rel=1e-12)


def test_runs_test_sees_a_bend():
    assert runs_test(np.tile([1.0, -1.0], 20)) < 0.01
    assert runs_test(np.repeat([1.0, -1.0, 1.0], 12)) < 0.01
    assert runs_test(np.ones(5)) is None


def test_rounding_is_read_from_the_figures():
    assert significant_digits([1.5e9, 2.0, 1234567.0, 0.1]).tolist() == [2, 1, 7, 1]
    np.testing.assert_allclose(rounding([1.5e9, 2.345]), [5e7, 5e-4])
    assert rounding([0.123456789]).tolist() == [0.0]


@given(st.integers(3, 6), st.integers(0, 100))
def test_a_run_copied_with_fewer_digits_is_found_and_a_sibling_is_not(digits, seed):
    rng = np.random.default_rng(seed)
    params, tokens, loss = np.exp(rng.uniform(17, 23, 8)), np.exp(rng.uniform(20, 26, 8)), rng.uniform(2.1, 3.9, 8)
    short = [np.array([float(f"{v:.{digits - 1}e}") for v in column]) for column in (params, tokens, loss)]
    telling = significant_digits(short[2]) >= 3
    columns = [np.concatenate(pair) for pair in zip((params, tokens, loss), short, strict=True)]
    found = {(item.row, item.first) for item in find_duplicates(*columns)}
    assert found == {(k + 8, k) for k in range(8) if telling[k]}
    seeds = find_duplicates(np.repeat(params, 2), np.repeat(tokens, 2), np.repeat(loss, 2) * np.tile([1, 1.001], 8))
    assert seeds == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(1, 6)), max_size=30))
def test_duplicates_are_those_that_every_pair_of_rows_compared_gives(drawn):
    """Losses near 3.0046 with one to six digits: coarse ones tell nothing, and reach no further than their rounding."""
    size = np.array([1e8 * (1 + part) for part, _, _ in drawn])
    loss = np.array([float(f"{3.0046 + 0.0031 * step:.{digits}g}") for _, step, digits in drawn])
    half, digits = rounding(loss), significant_digits(loss)
    first = {}
    for late in range(len(drawn)):
        for early in range(late - 1, -1, -1):
            near = abs(loss[late] - loss[early]) <= max(half[late], half[early]) * (1 + 1e-9)
            if near and size[late] == size[early] and min(digits[late], digits[early]) >= 3:
                first[late] = early
    assert {item.row: item.first for item in find_duplicates(size, 20 * size, loss)} == first
