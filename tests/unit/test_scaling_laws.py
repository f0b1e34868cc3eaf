"""Scaling laws against mpmath, brute-force optima and the published values of Hoffmann and Besiroglu."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import relative_loss_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency import scaling_laws as sl

SETTINGS = settings(deadline=None, max_examples=60, derandomize=True)
HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
"""Hoffmann et al. (2022), arXiv 2203.15556, equation 10."""
BESIROGLU = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
"""Besiroglu et al. (2024), arXiv 2404.10102."""

exponents = st.floats(0.05, 1.2)
amplitudes = st.floats(-1, 4).map(lambda x: 10.0**x)
computes = st.floats(12, 30).map(lambda x: 10.0**x)


@pytest.mark.parametrize(("compute", "kappa"), [(1e18, 0.0802), (1e20, 0.0537), (1e22, 0.0322), (1e24, 0.0178)])
def test_effective_kappa_of_the_published_fit(compute, kappa):
    assert sl.compute_optimal_frontier(compute, **HOFFMANN).kappa_effective == pytest.approx(kappa, abs=6e-5)


def test_the_papers_kappa_overstates_the_slope_of_a_frontier_start():
    # 4 to 12 times from a 2024-2026 start, by the floor and exponents that are fitted
    at = [float(sl.compute_optimal_frontier(5e26, **fit).kappa_effective) for fit in (HOFFMANN, BESIROGLU)]
    assert all(4.0 < 0.05 / kappa < 13.0 for kappa in at)


@given(C=computes, A=amplitudes, B=amplitudes, alpha=exponents, beta=exponents, E=st.floats(0, 3))
@SETTINGS
def test_optimum_and_loss_match_50_digits(C, A, B, alpha, beta, E):
    law = {"C": C, "A": A, "B": B, "alpha": alpha, "beta": beta}
    n = oracle.evaluate("chinchilla_nopt", law)
    assert float(sl.chinchilla_nopt(**law)) == pytest.approx(float(n), rel=oracle.tolerance("chinchilla_nopt", law))
    full = {**law, "E": E}
    loss = oracle.evaluate("chinchilla_loss", full)
    ours = sl.chinchilla_loss(**full)
    assert float(ours) == pytest.approx(float(loss), rel=oracle.tolerance("chinchilla_loss", full))


@given(C=computes, A=amplitudes, B=amplitudes, alpha=exponents, beta=exponents)
@SETTINGS
def test_the_optimum_beats_its_neighbours_at_equal_compute(C, A, B, alpha, beta):
    best = sl.compute_optimal_frontier(C, 1.5, A, B, alpha, beta)
    shift = np.array([0.5, 0.9, 1.1, 2.0])

    def loss(params, tokens):
        return 1.5 + A * params**-alpha + B * tokens**-beta

    others = loss(best.params * shift, best.tokens / shift)
    assert (others >= best.loss_nats * (1 - 1e-14)).all()
    assert 6.0 * best.params * best.tokens == pytest.approx(C, rel=1e-12)
    assert loss(best.params, best.tokens) == pytest.approx(float(best.loss_nats), rel=1e-13)


@given(C=computes, fit=st.sampled_from([HOFFMANN, BESIROGLU]))
@SETTINGS
def test_effective_kappa_is_the_slope_of_ln_loss(C, fit):
    def log_loss(x):
        law = {name: mp.mpf(value) for name, value in fit.items()}
        return mp.log(oracle.chinchilla_loss(mp.exp(x), **law))

    slope = -mp.diff(log_loss, mp.log(C))
    frontier = sl.compute_optimal_frontier(C, **fit)
    assert float(frontier.kappa_effective) == pytest.approx(float(slope), rel=1e-12)
    assert frontier.tokens_per_param == pytest.approx(float(frontier.tokens / frontier.params), rel=1e-15)


def test_frontier_is_the_floor_form_in_compute():
    pivot = 1e21
    kappa = sl.chinchilla_exponent(HOFFMANN["alpha"], HOFFMANN["beta"])
    amplitude = sl.chinchilla_loss(pivot, **HOFFMANN) - HOFFMANN["E"]
    C = np.logspace(17, 27, 21)
    floor_form = sl.floor_loss(C, HOFFMANN["E"], amplitude, kappa, pivot)
    assert np.allclose(floor_form, sl.chinchilla_loss(C, **HOFFMANN), rtol=1e-13)
    slope = kappa * (1.0 - HOFFMANN["E"] / floor_form)
    assert np.allclose(slope, sl.compute_optimal_frontier(C, **HOFFMANN).kappa_effective, rtol=1e-12)


def test_power_law_and_its_tangent():
    assert sl.power_law_loss(1e22, 0.05, 2.5, 1e22) == 2.5
    assert sl.power_law_loss(1e24, 0.05, 2.5, 1e22) == pytest.approx(2.5 * 100**-0.05, rel=1e-14)
    # a tangent at the pivot overstates progress beyond it: ln L of a floor form is convex in ln C
    kappa = 0.15 * 0.5 / (1.7 + 0.5)
    later = sl.power_law_loss(1e26, kappa, sl.floor_loss(1e22, 1.7, 0.5, 0.15, 1e22), 1e22)
    assert later < sl.floor_loss(1e26, 1.7, 0.5, 0.15, 1e22)


def test_curvature_z_is_the_t_value_of_a_quadratic_fit():
    # simulated: 4,000 fits of ln L on (1, x, x^2) over a uniform design; mean t of the x^2 coefficient
    rng = np.random.default_rng(np.random.SeedSequence(7))
    kappa, share, span, n, sigma = 0.15, 0.4, 8.0, 400, 0.02
    x = np.linspace(-span / 2, span / 2, n)
    design = np.column_stack([np.ones(n), x, x**2])
    second = kappa**2 * share * (1 - share)
    y = 0.5 * second * x**2 + sigma * rng.standard_normal((4000, n))
    inverse = np.linalg.inv(design.T @ design)
    coefficient = y @ design @ inverse[:, 2]
    z = float(np.mean(coefficient) / (sigma * np.sqrt(inverse[2, 2])))
    assert sl.curvature_z(kappa, share, span, n, sigma) == pytest.approx(z, rel=0.01)
    assert pytest.approx(26.83, abs=0.005) == sl.CURVATURE_CONSTANT


def test_arguments_out_of_domain_are_named():
    with pytest.raises(ValueError, match=r"alpha must be finite and greater than 0, got 0.0"):
        sl.chinchilla_exponent(0.0, 0.3)
    with pytest.raises(ValueError, match=r"C must be finite and greater than 0, got -1.0"):
        sl.chinchilla_nopt(-1.0, 400, 400, 0.3, 0.3)
    with pytest.raises(ValueError, match=r"E must be finite and at least 0, got -0.5"):
        sl.chinchilla_loss(1e20, -0.5, 400, 400, 0.3, 0.3)
    with pytest.raises(ValueError, match=r"reducible_share must lie in \[0, 1\], got 1.5"):
        sl.curvature_z(0.1, 1.5, 5, 100, 0.01)
    with pytest.raises(ValueError, match="C must be finite and greater than 0, got nan"):
        sl.power_law_loss([1e20, np.nan], 0.05, 2.0, 1e20)


def test_scalars_and_arrays():
    assert isinstance(sl.chinchilla_exponent(0.34, 0.28), np.float64)
    grid = sl.compute_optimal_frontier(np.logspace(18, 24, 4)[:, None], 1.7, [400.0, 500.0], 410.0, 0.34, 0.28)
    assert grid.params.shape == (4, 2)
    assert grid.kappa_effective.dtype == np.float64
