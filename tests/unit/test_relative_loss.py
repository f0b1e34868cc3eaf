"""The equation against 50-digit values and against its own properties, over every corner of its domain."""

from __future__ import annotations

import math
import pickle
import warnings

import mpmath as mp
import numpy as np
import pytest
import relative_loss_oracle as oracle
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from race_to_efficiency import relative_loss as rl
from race_to_efficiency.equation import growth as kernel
from race_to_efficiency.equation.domain import LN2, DomainError
from relative_loss_cases import FUNCTIONS

EPS = 2.0**-52
SETTINGS = settings(deadline=None, max_examples=40, derandomize=True)


def decades(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: float(10.0**x))


def signed(low: float, high: float) -> st.SearchStrategy[float]:
    return st.one_of(st.just(0.0), decades(low, high), decades(low, high).map(lambda x: -x))


times = st.one_of(st.just(0.0), decades(-14, 4))
kappas = decades(-3, 0.5)
gammas = st.one_of(signed(-16, 2), st.floats(-4, 4))
fleets = decades(-12, 12)
baselines = decades(-3, 3)
targets = st.one_of(st.floats(0.01, 0.999), decades(-12, -1).map(lambda x: 1.0 - x))
floors = st.one_of(st.just(0.0), st.floats(0.01, 0.99), decades(-9, -2).map(lambda x: 1.0 - x))


def close(ours, function: str, inputs: dict[str, float], least: float = 2e-14) -> None:
    exact = oracle.evaluate(function, inputs)
    kind, number = oracle.classify(exact)
    assert not math.isnan(ours)
    if kind in ("value", "subnormal"):
        slack = max(oracle.tolerance(function, inputs, least) * abs(number), 4 * math.ulp(0.0))
        assert abs(float(ours) - number) <= slack, (function, inputs, float(ours), number)
    else:
        assert float(ours) == number, (function, inputs, float(ours), number)


@pytest.mark.parametrize(
    "function",
    ["relative_loss", "log_relative_loss", "loss_reduction", "decay_rate", "dR_dkappa", "dR_dgamma", "dR_dt", "dR_dm"],
)
@given(t=times, kappa=kappas, gamma=gammas, m=fleets, tau0=baselines)
@SETTINGS
@example(t=35.0, kappa=0.05, gamma=1e-17, m=1.0, tau0=1.0)
@example(t=35.0, kappa=0.05, gamma=0.0, m=1.0, tau0=1.0)
@example(t=5000.0, kappa=0.2, gamma=2.0, m=1e12, tau0=1e-3)
@example(t=1e-14, kappa=0.05, gamma=-3.0, m=1e-12, tau0=1e3)
def test_forward_functions_match_50_digits(function, t, kappa, gamma, m, tau0):
    inputs = {"t": t, "kappa": kappa, "gamma": gamma, "m": m, "tau0": tau0}
    close(FUNCTIONS[function](inputs), function, inputs)


@given(t=times, kappa=kappas, gamma=gammas, m=fleets, tau0=baselines, e=floors)
@SETTINGS
def test_floor_and_effective_kappa_match_50_digits(t, kappa, gamma, m, tau0, e):
    inputs = {"t": t, "kappa_r": kappa, "gamma": gamma, "m": m, "tau0": tau0, "e": e}
    for function in ("relative_loss_irreducible", "kappa_effective"):
        close(FUNCTIONS[function](inputs), function, inputs)


@given(t=times, kappa=kappas, gamma=gammas, m=fleets, e=floors)
@SETTINGS
def test_log_and_reduction_under_a_floor_match_50_digits(t, kappa, gamma, m, e):
    exact_r = oracle.relative_loss(*map(mp.mpf, (t, kappa, gamma, m)), mp.mpf(1))
    gone = (1 - mp.mpf(e)) * (1 - exact_r)
    inputs = {"t": t, "kappa": kappa, "gamma": gamma, "m": m, "tau0": 1.0}
    scale = oracle.tolerance("loss_reduction", inputs)
    ours = rl.loss_reduction(t, kappa, gamma, fleet=m, floor=e)
    assert abs(mp.mpf(float(ours)) - gone) <= scale * gone
    log = rl.log_relative_loss(t, kappa, gamma, fleet=m, floor=e)
    exact_log = mp.log1p(-gone)
    assert abs(mp.mpf(float(log)) - exact_log) <= (scale + 1e-13) * abs(exact_log)


