"""The form against its own runs: the largest predicted from the lower half, residuals that bend, residuals in heaps."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pytest
from quick_fits import studied
from race_to_efficiency.calibration.kappa.cutoff import CutoffTest, cutoff_test, largest, lower_half
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, POWER_LAW, Coordinates
from race_to_efficiency.calibration.kappa.group_rows import GroupRows
from race_to_efficiency.calibration.kappa.lack_of_fit import lack_of_fit, light_tails
from race_to_efficiency.calibration.kappa.robust import fit_batch
from race_to_efficiency.calibration.kappa.trust import contradictions
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.ledger.vintages import view_of
from race_to_efficiency.settings.kappa import KappaGroup
from scipy.stats import binom, kurtosistest
from small_settings import section

LAW = (482.01, 2085.43, 1.8172, 0.3478, 0.3658)
SD = 0.0076


def runs(rng, kind="right", n=100):
    """Return params, tokens and loss of the contract's cases: the right law, a wrong one, two floors."""
    compute, off = np.exp(rng.uniform(np.log(1e18), np.log(1e22), n)), rng.uniform(-1.0, 1.0, n)
    params = np.sqrt(compute / 6.0 / (20.0 * 10.0**off))
    tokens = compute / 6.0 / params
    a, b, e, alpha, beta = LAW
    loss = e + a * params**-alpha + b * tokens**-beta
    if kind == "wrong":
        loss = loss * (1.0 + 0.01 * off**2)
    if kind == "floors":
        loss = loss + 0.1 * (rng.random(n) < 0.5)
    return params, tokens, loss * np.exp(SD * rng.standard_normal(n))


def misfit(params, tokens, loss, units=None):
    fit = fit_batch(CHINCHILLA, (params, tokens), loss, np.ones(len(loss)))
    space = Coordinates.of(CHINCHILLA, (params, tokens), loss)
    theta = fit.theta[0]
    residuals = np.log(loss) - CHINCHILLA.log_loss(theta, [params, tokens])
    units = units or tuple(str(k) for k in range(len(loss)))
    return lack_of_fit(space, space.solver(theta), theta, residuals, units, [params, tokens])


def rejected(kind, count, seed, level=0.05):
    found = [misfit(*runs(np.random.default_rng([seed, k]), kind)) for k in range(count)]
    return sum(bool(item.rejects(level)) for item in found), found


@pytest.mark.parametrize("size", studied(8, 80))
def test_the_right_law_is_rejected_no_more_often_than_the_level_says(size):
    count, _ = rejected("right", size, 11)
    assert count <= binom.ppf(0.999, size, 0.05)


@pytest.mark.parametrize("size", studied(8, 60))
def test_a_wrong_law_is_seen_and_its_bend_is_the_one_planted(size):
    count, found = rejected("wrong", size, 12)
    assert count >= binom.ppf(0.001, size, 0.8)
    assert np.median([item.bend for item in found]) == pytest.approx(0.01, rel=0.35)


@pytest.mark.parametrize("size", studied(5, 40))
def test_two_floors_in_one_group_are_seen_by_their_heaps(size):
    count, found = rejected("floors", size, 13)
    assert count >= 0.9 * size
    assert all(
        item.rejects(0.05) == ("heaps",) or not item.rejects(0.05) or item.allocation_p < 0.025 for item in found
    )


@pytest.mark.parametrize("size", [20, 57, 400])
@pytest.mark.parametrize("law", ["standard_normal", "uniform", "standard_cauchy"])
def test_light_tails_are_told_as_scipy_tells_them(size, law):
    values = getattr(np.random.default_rng(size), law)(size=size)
    assert light_tails(values) == pytest.approx(kurtosistest(values, alternative="less").pvalue, rel=1e-12, abs=1e-300)


