"""Waiting, cost, bills, splits, the severity table and the public claims, against brute force and figures of others."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields, replace

import mpmath as mp
import numpy as np
import pytest
import relative_loss_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency import planning
from race_to_efficiency.equation.domain import LN2
from race_to_efficiency.planning import CostParameters
from race_to_efficiency.planning.claims import FAILS, HOLDS, IMPLIES, IN_PART, years_at
from race_to_efficiency.settings.cost import CostValues
from race_to_efficiency.units import FLOP_PER_PFS_DAY

SETTINGS = settings(deadline=None, max_examples=40, derandomize=True)

COST = CostParameters(
    accelerator_price_usd=33_600.0,
    server_price_ratio=1.65,
    interconnect_price_ratio=1.19,
    accelerator_flop_s=989.4e12,
    accelerator_power_w=700.0,
    server_power_ratio=10.2 / 8 / 0.7,
    power_draw_fraction=0.76,
    power_usage_effectiveness=1.1,
    utilisation=0.4,
    energy_price_usd_per_kwh=0.0806,
    accelerator_life_years=5.0,
    discount_rate_per_year=0.07,
    price_decline_doublings_per_year=0.143,
    baseline_power_w=2.26e7,
)
PLAIN = replace(COST, discount_rate_per_year=0.0, price_decline_doublings_per_year=0.0)


def test_planning_needs_numpy_only():
    code = (
        "import sys, race_to_efficiency.planning\n"
        "print(any(m.split('.')[0] in ('scipy', 'pandas') for m in sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


# --- waiting ---------------------------------------------------------------------------------------------------------


@given(deadline=st.floats(0.1, 30), gamma=st.floats(-1, 4), eta=st.floats(0, 1), rho=st.floats(0, 0.3))
@SETTINGS
def test_best_purchase_date_beats_every_other_date(deadline, gamma, eta, rho):
    best = planning.optimal_delay_deadline(deadline, gamma, price_decline=eta, discount=rho)
    fall = planning.decline_rate(gamma, eta, rho)
    assert 0.0 <= best < deadline
    if fall <= 0.0:
        assert best == 0.0
        return
    dates = np.linspace(0.0, deadline, 400, endpoint=False)
    log_cost = -fall * dates - np.log(deadline - dates)
    assert -fall * best - math.log(deadline - best) <= log_cost.min() + 1e-12


@given(work=st.floats(0.1, 1e5), gamma=st.floats(-1, 4))
@SETTINGS
def test_best_wait_for_a_job_finishes_first(work, gamma):
    best = planning.optimal_delay_job(work, gamma)
    done = planning.min_completion_time_job(work, gamma)
    assert done == pytest.approx(best + work * 2.0 ** (-gamma * best), rel=1e-12)
    waits = np.linspace(0.0, 2 * best + 5.0, 500)
    assert done <= (waits + work * 2.0 ** (-gamma * waits)).min() * (1 + 1e-12)


@given(rate=st.floats(0.01, 3), capital=st.floats(0.01, 100), energy=st.floats(0, 100))
@SETTINGS
def test_best_run_length_is_cheapest_and_no_longer_than_one_over_lambda(rate, capital, energy):
    best = float(planning.optimal_run_length(rate, capital, energy))
    assert best <= (1 + 1e-14) / rate
    lengths = best * np.linspace(0.2, 3.0, 281)
    log_cost = np.log(capital / lengths + energy) + rate * lengths
    assert math.log(capital / best + energy) + rate * best <= log_cost.min() + 1e-12


def test_waiting_corner_cases():
    assert planning.optimal_delay_deadline(2.0, 1.0 / (2.0 * LN2)) == 0.0
    assert planning.optimal_delay_job(0.0, 1.0) == 0.0
    assert planning.optimal_run_length(0.0, 1.0, 1.0) == math.inf
    assert planning.optimal_run_length(0.5, 0.0, 1.0) == 0.0
    assert planning.optimal_run_length(0.5, 1.0, 0.0) == 2.0
    assert planning.optimal_run_length([0.5, 1.0], 1.0, 0.0).tolist() == [2.0, 1.0]
    with pytest.raises(ValueError, match="capital_cost must be greater than 0 when energy_cost is 0"):
        planning.optimal_run_length(0.5, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"decline_rate must be at least 0, got -1.0"):
        planning.optimal_run_length(-1.0, 1.0, 0.0)
    with pytest.raises(ValueError, match=r"deadline must be at least 0 years, got -1.0"):
        planning.optimal_delay_deadline(-1.0, 1.0)


def test_a_price_fall_counts_like_gamma():
    with_price = planning.optimal_delay_deadline(6.0, 0.3, price_decline=0.2)
    assert with_price == pytest.approx(float(planning.optimal_delay_deadline(6.0, 0.5)), rel=1e-15)


# --- cost ------------------------------------------------------------------------------------------------------------


def test_cost_of_a_known_run_is_near_its_published_estimate():
    # Llama 3.1 405B: 3.8e25 FLOP on H100s; the notable-models table of 2025-12-02 says 52.9 million USD of 2023
    assert planning.cost_of_flop(COST).total_usd_per_flop * 3.8e25 == pytest.approx(52_885_434, rel=0.1)
    # and 16,384 accelerators drew 22.6 MW there; ours at the meter with the mean draw of a node
    assert 16_384 * COST.facility_power_w == pytest.approx(22_622_532, rel=0.25)


def test_cost_of_flop_by_hand():
    hand = replace(
        PLAIN,
        accelerator_price_usd=10_000.0,
        server_price_ratio=1.5,
        interconnect_price_ratio=2.0,
        accelerator_life_years=3.0,
        accelerator_flop_s=1e15,
        utilisation=0.5,
        accelerator_power_w=1000.0,
        server_power_ratio=2.0,
        power_draw_fraction=0.5,
        power_usage_effectiveness=1.2,
        energy_price_usd_per_kwh=0.1,
    )
    cost = planning.cost_of_flop(hand)
    useful = 0.5e15 * 8766 * 3600
    assert hand.annual_capital_usd == pytest.approx(10_000, rel=1e-14)
    assert cost.capital_usd_per_flop == pytest.approx(10_000 / useful, rel=1e-14)
    assert cost.energy_usd_per_flop == pytest.approx(1.2 * 8766 * 0.1 / useful, rel=1e-14)
    assert cost.energy_j_per_flop == pytest.approx(1200 / 0.5e15, rel=1e-14)
    assert cost.total_usd_per_pfs_day == pytest.approx(cost.total_usd_per_flop * FLOP_PER_PFS_DAY, rel=1e-15)


def test_capital_charge_repays_the_price_at_the_discount_rate():
    rho, life = COST.discount_rate_per_year, COST.accelerator_life_years
    repaid = mp.quad(lambda s: COST.annual_capital_usd * mp.exp(-mp.mpf(rho) * s), [0, life])
    assert float(repaid) == pytest.approx(COST.installed_price_usd, rel=1e-13)
    assert PLAIN.annual_capital_usd == pytest.approx(PLAIN.installed_price_usd / life, rel=1e-14)


@pytest.mark.parametrize("growth", [0.0, 0.7, -0.5])
def test_bill_is_the_discounted_integral_of_its_flows(growth):
    bill = planning.fleet_bill(3.0, 6.0, COST, fleet_growth=growth)
    rho, eta = mp.mpf(COST.discount_rate_per_year), mp.mpf(COST.price_decline_doublings_per_year)

    def power(s):
        return 3 * mp.power(2, mp.mpf(growth) * s)

    energy = mp.quad(lambda s: power(s) * COST.annual_energy_usd * mp.exp(-rho * s), [0, 6])
    capital = mp.quad(lambda s: power(s) * COST.annual_capital_usd * mp.exp(-rho * s) * mp.power(2, -eta * s), [0, 6])
    drawn = mp.quad(lambda s: power(s) * mp.mpf(COST.baseline_power_w) * 8766 / mp.mpf(10) ** 12, [0, 6])
    assert float(bill.energy_usd) == pytest.approx(float(energy) * COST.baseline_accelerators, rel=1e-13)
    assert float(bill.capital_usd) == pytest.approx(float(capital) * COST.baseline_accelerators, rel=1e-13)
    assert float(bill.energy_twh) == pytest.approx(float(drawn), rel=1e-13)
    assert bill.total_usd == bill.energy_usd + bill.capital_usd
    assert bill.accelerators == pytest.approx(3 * COST.baseline_power_w / COST.facility_power_w)


def test_bill_takes_arrays_and_infinities():
    bill = planning.fleet_bill([0.0, 1.0, np.inf], [[1.0], [0.0]], COST)
    assert bill.total_usd.shape == (2, 3)
    assert bill.total_usd[0, 0] == 0.0
    assert bill.total_usd[0, 2] == math.inf
    assert not np.isnan(bill.total_usd).any()
    assert not np.isnan(bill.energy_twh).any()


@pytest.mark.parametrize("name", [field.name for field in fields(CostParameters)])
def test_every_cost_parameter_is_checked_and_has_no_default(name):
    with pytest.raises(ValueError, match=f"{name} must"):
        replace(COST, **{name: float("nan")})
    if name != "price_decline_doublings_per_year":
        with pytest.raises(ValueError, match=f"{name} must"):
            replace(COST, **{name: -1.0})
    assert name in CostValues.model_fields, "params.yaml gives every one"


def test_ratios_below_one_are_refused():
    with pytest.raises(ValueError, match=r"power_usage_effectiveness must be at least 1, got 0.9"):
        replace(COST, power_usage_effectiveness=0.9)
    with pytest.raises(ValueError, match="utilisation must lie in"):
        replace(COST, utilisation=1.2)


def test_hare_against_turtle_in_time_energy_and_money():
    race = planning.hare_against_turtle((10.0, 0.5), (1.0, 2.0), 0.7, 0.05, COST)
    assert race.hare_years == pytest.approx(10.944964267966696, rel=1e-12)
    assert race.turtle_years == pytest.approx(5.3811881373276, rel=1e-12)
    assert (race.first, race.least_energy, race.cheapest) == ("turtle", "turtle", "turtle")
    assert race.crossovers.throughput_years == pytest.approx(2.2146187299249083)
    assert race.crossovers.cumulative_years == pytest.approx(3.169925001442312)
    easy = planning.hare_against_turtle((10.0, 0.5), (1.0, 2.0), 0.95, 0.05, COST)
    assert easy.first == "hare"
    assert easy.least_energy == "turtle"
    none = planning.hare_against_turtle((10.0, 0.5), (1.0, 2.0), 0.4, 0.15, COST, floor=0.5)
    assert (none.first, none.cheapest) == ("neither", "neither")
    same = planning.hare_against_turtle((2.0, 1.0), (2.0, 1.0), 0.8, 0.05, COST)
    assert same.first == "tie"


# --- the split of a budget -------------------------------------------------------------------------------------------


@given(budget=st.floats(0.1, 1e3), t=st.floats(0.0, 25), g0=st.floats(-1, 3), g1=st.floats(0, 6))
@SETTINGS
def test_best_split_beats_a_fine_grid(budget, t, g0, g1):
    split = planning.best_split(budget, t, g0, g1)
    shares = np.linspace(0.0, 1.0, 3001)[:-1]
    from race_to_efficiency.relative_loss import log_compute_ratio

    grid = log_compute_ratio(t, g0 + g1 * shares, fleet=budget * (1 - shares))
    assert split.log_compute_ratio >= grid.max() * (1 - 1e-12) - 1e-15
    assert 0.0 <= split.rd_share < 1.0
    assert split.gain >= 1.0 - 1e-12
    if split.rd_share > 0.0:  # the first-order condition of an interior optimum
        exchange = oracle.gamma_fleet_exchange(mp.mpf(t), mp.mpf(float(split.gamma)))
        assert float(g1 * exchange * (1 - split.rd_share)) == pytest.approx(1.0, rel=1e-6)


def test_free_efficiency_is_no_reason_to_hold_back():
    for g0 in (-0.5, 0.0, 3.0):
        split = planning.best_split(10.0, 12.0, g0, 0.0)
        assert split.rd_share == 0.0
        assert split.gain == 1.0
    assert "never pays" in planning.NO_FREE_WAITING
    # and a delay of a fleet under free growth only loses compute
    from race_to_efficiency.relative_loss import log_compute_ratio

    delays = log_compute_ratio(10.0, 2.0, start_delay=np.array([0.0, 1.0, 5.0, 9.0]))
    assert (np.diff(delays) < 0.0).all()


def test_best_split_takes_arrays():
    split = planning.best_split([1.0, 10.0], [[2.0], [9.0]], 0.5, 1.5)
    assert split.rd_share.shape == (2, 2)
    assert split.rd_share[0, 0] == split.rd_share[0, 1]  # the share does not depend on the size of the budget
    assert split.rd_share[1, 0] > split.rd_share[0, 0]


# --- the severity table and the claims -------------------------------------------------------------------------------

TABLE = {  # years at kappa .05 for gamma 0, .5, 1, 2, 3: five digits, from a 50-digit computation of its own
    0.9: (7.22526, 3.6181, 2.5869, 1.7308, 1.3341),
    0.8: (85.7362, 9.8816, 5.9171, 3.4526, 2.4954),
    0.7: (1252.25, 17.530, 9.7632, 5.3812, 3.7824),
    0.6: (27350.1, 26.421, 14.211, 7.6053, 5.2652),
    0.5: (1048575, 36.942, 19.471, 10.236, 7.0187),
}


def test_severity_table_years():
    rows = planning.severity_table(baseline_power_w=None)
    assert len(rows) == 25
    for row in rows:
        index = (0.0, 0.5, 1.0, 2.0, 3.0).index(row.gamma)
        assert row.years == pytest.approx(TABLE[row.target][index], rel=4e-5)
        assert all(need.energy_twh is None and need.power_w is None for need in row.fleets)


def test_severity_fleets_and_energy_match_the_oracle():
    for row in planning.severity_table(baseline_power_w=2.26e7, deadlines_years=(1, 5, 10)):
        for need in row.fleets:
            exact = oracle.fleet_required(*map(mp.mpf, (row.target, need.by_years, 0.05, row.gamma, 1.0)))
            assert need.fleet == pytest.approx(float(exact), rel=1e-12)
            assert need.power_w == pytest.approx(need.fleet * 2.26e7)
            assert need.energy_twh == pytest.approx(need.fleet * 22.6e6 * need.by_years * 8766 / 1e12, rel=1e-12)


def test_severity_of_an_unreachable_target_is_infinite():
    (row,) = planning.severity_table(baseline_power_w=1e6, targets=(0.4,), gammas=(2.0,), floor=0.5, kappa=0.15)
    assert row.years == math.inf
    assert all(need.fleet == math.inf and need.energy_twh == math.inf for need in row.fleets)
    with pytest.raises(ValueError, match="baseline_power_w must be greater than 0"):
        planning.severity_table(baseline_power_w=0.0)


def test_claims_are_recomputed_and_judged():
    claims = {claim.id: claim for claim in planning.check_claims()}
    assert claims["gamma_2_six_months"].verdict == HOLDS
    assert claims["gamma_3_six_months"].verdict == FAILS
    assert claims["gamma_3_six_months"].recomputed["months"] == 4.0
    five = claims["five_years_at_2"]
    assert five.verdict == IMPLIES
    assert five.recomputed["years_at_gamma_0"] == pytest.approx(737.94, abs=0.005)
    assert five.recomputed["years_at_gamma_0.5"] == pytest.approx(16.0, abs=0.05)
    twenty = claims["twenty_years_at_half"]
    assert twenty.recomputed["years_at_gamma_2"] == pytest.approx(6.0, abs=0.05)
    assert claims["five_and_twenty_together"].verdict == FAILS
    assert claims["millennia"].verdict == IN_PART
    assert claims["moore_exponential"].verdict == IN_PART
    assert all(claim.claim and claim.source and claim.why for claim in claims.values())


@given(years=st.floats(0.01, 40), gamma=st.floats(0.0, 4.0))
@SETTINGS
def test_years_at_another_gamma_undo_the_growth_integral(years, gamma):
    static = float(oracle.integral(mp.mpf(years), mp.mpf(gamma)))
    assert years_at(static, gamma) == pytest.approx(years, rel=1e-12)