@given(target=targets, kappa=kappas, gamma=gammas, m=decades(-6, 6), tau0=decades(-2, 2))
@SETTINGS
@example(target=1.0 - 2.0**-53, kappa=0.05, gamma=2.0, m=1.0, tau0=1.0)
def test_time_to_target_matches_50_digits(target, kappa, gamma, m, tau0):
    inputs = {"Rstar": target, "kappa": kappa, "gamma": gamma, "m": m, "tau0": tau0}
    close(FUNCTIONS["time_to_target"](inputs), "time_to_target", inputs)


@given(target=targets, t=decades(-6, 4), kappa=kappas, m=decades(-6, 6), tau0=decades(-2, 2))
@settings(SETTINGS, max_examples=40)
@example(target=0.9, t=7.225263339969954, kappa=0.05, m=1.0, tau0=1.0)
@example(target=0.9, t=10.0, kappa=0.05, m=1.0, tau0=1.0)
def test_gamma_required_matches_50_digits(target, t, kappa, m, tau0):
    inputs = {"Rstar": target, "tstar": t, "kappa": kappa, "m": m, "tau0": tau0}
    close(FUNCTIONS["gamma_required"](inputs), "gamma_required", inputs)


@given(target=targets, t=decades(-6, 4), kappa=kappas, gamma=gammas, tau0=decades(-2, 2))
@SETTINGS
def test_fleet_required_matches_50_digits(target, t, kappa, gamma, tau0):
    inputs = {"Rstar": target, "tstar": t, "kappa": kappa, "gamma": gamma, "tau0": tau0}
    for function in ("fleet_required", "fleet_required_in_c0"):
        close(FUNCTIONS[function](inputs), function, inputs)


@given(lead=decades(0.01, 8), g_hare=st.floats(-3, 3), gap=decades(-5, 1), tau0=decades(-2, 2))
@settings(SETTINGS, max_examples=25)
def test_crossovers_match_50_digits(lead, g_hare, gap, tau0):
    g_turtle = max(g_hare, 0.0) + gap
    assume(g_turtle > g_hare)
    inputs = {"m_h": lead, "g_h": g_hare, "m_t": 1.0, "g_t": g_turtle}
    for function in ("crossover_throughput", "crossover_cumulative"):
        close(FUNCTIONS[function](inputs), function, inputs, 1e-12)
    inputs["tau0"] = tau0
    close(FUNCTIONS["crossover_in_c0"](inputs), "crossover_in_c0", inputs, 1e-12)


@given(kappa=kappas, gamma=gammas, m=fleets, tau0=baselines, e=floors)
@SETTINGS
def test_r_is_one_at_the_reference_date(kappa, gamma, m, tau0, e):
    assert rl.relative_loss(0.0, kappa, gamma, fleet=m, baseline_years=tau0, floor=e) == 1.0
    assert rl.loss_reduction(0.0, kappa, gamma, fleet=m, baseline_years=tau0, floor=e) == 0.0


@given(t=times, kappa=kappas, gamma=gammas, m=fleets, e=floors, more=st.floats(1.0, 3.0), step=decades(-6, 1))
@SETTINGS
def test_r_falls_in_t_kappa_gamma_and_fleet(t, kappa, gamma, m, e, more, step):
    base = np.asarray(rl.log_relative_loss(t, kappa, gamma, fleet=m, floor=e))
    slack = 1e-14 * abs(float(base)) + 4 * math.ulp(0.0)
    for later in (
        rl.log_relative_loss(t * more, kappa, gamma, fleet=m, floor=e),
        rl.log_relative_loss(t, kappa * more, gamma, fleet=m, floor=e),
        rl.log_relative_loss(t, kappa, gamma + step, fleet=m, floor=e),
        rl.log_relative_loss(t, kappa, gamma, fleet=m * more, floor=e),
    ):
        # gamma t of 1e6 doublings makes one rounding of gamma worth 1e6 roundings of ln R
        assert later <= base + slack + 4 * EPS * kappa * abs(gamma) * t


@given(t=decades(-6, 3), kappa=decades(-1.5, 0.5), tiny=decades(-300, -16))
@SETTINGS
def test_gamma_zero_is_no_seam(t, kappa, tiny):
    at_zero = rl.relative_loss(t, kappa, 0.0)
    for gamma in (tiny, -tiny):
        assert rl.relative_loss(t, kappa, gamma) == pytest.approx(at_zero, rel=2e-13)
        assert rl.time_to_target(0.9, kappa, gamma) == pytest.approx(rl.time_to_target(0.9, kappa, 0.0), rel=1e-6)
    ours = np.array(rl.relative_loss_gradient(t, kappa, np.array([-tiny, 0.0, tiny])))
    assert np.allclose(ours[:, :1], ours, rtol=1e-12, atol=0.0)