def test_what_a_test_does_not_apply_to_is_not_asked():
    params, tokens, loss = runs(np.random.default_rng(3), n=15)
    assert misfit(params, tokens, loss) is None  # 15 runs for five parameters say nothing of a sixth
    params, tokens, loss = runs(np.random.default_rng(3))
    shared = misfit(params, tokens, loss, units=tuple(str(k // 10) for k in range(100)))
    assert shared.heaps_p is None  # runs of one model lie in heaps without a second floor
    space = Coordinates.of(POWER_LAW, (params,), loss)
    theta = np.array([2.0, 0.05])
    units = tuple(map(str, range(100)))
    assert lack_of_fit(space, space.solver(theta), theta, np.zeros(100), units, [params]) is None


def test_the_score_test_is_that_of_a_regression_with_robust_errors():
    import statsmodels.api as sm
    from race_to_efficiency.calibration.kappa.record_fit import jacobian

    params, tokens, loss = runs(np.random.default_rng(8), "wrong", n=60)
    fit = fit_batch(CHINCHILLA, (params, tokens), loss, np.ones(60))
    a, b, _, alpha, beta = fit.theta[0]
    space = Coordinates.of(CHINCHILLA, (params, tokens), loss)
    best_n = ((alpha * a / (beta * b)) * (params * tokens) ** beta) ** (1 / (alpha + beta))  # Hoffmann et al., eq. 4
    off = np.log(tokens / params) - np.log(params * tokens / best_n**2)
    near = np.abs(off) <= np.log(10.0)
    design = jacobian(space, space.solver(fit.theta[0]))[near]
    residuals = (np.log(loss) - CHINCHILLA.log_loss(fit.theta[0], [params, tokens]))[near]
    with_term = np.column_stack([design, (off[near] / np.log(10.0)) ** 2])
    found = misfit(params, tokens, loss)
    assert found.n_rows == near.sum()
    assert found.bend == pytest.approx(sm.OLS(residuals, with_term).fit().params[-1], rel=1e-6)


# ---- cut-offs


def group(params, tokens, loss, **spec):
    ids = tuple(str(k) for k in range(len(loss)))
    quantities = {"params": params, "tokens": tokens, "compute_flop": 6 * params * tokens, "loss": loss}
    return GroupRows(KappaGroup(group="g", family="g", **spec), ids, ids, quantities, None, ())


def test_half_of_the_range_is_fitted_and_the_largest_tenth_is_predicted():
    params, tokens, loss = runs(np.random.default_rng(2))
    rows = group(params, tokens, loss)
    compute = rows.quantities["compute_flop"]
    below = lower_half(CHINCHILLA, compute)
    middle = np.sqrt(compute.min() * compute.max())
    np.testing.assert_array_equal(below, compute <= middle)
    np.testing.assert_array_equal(np.sort(largest(rows, 0.05)), np.sort(np.argsort(compute)[-10:]))
    assert lower_half(CHINCHILLA, compute[:12]) is None or lower_half(CHINCHILLA, compute[:12]).sum() >= 10
    budgets = np.repeat([1e18, 1e19, 1e20], 4)
    isoflop = group(budgets**0.5, budgets**0.5 / 6, np.ones(12) * 3, frontier="isoflop_minima")
    np.testing.assert_array_equal(np.sort(largest(isoflop, 0.05)), [8, 9, 10, 11])


@pytest.mark.parametrize("bend", [0.0, 0.03])
def test_a_law_that_changes_beyond_the_cut_off_misses_by_what_was_planted(bend):
    params, tokens, loss = runs(np.random.default_rng(4), n=400)
    compute = 6 * params * tokens
    beyond = np.maximum(np.log10(compute / np.sqrt(compute.min() * compute.max())), 0.0)
    rows = group(params, tokens, loss * np.exp(bend * beyond))
    below = lower_half(CHINCHILLA, compute)
    lower = rows.taken(below)
    fit = fit_batch(CHINCHILLA, lower.inputs(CHINCHILLA), lower.quantities["loss"], np.ones(len(lower)))
    found = cutoff_test(CHINCHILLA, rows, below, fit, 0.05)
    planted = bend * beyond[largest(rows, 0.05)].mean()
    assert found.mean_error == pytest.approx(planted, abs=3 * SD)
    assert found.residual_sd == pytest.approx(SD, rel=0.15)
    assert (found.error_in_sd > 3.0) == bool(bend)
    assert found.to_json()["error_in_sd"] == abs(found.mean_error) / found.residual_sd


def test_the_contracts_figures_of_the_ledgers_own_groups(root):
    """Five of six sweeps of one paper miss their top budget by more than three residual sd; Chinchilla does not."""
    table = view_of(read_ledger("training_runs", root / "data" / "raw"), dt.date(2026, 3, 31)).rows

    def test_of(name, form=CHINCHILLA, frontier="pareto") -> CutoffTest:
        rows = GroupRows.of(table[table["group"] == name], KappaGroup(group=name, family=name, frontier=frontier))
        below = lower_half(form, rows.quantities["compute_flop"])
        lower = rows.taken(below)
        fit = fit_batch(form, lower.inputs(form), lower.quantities["loss"], np.ones(len(lower)))
        return cutoff_test(form, rows, below, fit, 0.05)

    told = {
        "fineweb": 11.3,
        "fineweb_edu": 5.9,
        "proof_pile_2": 2.1,
        "slimpajama": 4.8,
        "smollm_corpus": 4.3,
        "starcoder": 3.1,
    }
    found = {name: test_of(f"brandfonbrener2024_l2l_{name}", frontier="isoflop_minima").error_in_sd for name in told}
    assert found == pytest.approx(told, abs=0.06)
    assert test_of("chinchilla_besiroglu2024").error_in_sd < 1.0
    assert lower_half(FLOOR, np.array([1e18, 1e19])) is None


@pytest.mark.parametrize(("error_in_sd", "held"), [(2.1, False), (2.95, False), (3.1, True), (5.0, True), (8.9, True)])
def test_the_shipped_gate_holds_a_floor_that_misses_its_largest_runs_by_more_than_three_sd(error_in_sd, held):
    settings_of_kappa = section("fit_kappa")
    for sign in (1.0, -1.0):
        test = CutoffTest(1e19, 40, 10, 1.4, sign * error_in_sd * 0.004, 0.004)
        for form in (CHINCHILLA, FLOOR):
            evidence = SimpleNamespace(form=form, cutoff=test, lack_of_fit=None)
            found = contradictions(evidence, settings_of_kappa.gates)
            assert len(found) == held
            assert all(("above" if sign > 0 else "below") in reason for reason in found)
        tangent = SimpleNamespace(form=POWER_LAW, cutoff=test, lack_of_fit=None)
        assert contradictions(tangent, settings_of_kappa.gates) == ()
