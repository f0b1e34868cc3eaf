"""Rates and gains: doubling rates from what people quote, fleets worth a gamma, sums of rates, physical headroom."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import constant_path, exponent, growth, log_phi_slope, phi
from race_to_efficiency.equation.inverses import log_quotient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

BOLTZMANN_J_PER_K = 1.380649e-23
"""Exact by the SI definition of 2019 (BIPM, SI Brochure, 9th edition)."""


def compute_equivalent_gain(
    t: ArrayLike, gamma: ArrayLike, *, fleet: ArrayLike = 1.0, baseline_years: ArrayLike = 1.0
) -> FloatArray:
    """Compute by t with efficiency growth over compute by t without it, X(t, gamma)/X(t, 0).

    Parameters
    ----------
    t : (...) float, years
    gamma : (...) float, doublings/year
    fleet : (...) float, multiples of the baseline fleet
    baseline_years : (...) float, years

    Returns
    -------
    (...) float, dimensionless
    """
    years, rate = domain.finite("t", domain.duration("t", t)), domain.finite("gamma", gamma)
    power, tau0 = domain.non_negative("fleet", fleet), domain.positive("baseline_years", baseline_years)
    with np.errstate(all="ignore"):
        scale = power / tau0
        direct = (1.0 + scale * growth(years, rate)) / (1.0 + scale * years)
        still = constant_path(years, np.zeros(()), power, tau0)
        in_logs = np.exp(constant_path(years, rate, power, tau0) - still)
        return scalar_or_array(np.where(np.isfinite(direct) & (power > 0.0), direct, in_logs))


def gamma_fleet_exchange(t: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """Relative growth of the fleet that is worth one doubling/year of gamma at horizon t: dlnG/dgamma.

    Parameters
    ----------
    t : (...) float, years
    gamma : (...) float, doublings/year

    Returns
    -------
    (...) float, years
        t ln2 phi'(z)/phi(z): t ln2/2 at gamma = 0.
    """
    years, rate = domain.finite("t", domain.duration("t", t)), domain.finite("gamma", gamma)
    return scalar_or_array(years * LN2 * log_phi_slope(exponent(years, rate)))


def gain_from_losses(loss_1: ArrayLike, loss_2: ArrayLike, irreducible: ArrayLike, kappa: ArrayLike) -> FloatArray:
    """Factor of compute between two losses on one law, ((L1 - E)/(L2 - E))^(1/kappa).

    Parameters
    ----------
    loss_1, loss_2 : (...) float, nats
        Above the irreducible loss.
    irreducible : (...) float, nats
    kappa : (...) float, dimensionless
        kappa_reducible; kappa_total when the irreducible loss is 0.

    Returns
    -------
    (...) float, dimensionless
    """
    lowest, slope = domain.non_negative("irreducible", irreducible), domain.positive("kappa", kappa)
    first = domain.positive("loss_1 - irreducible", domain.finite("loss_1", loss_1) - lowest)
    second = domain.positive("loss_2 - irreducible", domain.finite("loss_2", loss_2) - lowest)
    with np.errstate(over="ignore", under="ignore"):
        fall = np.asarray(loss_1, dtype=np.float64) - np.asarray(loss_2, dtype=np.float64)
        log_fall = np.where(np.abs(fall) < 0.5 * second, np.log1p(fall / second), log_quotient(first, second))
        return scalar_or_array(np.exp(log_fall / slope))


def confounded_kappa(kappa: ArrayLike, algorithm_rate: ArrayLike, compute_rate: ArrayLike) -> FloatArray:
    """Apparent kappa of a frontier whose algorithms improve while its compute grows: kappa (1 + a/g).

    Parameters
    ----------
    kappa : (...) float, dimensionless
        At a fixed algorithm.
    algorithm_rate : (...) float, doublings/year
        Growth of effective over physical compute.
    compute_rate : (...) float, doublings/year
        Growth of physical compute along the frontier; not 0.

    Returns
    -------
    (...) float, dimensionless
    """
    growth_rate = domain.finite("compute_rate", compute_rate)
    if np.any(growth_rate == 0.0):
        raise ValueError("compute_rate must differ from 0, got 0.0")
    slope, gain = domain.positive("kappa", kappa), domain.finite("algorithm_rate", algorithm_rate)
    return scalar_or_array(slope * (1.0 + gain / growth_rate))


def gamma_from_doubling_months(months: ArrayLike) -> FloatArray:
    """Doublings per year of a doubling time: 12/months (negative months are a halving time).

    Parameters
    ----------
    months : (...) float, months
        Not 0.

    Returns
    -------
    (...) float, doublings/year
    """
    span = domain.numbers("months", months)
    if np.any(span == 0.0):
        raise ValueError("months must differ from 0, got 0.0")
    return scalar_or_array(12.0 / span)


def gamma_from_annual_factor(factor: ArrayLike) -> FloatArray:
    """Doublings per year of a growth factor per year, log2(factor)."""
    per_year = domain.positive("factor", factor)
    return scalar_or_array(log_quotient(per_year, np.ones(())) / LN2)


def gamma_from_two_points(
    efficiency_1: ArrayLike, efficiency_2: ArrayLike, year_1: ArrayLike, year_2: ArrayLike
) -> FloatArray:
    """Doublings per year between two dated efficiencies of one unit.

    Returns
    -------
    (...) float, doublings/year
    """
    span = domain.finite("year_2", year_2) - domain.finite("year_1", year_1)
    if np.any(span == 0.0):
        raise ValueError(f"year_2 must differ from year_1, got {year_2!r}")
    rise = log_quotient(domain.positive("efficiency_2", efficiency_2), domain.positive("efficiency_1", efficiency_1))
    return scalar_or_array(rise / LN2 / span)


def gamma_sum_sd(sds: Sequence[float], correlations: Sequence[float]) -> float:
    """Return the standard deviation of a sum of correlated rates, in exact arithmetic until the root.

    Parameters
    ----------
    sds : (k,) float, doublings/year
    correlations : (k (k - 1)/2,) float, dimensionless
        Upper triangle by rows: (1,2), (1,3), ..., (2,3), ...

    Returns
    -------
    float, doublings/year
        Exactly 0 for equal and opposite rates: components must not be added as if independent.

    Raises
    ------
    ValueError
        When the lengths do not fit, an sd is negative or a correlation lies outside [-1, 1].
    """
    widths = [Fraction(float(value)) for value in np.atleast_1d(domain.non_negative("sds", sds))]
    triangle = np.ravel(domain.finite("correlations", correlations)) if len(widths) > 1 else np.empty(0)
    pairs = [(i, j) for i in range(len(widths)) for j in range(i + 1, len(widths))]
    if len(triangle) != len(pairs):
        raise ValueError(f"correlations must hold {len(pairs)} values for {len(widths)} rates, got {len(triangle)}")
    if np.any(np.abs(triangle) > 1.0):
        raise ValueError(f"correlations must lie in [-1, 1], got {float(triangle[np.abs(triangle) > 1.0][0])!r}")
    variance = sum((width * width for width in widths), Fraction(0))
    for (i, j), rho in zip(pairs, triangle, strict=True):
        variance += 2 * Fraction(float(rho)) * widths[i] * widths[j]
    return float(np.sqrt(max(float(variance), 0.0)))


def landauer_doublings(
    flop_per_joule: ArrayLike, bit_erasures_per_flop: ArrayLike, temperature_kelvin: ArrayLike
) -> FloatArray:
    """Doublings of FLOP per joule left before the Landauer limit, log2(1/(k T ln2 n e)).

    Parameters
    ----------
    flop_per_joule : (...) float, FLOP/J
        Today's efficiency e.
    bit_erasures_per_flop : (...) float, erasures/FLOP
        n: irreversible bit erasures one operation needs.
    temperature_kelvin : (...) float, K

    Returns
    -------
    (...) float, doublings

    References
    ----------
    Landauer (1961), IBM Journal 5, 183; Ho, Erdil & Besiroglu (2023), arXiv 2312.08595, for CMOS.
    """
    efficiency = domain.positive("flop_per_joule", flop_per_joule)
    erasures = domain.positive("bit_erasures_per_flop", bit_erasures_per_flop)
    heat = BOLTZMANN_J_PER_K * LN2 * domain.positive("temperature_kelvin", temperature_kelvin)
    return scalar_or_array(-(np.log2(heat) + np.log2(erasures) + np.log2(efficiency)))


def vintage_mean_efficiency(gamma: ArrayLike, life: ArrayLike) -> FloatArray:
    """Mean efficiency of a fleet of even ages 0 to ``life`` over that of the newest hardware.

    Parameters
    ----------
    gamma : (...) float, doublings/year
    life : (...) float, years

    Returns
    -------
    (...) float, dimensionless
        phi(-gamma life ln2): an installed fleet lags its newest chips.
    """
    return scalar_or_array(phi(-exponent(domain.duration("life", life), domain.finite("gamma", gamma))))