def test_the_printed_form_fails_where_ours_does_not():
    gamma, t, kappa = 1e-18, 35.0, 0.05
    printed = (1.0 + (2.0 ** (gamma * t) - 1.0) / (gamma * math.log(2.0))) ** -kappa
    assert printed == 1.0
    assert rl.relative_loss(t, kappa, gamma) == pytest.approx(36.0**-0.05, rel=1e-15)


@pytest.mark.parametrize("kernel_function", [kernel.phi, kernel.log_phi, kernel.log_phi_slope])
def test_kernels_have_no_seam_where_their_branches_meet(kernel_function):
    for seam in (-1.0, 1.0, 700.0):
        below, at, above = (
            kernel_function(np.array(x)) for x in (np.nextafter(seam, -9e9), seam, np.nextafter(seam, 9e9))
        )
        assert below == pytest.approx(float(at), rel=3e-13 if seam == 700.0 else 2e-15)
        assert above == pytest.approx(float(at), rel=3e-13 if seam == 700.0 else 2e-15)


@given(
    target=st.floats(0.2, 0.99), kappa=decades(-1.3, 0), gamma=st.floats(-0.3, 4), m=decades(-2, 3), e=st.floats(0, 0.8)
)
@SETTINGS
def test_inverses_undo_the_equation(target, kappa, gamma, m, e):
    assume(target > e + 0.01)
    years = rl.time_to_target(target, kappa, gamma, fleet=m, floor=e)
    if math.isinf(years):
        assert gamma < 0.0
        assert rl.relative_loss(math.inf, kappa, gamma, fleet=m, floor=e) >= target * (1 - 1e-12)
        return
    assert rl.relative_loss(years, kappa, gamma, fleet=m, floor=e) == pytest.approx(target, rel=1e-11)
    assert rl.kappa_implied(target, years, gamma, fleet=m, floor=e) == pytest.approx(kappa, rel=1e-10)
    assert rl.fleet_required(target, years, kappa, gamma, floor=e) == pytest.approx(m, rel=1e-9)
    again = rl.gamma_required(target, years, kappa, fleet=m, floor=e)
    assert rl.relative_loss(years, kappa, again, fleet=m, floor=e) == pytest.approx(target, rel=1e-11)


@given(t=st.floats(0.01, 40), kappa=st.floats(0.01, 0.5), gamma=st.floats(-1, 4), m=decades(-2, 2), e=st.floats(0, 0.9))
@settings(SETTINGS, max_examples=40)
def test_gradient_matches_high_precision_differences(t, kappa, gamma, m, e):
    point = [mp.mpf(x) for x in (kappa, gamma, t, m)]

    def r(kappa, gamma, t, m):
        return oracle.relative_loss(t, kappa, gamma, m, mp.mpf(1), mp.mpf(e))

    ours = rl.relative_loss_gradient(t, kappa, gamma, fleet=m, floor=e)
    for index, value in enumerate(ours):
        order = tuple(1 if i == index else 0 for i in range(4))
        exact = mp.diff(r, tuple(point), order)
        assert float(value) == pytest.approx(float(exact), rel=1e-12, abs=1e-300)


def test_first_year_says_nothing_of_gamma_and_late_years_only_the_product():
    gammas_ = np.array([-2.0, 0.0, 0.5, 3.0])
    first = rl.decay_rate(0.0, 0.05, gammas_, fleet=3.0, baseline_years=2.0)
    assert np.array_equal(first, np.full(4, first[0]))
    assert first[0] == pytest.approx(0.075, rel=1e-15)
    late = 0.05 * 0.5 * math.log(2.0)
    assert rl.decay_rate(400.0, 0.05, 0.5) == pytest.approx(late, rel=1e-15)
    assert rl.decay_rate(400.0, 0.025, 1.0) == pytest.approx(late, rel=1e-15)


def test_gamma_of_one_over_ln2_is_exactly_exponential():
    t = np.linspace(0.0, 60.0, 25)
    assert np.allclose(rl.log_relative_loss(t, 0.07, 1.0 / LN2), -0.07 * t, rtol=1e-15, atol=0.0)


