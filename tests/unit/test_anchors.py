"""Anchors: loss, floor and slope at a start, against Hoffmann's published values, a minimiser and our own ledger."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from forecast_quarter import GROUPS, gamma_files, kappa_files, ledgers, settings
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.forecasting.anchor_report import anchor_check, anchor_document, anchor_words, fitted_point
from race_to_efficiency.forecasting.anchors import anchor_group, best_excess_loss, build_anchor
from race_to_efficiency.forecasting.basis import StageFiles, curve_weaknesses, gather, series_lengths
from race_to_efficiency.forecasting.draws import GroupDraws, pool_draws, rate_draws
from race_to_efficiency.forecasting.known import GroupRange, group_ranges, known_runs
from race_to_efficiency.forecasting.trust import (
    curvature_limits,
    headroom_limits,
    path_limits,
    reasons_at,
    series_limits,
)
from race_to_efficiency.scenarios import SteadyPath
from race_to_efficiency.settings.forecast import AnchorParams
from scipy.optimize import minimize_scalar
from small_settings import part

AS_OF = date(2026, 3, 31)
HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}


def one(fit: str = "chinchilla", **parameters: float) -> GroupDraws:
    values = {name: np.array([value]) for name, value in parameters.items()}
    values.setdefault("pivot_compute_flop", np.array([np.nan]))
    if fit == "chinchilla":
        alpha, beta = parameters["alpha"], parameters["beta"]
        values["kappa"] = np.array([alpha * beta / (alpha + beta)])
    return GroupDraws("g", "f", fit, values, "trusted", ())


@pytest.mark.parametrize(("compute", "effective"), [(1e18, 0.0802), (1e20, 0.0537), (1e22, 0.0322), (1e24, 0.0178)])
def test_hoffmanns_published_values_give_the_published_slopes(compute, effective):
    found = anchor_group(one(**HOFFMANN), np.log([compute]), 1e22)
    assert found.effective_kappa[0] == pytest.approx(effective, abs=6e-5)


@given(st.floats(0.2, 0.6), st.floats(0.2, 0.6), st.floats(50, 2000), st.floats(50, 2000), st.floats(17, 29))
def test_the_best_split_is_what_a_minimiser_finds(alpha, beta, a, b, log10_compute):
    group = one(E=1.8, A=a, B=b, alpha=alpha, beta=beta)
    compute = 10.0**log10_compute
    found = best_excess_loss(group, np.log([compute]))[0]
    best = minimize_scalar(
        lambda x: a * np.exp(-alpha * x) + b * np.exp(-beta * (np.log(compute / 6) - x)),
        bounds=(0.0, np.log(compute)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found == pytest.approx(best.fun, rel=1e-9)


def test_the_slope_of_the_whole_loss_is_its_derivative():
    group, step = one(**HOFFMANN), 1e-4
    low, middle, high = (anchor_group(group, np.array([np.log(1e23) + shift]), 1e22) for shift in (-step, 0.0, step))
    slope = -(np.log(high.loss) - np.log(low.loss)) / (2 * step)
    np.testing.assert_allclose(middle.effective_kappa, slope, rtol=1e-6)
    assert middle.decades_beyond == pytest.approx(1.0)
    np.testing.assert_allclose(middle.floor, 1.69 / middle.loss)


def test_the_floor_form_is_taken_at_its_pivot_when_it_has_one():
    plain = one("floor", E=1.7, A=1000.0, kappa=0.15)
    pivoted = one("floor", E=1.7, A=1000.0 * 1e20**-0.15, kappa=0.15, pivot_compute_flop=1e20)
    for group in (plain, pivoted):
        np.testing.assert_allclose(best_excess_loss(group, np.log([1e24])), 1000.0 * 1e24**-0.15, rtol=1e-12)
    with pytest.raises(ValueError, match="fit must be floor or chinchilla"):
        best_excess_loss(one("power_law", kappa=0.05), np.log([1e24]))
    with pytest.raises(DataInvalid, match="give no loss at the anchor"):
        anchor_group(one("floor", E=1.7, A=np.nan, kappa=0.15), np.log([1e24]), 1e22)


def test_with_a_frontier_start_the_fitted_groups_are_nearly_all_floor(root):
    """At 5e26 FLOP: floor .91 to .975, kappa_eff .004 to .012, from our own ledger by the batched solver."""
    from race_to_efficiency.calibration.kappa.robust import fit_chinchilla_batch
    from race_to_efficiency.ledger.intake import read_ledger
    from race_to_efficiency.ledger.vintages import view_of

    rows = view_of(read_ledger("training_runs", root / "data" / "raw"), AS_OF).rows
    used = rows[rows["exclusion"] == ""]
    members, ranges = [], {}
    for name in ("chinchilla_besiroglu2024", "gadre2024_c4", "gadre2024_rpj", "gadre2024_rw", "muennighoff2023"):
        group = used[used["group"] == name]
        size, tokens, loss = (group[column].to_numpy(dtype=float) for column in ("params", "tokens", "loss_nats"))
        a, b, e, alpha, beta = fit_chinchilla_batch(size, tokens, loss, np.ones((1, loss.size))).theta[0]
        fitted = one(E=e, A=a, B=b, alpha=alpha, beta=beta)
        members.append(GroupDraws(name, name, "chinchilla", fitted.parameters, "trusted", ()))
        ranges[name] = GroupRange(group["compute_flop"].min(), group["compute_flop"].max(), 2024.0)
    check = anchor_check(members, ranges, 5e26)
    assert check["floor"] == pytest.approx([0.91, 0.975], abs=0.002)
    assert check["kappa_eff"] == pytest.approx([0.0045, 0.0115], abs=0.0005)
    assert check["overstatement"] == pytest.approx([4.4, 11.1], abs=0.2)
    assert check["groups"]["chinchilla_besiroglu2024"]["decades_beyond_fitted_range"] == pytest.approx(4.59, abs=0.01)


# ---- what the ledgers know


def test_the_largest_run_and_the_measured_year():
    runs = known_runs(ledgers()[1], long_run_flop=1e25)
    assert (runs.largest_id, runs.largest_compute_flop) == ("biggest", 5e26)
    assert runs.n_long_runs == 2
    assert runs.baseline_years == pytest.approx(2500 / 8766)
    assert known_runs(ledgers()[1], long_run_flop=1e27).baseline_years is None
    nothing = known_runs(ledgers()[1].assign(exclusion="later"), long_run_flop=1e25)
    assert (nothing.largest_id, nothing.largest_compute_flop, nothing.n_long_runs) == (None, None, 0)


def test_the_measured_year_of_our_own_ledger(root):
    """2,240 h, .26 yr, at 2025-12-02 (the table's latest snapshot)."""
    from race_to_efficiency.ledger.intake import read_ledger
    from race_to_efficiency.ledger.vintages import view_of

    rows = view_of(read_ledger("notable_training_runs", root / "data" / "raw"), date(2025, 12, 31)).rows
    assert known_runs(rows, long_run_flop=1e25).baseline_years == pytest.approx(2240 / 8766, rel=1e-6)


def test_a_range_is_that_of_the_rows_the_fit_used():
    document, runs = kappa_files()[0], ledgers()[0]
    for record in document["estimates"]:
        if record["group"] == "alpha_one":
            record["rows_used"] = record["rows_used"][:2]
    ranges = group_ranges(document["estimates"], runs, fit="chinchilla")
    assert (ranges["alpha_one"].low, ranges["alpha_one"].high) == (1e18, 1e20)
    assert (ranges["beta_one"].low, ranges["beta_one"].high) == (1e18, 1e22)
    assert ranges["beta_one"].log_width == pytest.approx(np.log(1e4))
    assert ranges["alpha_one"].released == pytest.approx(2022 + 87 / 365)


def test_a_group_whose_runs_came_out_over_years_counts_from_the_last_of_them():
    """What algorithms gained is counted from the newest run on: the earlier date would count a gain the rows hold."""
    document, runs = kappa_files()[0], ledgers()[0]
    own = runs.index[runs["group"] == "beta_one"]
    runs.loc[own, "released"] = pd.to_datetime(["2021-01-01", "2023-01-01", "2022-01-01"])
    released = group_ranges(document["estimates"], runs, fit="chinchilla")["beta_one"].released
    assert released == 2023.0


# ---- the anchor of a pool


def quarter():
    document, draws = kappa_files()
    pool = pool_draws(draws, document["estimates"], fit="chinchilla", n=800, seed=1, with_groups=True)
    rates = rate_draws(gamma_files()[1], n=800, seed=1)
    runs, notable = ledgers()
    ranges = group_ranges(document["estimates"], runs, fit="chinchilla")
    return document, pool, rates, ranges, known_runs(notable, long_run_flop=1e25)


def build(params: AnchorParams, rates=None):
    _, pool, drawn, ranges, runs = quarter()
    return build_anchor(
        params,
        pool,
        ranges,
        rates or drawn,
        runs,
        as_of=AS_OF,
        algorithmic_component="algorithmic.mixture",
        pivot_compute_flop=1e20,
    )


def test_a_new_family_has_its_groups_loss_at_the_pivot_and_its_own_slope_beyond():
    _, pool, _, _, _ = quarter()
    at_pivot = build(AnchorParams(name="a", source="fixed", compute_flop=1e20, count_algorithmic_gain=False))
    beyond = build(AnchorParams(name="a", source="fixed", compute_flop=1e23, count_algorithmic_gain=False))
    own = at_pivot.new_family
    np.testing.assert_allclose(own.loss, pool.taken([item.loss for item in at_pivot.groups]), rtol=1e-12)
    irreducible = pool.taken([item.parameters["E"] for item in pool.groups])
    np.testing.assert_allclose(own.floor * own.loss, irreducible, rtol=1e-12)
    slope = -np.log((beyond.new_family.loss - irreducible) / (own.loss - irreducible)) / np.log(1e3)
    np.testing.assert_allclose(slope, pool.kappa, rtol=1e-9)
    np.testing.assert_allclose(beyond.new_family.effective_kappa, pool.kappa * (1 - beyond.new_family.floor))
    assert beyond.floor == np.median(beyond.new_family.floor)


def test_algorithmic_gain_since_the_runs_lifts_the_effective_compute():
    _, _, rates, ranges, _ = quarter()
    anchor = build(AnchorParams(name="a", source="frontier_trend"))
    plain = build(AnchorParams(name="a", source="frontier_trend", count_algorithmic_gain=False))
    for with_gain, without in zip(anchor.groups, plain.groups, strict=True):
        years = 2026 + 89 / 365 - ranges[with_gain.group].released
        expected = without.log_compute + rates["algorithmic.mixture"] * years * np.log(2)
        np.testing.assert_allclose(with_gain.log_compute, expected, rtol=1e-12)
        assert (with_gain.floor > without.floor).all()
    np.testing.assert_array_equal(plain.groups[0].log_compute, rates["level.frontier_compute_log2_flop"] * np.log(2))


def test_anchors_that_need_draws_say_which_are_missing():
    _, _, rates, _, _ = quarter()
    less = {name: values for name, values in rates.items() if not name.startswith(("level", "algorithmic"))}
    with pytest.raises(InputMissing, match=r"no draws of level\.frontier_compute_log2_flop"):
        build(AnchorParams(name="a", source="frontier_trend"), less)
    with pytest.raises(InputMissing, match=r"no draws of algorithmic\.mixture"):
        build(AnchorParams(name="a", source="largest_known_run"), less)
    fixed = AnchorParams(name="a", source="fixed", compute_flop=1e22, count_algorithmic_gain=False)
    assert build(fixed, less).groups[0].decades_beyond == pytest.approx(0.0, abs=1e-12)


def test_an_anchor_beyond_the_range_is_weak_with_its_distance_in_decades():
    _, pool, _, ranges, _ = quarter()
    far = anchor_document(
        build(AnchorParams(name="far", source="fixed", compute_flop=1e25, count_algorithmic_gain=False)), pool, ranges
    )
    near = anchor_document(
        build(AnchorParams(name="near", source="fixed", compute_flop=1e21, count_algorithmic_gain=False)), pool, ranges
    )
    assert far["status"] == "weak"
    assert far["groups"][0]["decades_beyond_fitted_range"] == pytest.approx(3.0)
    assert far["groups"][0]["reasons"] == ["the anchor lies 3.0 decades beyond the largest fitted compute"]
    assert near["status"] == "trusted"
    assert near["compute_pfs_days"]["median"] == pytest.approx(1e21 / 8.64e19)


def test_the_words_say_the_numbers():
    _, pool, _, ranges, _ = quarter()
    anchor = build(AnchorParams(name="far", source="fixed", compute_flop=5e26, count_algorithmic_gain=False))
    record = anchor_document(anchor, pool, ranges)
    words = anchor_words(record, (0.9, 0.99999))
    floors = [item["floor"]["median"] for item in record["groups"]]
    slopes = [item["kappa_eff"]["median"] for item in record["groups"]]
    assert f"{100 * min(floors):.3g} to {100 * max(floors):.3g} %" in words[0]
    assert f"{min(slopes):.2g} to {max(slopes):.2g}" in words[1]
    assert f"{0.05 / max(slopes):.2g} to {0.05 / min(slopes):.2g} times too steep" in words[2]
    out = sum(floor >= 0.9 for floor in floors)
    assert any(f"0.9 in {out} of 3 groups" in text for text in words)
    assert not any("0.99999 in" in text for text in words)
    inside = build(AnchorParams(name="near", source="fixed", compute_flop=1e21, count_algorithmic_gain=False))
    assert not any("extrapolation" in text for text in anchor_words(anchor_document(inside, pool, ranges), (0.2,)))


def test_the_check_is_made_on_the_fit_itself_where_its_parameters_are_recorded():
    document, pool, _, ranges, _ = quarter()
    fits = [fitted_point(document["estimates"], member) for member in pool.groups]
    assert [item.kappa.size for item in fits] == [1, 1, 1]
    alpha = next(row for row in GROUPS if row[0] == "alpha_one")
    exact = one(E=alpha[4], A=alpha[5], B=alpha[6], alpha=alpha[2], beta=alpha[3])
    expected = anchor_group(exact, np.log([5e26]), 1e22)
    check = anchor_check(fits, ranges, 5e26)
    assert check["groups"]["alpha_one"]["floor"] == pytest.approx(float(expected.floor[0]))
    without = [item for item in document["estimates"] if item["symbol"] != "beta"]
    assert fitted_point(without, pool.groups[0]) is pool.groups[0]


# ---- limits of trust


def test_limits_are_passed_when_their_words_say():
    document, pool, _, ranges, _ = quarter()
    anchor = build(AnchorParams(name="a", source="fixed", compute_flop=1e22, count_algorithmic_gain=False))
    path = SteadyPath(np.full(800, 2.0), np.ones(800))
    params = part("forecast", "trust")
    left, close = path_limits("s", path, pool, anchor, ranges, params)
    # every group was fitted from 1e18 to 1e22: it is left by its width when X = 1e4
    assert left.years == pytest.approx(np.log2(1 + 9999 * 2 * np.log(2)) / 2, rel=1e-9)
    share = path.log_compute_ratio(close.years)
    floor = anchor.new_family.floor
    loss = floor + (1 - floor) * np.exp(-pool.kappa * share)
    assert np.mean(loss <= 1.1 * floor) == pytest.approx(0.5, abs=0.01)
    assert close.to_json(AS_OF)["words"] == close.words
    limits = [
        left,
        close,
        *headroom_limits(np.full(9, 0.25), (5.6, 7.6, 10.0)),
        *series_limits("D", "s", {"x.ols": 4.0}),
    ]
    passed = {
        years: reasons_at(limits, scenario_id="s", anchor="a", form="reducible", years=years) for years in (0.1, 5, 31)
    }
    assert passed[0.1] == ()
    assert "series_length" in passed[5]
    assert passed[31] == ("range", "near_floor", "hardware_headroom", "series_length")
    assert "near_floor" not in reasons_at(limits, scenario_id="s", anchor="a", form="total", years=31)
    assert reasons_at(limits, scenario_id="other", anchor="a", form="total", years=31) == ("hardware_headroom",)
    assert document["estimates"]


def test_headroom_is_reached_after_headroom_over_rate():
    (limit,) = headroom_limits(np.array([0.2, 0.25, 0.3]), (5.6, 7.6, 10.0))
    assert (limit.low, limit.years, limit.high) == pytest.approx((22.4, 30.4, 40.0))
    (never,) = headroom_limits(np.array([-0.1]), (5.6, 7.6, 10.0))
    assert never.to_json(AS_OF)["never"] is True
    assert never.to_json(AS_OF)["date"] is None


def test_a_weak_curvature_is_named():
    document, pool, _, _, _ = quarter()
    assert curvature_limits(document["estimates"], pool, part("forecast", "trust")) == []
    for record in document["estimates"]:
        if record["group"] == "beta_two":
            record["diagnostics"]["z_curv"] = 3.1
    (limit,) = curvature_limits(document["estimates"], pool, part("forecast", "trust"))
    assert limit.words == "the floor is weakly identified (z_curv below 4) in beta_two (z 3.1)"
    assert limit.to_json(AS_OF)["passed_at_start"] is True


def test_a_mixture_reaches_as_far_as_its_longest_part():
    lengths = series_lengths(gamma_files()[0]["estimates"])
    assert lengths["training_flop_per_joule.ols"] == pytest.approx(12.0)
    assert lengths["algorithmic.mixture"] == pytest.approx(12.0)
    assert lengths["level.frontier_compute_log2_flop"] is None


def test_reasons_name_what_is_weak():
    kappa, kappa_draws = kappa_files()
    gamma, gamma_draws = gamma_files()
    runs, notable = ledgers()
    params = settings()
    basis = gather(StageFiles(kappa, gamma, kappa_draws, gamma_draws, runs, notable), params, as_of=AS_OF, seed=1)
    static, power, _, paper = params.scenarios
    far, near = basis.anchors
    assert list(curve_weaknesses(basis, static, "total", near)) == ["kappa_weak"]
    assert list(curve_weaknesses(basis, power, "total", near)) == ["kappa_weak", "gamma_weak"]
    assert list(curve_weaknesses(basis, paper, "total", near)) == ["kappa_given"]
    told = curve_weaknesses(basis, static, "reducible", far)["anchor_beyond_range"]
    assert told.startswith("anchor frontier_trend lies beyond the fitted compute of 3 of 3 groups, by ")
    assert isinstance(kappa_draws, pd.DataFrame)
    with pytest.raises(DataInvalid, match="the rows behind alpha_one"):
        gather(
            StageFiles(kappa, gamma, kappa_draws, gamma_draws, runs[runs["group"] != "alpha_one"], notable),
            params,
            as_of=AS_OF,
            seed=1,
        )