def test_scalars_give_scalars_and_arrays_broadcast():
    scalar = rl.relative_loss(1, 0.05, 2)
    assert isinstance(scalar, np.float64)
    grid = rl.relative_loss(np.arange(3)[:, None], 0.05, np.linspace(-1, 1, 5), fleet=[1, 2, 3, 4, 5])
    assert grid.shape == (3, 5)
    assert grid.dtype == np.float64
    assert grid[2, 4] == rl.relative_loss(2, 0.05, 1.0, fleet=5)
    assert rl.time_to_target([0.9, 0.5], 0.05, [[0.0], [2.0]]).shape == (2, 2)
    assert rl.gamma_required([0.9, 0.5], 5, [[0.05], [0.1]]).shape == (2, 2)
    assert rl.crossover_time([10, 100], 0.5, 1, [[1.0], [2.0]]).shape == (2, 2)


def test_no_nan_and_no_warning_anywhere_on_a_grid_of_extremes():
    t = np.array([0.0, 5e-324, 1e-300, 1e-9, 1.0, 30.0, 1e4, 1e150, 1e308, np.inf])[:, None, None]
    gamma = np.array([-1e308, -40.0, -1.0, -1e-17, -5e-324, 0.0, 5e-324, 1e-17, 1.0, 40.0, 1e308])[None, :, None]
    fleet = np.array([0.0, 5e-324, 1e-12, 1.0, 1e12, 1e308])[None, None, :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for function in (rl.relative_loss, rl.log_relative_loss, rl.loss_reduction, rl.decay_rate, rl.effective_kappa):
            for floor in (0.0, 0.97):
                values = function(t, 0.05, gamma, fleet=fleet, floor=floor)
                assert not np.isnan(values).any(), function.__name__
        finite = t[:-1]
        for part in rl.relative_loss_gradient(finite, 0.05, gamma, fleet=fleet):
            assert not np.isnan(part).any()
        for target in (1e-300, 0.5, 1.0 - 2.0**-53, 1.0):
            assert not np.isnan(rl.time_to_target(target, 0.05, gamma, fleet=fleet)).any()
            assert not np.isnan(rl.gamma_required(target, finite, 0.05, fleet=fleet)).any()
            assert not np.isnan(rl.fleet_required(target, t, 0.05, gamma)).any()
            assert not np.isnan(rl.fleet_required(target, t, 0.05, gamma, fleet_in_baseline=True)).any()
            assert not np.isnan(rl.kappa_implied(target, t, gamma, fleet=fleet)).any()
        assert not np.isnan(rl.compute_equivalent_gain(finite, gamma, fleet=fleet)).any()
        assert not np.isnan(rl.gamma_fleet_exchange(finite, gamma)).any()
        m, g = np.meshgrid([0.0, 1e-12, 1.0, 1e12], [-30.0, -1e-9, 0.0, 1e-9, 30.0])
        for basis in ("cumulative", "throughput", "fleet_in_baseline"):
            crossing = rl.crossover_time(m[..., None, None], g[..., None, None], m, g, basis=basis)
            assert not np.isnan(crossing).any()
            assert (crossing >= 0.0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rl.relative_loss(-1.0, 0.05, 2.0), "t must be at least 0 years, got -1.0"),
        (lambda: rl.relative_loss([1.0, np.nan], 0.05, 2.0), "t must be a number, got nan"),
        (lambda: rl.relative_loss(1.0, 0.0, 2.0), "kappa must be greater than 0, got 0.0"),
        (lambda: rl.relative_loss(1.0, [0.1, -0.2], 2.0), "kappa must be greater than 0, got -0.2"),
        (lambda: rl.relative_loss(1.0, np.inf, 2.0), "kappa must be finite, got inf"),
        (lambda: rl.relative_loss(1.0, 0.05, np.inf), "gamma must be finite, got inf"),
        (lambda: rl.relative_loss(1.0, 0.05, "fast"), "gamma must be a number"),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, fleet=-1), "fleet must be at least 0, got -1.0"),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, baseline_years=0), "baseline_years must be greater than 0, got 0.0"),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, floor=1.0), r"floor must lie in \[0, 1\), got 1.0"),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, floor=-0.1), r"floor must lie in \[0, 1\), got -0.1"),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, headroom=0.0), "headroom must be greater than 0, got 0.0"),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, headroom=3, saturation="soft"), "saturation must be one of .*'soft'"),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, convention="both"), "convention must be one of .*'both'"),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, fleet_breaks=[0, 1]), "fleet_multiples must be given"),
        (
            lambda: rl.relative_loss(1.0, 0.05, 2.0, fleet_breaks=[2, 1], fleet_multiples=[1, 2]),
            "fleet_breaks .*rising",
        ),
        (
            lambda: rl.relative_loss(1.0, 0.05, 2.0, fleet_breaks=[0, 2], fleet_multiples=[1]),
            "fleet_multiples must hold",
        ),
        (lambda: rl.relative_loss(1.0, 0.05, 2.0, power_growth=1.0), "power_growth must be 0 in the cumulative"),
        (
            lambda: rl.relative_loss(1.0, 0.05, 2.0, convention="run", fleet=2.0),
            "fleet must keep its default in the run",
        ),
        (
            lambda: rl.relative_loss(1.0, 0.05, 2.0, convention="run", fleet_growth=1.0),
            "fleet_growth must keep its default",
        ),
        (lambda: rl.relative_loss(np.inf, 0.05, 2.0, start_delay=1.0), "t must be finite along a fleet path"),
        (lambda: rl.time_to_target(0.0, 0.05, 2.0), r"target must lie in \(0, 1\], got 0.0"),
        (lambda: rl.time_to_target(1.5, 0.05, 2.0), r"target must lie in \(0, 1\], got 1.5"),
        (lambda: rl.gamma_required(0.5, np.inf, 0.05), "t must be finite, got inf"),
        (lambda: rl.kappa_implied(1.5, 1.0, 2.0), r"r must lie in \(0, 1\], got 1.5"),
        (lambda: rl.crossover_time(1, 1, 1, 2, basis="work"), "basis must be one of .*'work'"),
    ],
)
def test_domain_errors_name_the_argument_and_the_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_unknown_options_are_refused():
    with pytest.raises(TypeError, match="fleet_grows"):
        rl.relative_loss(1.0, 0.05, 2.0, fleet_grows=1.0)


def test_unreachable_is_infinity():
    assert rl.time_to_target(0.4, 0.1535, 2.0, floor=0.5) == math.inf
    assert rl.time_to_target(0.5, 0.1535, 2.0, floor=0.5) == math.inf
    assert rl.time_to_target(0.5, 0.05, 2.0, fleet=0.0) == math.inf
    assert rl.time_to_target(0.9, 0.05, -0.5) == math.inf
    assert rl.gamma_required(0.4, 5.0, 0.1, floor=0.5) == math.inf
    assert rl.gamma_required(0.4, 0.0, 0.1) == math.inf
    assert rl.gamma_required(1.0, 5.0, 0.1) == -math.inf
    assert rl.fleet_required(0.4, 5.0, 0.1, 1.0, floor=0.5) == math.inf
    assert rl.fleet_required(0.4, 0.0, 0.1, 1.0) == math.inf
    assert rl.kappa_implied(0.9, 0.0, 1.0) == math.inf
    assert rl.kappa_implied(1.0, 0.0, 1.0) == 0.0


@pytest.mark.parametrize(
    ("hare", "turtle", "expected"),
    [
        ((10, 2.0), (1, 2.0), math.inf),  # the same gamma never catches up
        ((10, 2.0), (1, 0.5), math.inf),
        ((1, 0.5), (10, 2.0), 0.0),  # ahead from the start
        ((1, 0.5), (1, 2.0), 0.0),
        ((10, -1.0), (1, -0.5), math.inf),  # decays too fast to gather ten times as much: limit ratio 2
        ((1.5, -1.0), (1, -0.5), None),  # limit ratio 2 > 1.5: crosses
        ((10, -1.0), (1, 0.0), None),
        ((0, 1.0), (1, 2.0), 0.0),
        ((1, 1.0), (0, 2.0), math.inf),
    ],
)
def test_crossover_corner_cases(hare, turtle, expected):
    for basis in ("cumulative", "throughput", "fleet_in_baseline"):
        value = rl.crossover_time(*hare, *turtle, basis=basis)
        if expected is None:
            assert 0.0 < value < math.inf
        elif basis == "cumulative" or expected != math.inf or hare[1] >= turtle[1] or turtle[0] == 0:
            assert value == expected


def test_cumulative_crossover_is_later_than_throughput():
    hare = np.array([1.01, 2, 10, 1e6])[:, None]
    turtle_gamma = np.array([0.51, 1.0, 3.0])
    throughput = rl.crossover_time(hare, 0.5, 1.0, turtle_gamma, basis="throughput")
    assert (rl.crossover_time(hare, 0.5, 1.0, turtle_gamma) > throughput).all()


def test_a_domain_error_names_its_argument_and_crosses_processes():
    with pytest.raises(DomainError) as raised:
        rl.time_to_target(1.5, 0.05, 2.0)
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - our own bytes
    assert (again.argument, str(again)) == ("target", str(raised.value))
    assert str(again) == "target must lie in (0, 1], got 1.5"
