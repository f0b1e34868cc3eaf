"""Loss against compute: power law, floor form and Chinchilla form, their frontier, and what joins the two kappas.

The two kappas of the field differ by the floor: total loss falls with slope kappa_eff(C) = kappa_reducible
(1 - E/L(C)), which shrinks as compute grows. A kappa_total is therefore a tangent, and means nothing without the
compute it was taken at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from race_to_efficiency.equation.domain import FloatArray


FLOP_PER_PARAMETER_TOKEN = 6.0
"""C = 6 N D: training FLOP per parameter and token of a dense transformer (Kaplan et al. 2020, arXiv 2001.08361)."""

CURVATURE_CONSTANT = 12.0 * float(np.sqrt(5.0))
"""26.83 = 12 sqrt(5): half the second derivative times the sd of a centred square over a uniform ln C."""

WEAK_CURVATURE, LEAST_CURVATURE = 4.0, 2.0
"""Below 4 a floor form is weakly identified; below 2 it is never a headline (see `curvature_z`)."""


class Frontier(NamedTuple):
    """The compute-optimal allocation at a training compute and what it reaches."""

    params: FloatArray
    tokens: FloatArray
    tokens_per_param: FloatArray
    loss_nats: FloatArray
    reducible_share: FloatArray
    kappa_effective: FloatArray


def _positive(**arguments: ArrayLike) -> list[FloatArray]:
    checked = []
    for name, value in arguments.items():
        array = np.asarray(value, dtype=np.float64)
        bad = ~(array > 0.0) | np.isinf(array)
        if np.any(bad):
            raise ValueError(f"{name} must be finite and greater than 0, got {float(array[bad].flat[0])!r}")
        checked.append(array)
    return checked


def _floor(value: ArrayLike) -> FloatArray:
    array = np.asarray(value, dtype=np.float64)
    bad = ~(array >= 0.0) | np.isinf(array)
    if np.any(bad):
        raise ValueError(f"E must be finite and at least 0, got {float(array[bad].flat[0])!r}")
    return array


def _result(value: ArrayLike) -> FloatArray:
    array: FloatArray = np.asarray(value, dtype=np.float64)[()]
    return array


def chinchilla_exponent(alpha: ArrayLike, beta: ArrayLike) -> FloatArray:
    """Exponent of reducible loss in compute along the frontier, alpha beta/(alpha + beta).

    Parameters
    ----------
    alpha, beta : (...) float, dimensionless
        Exponents of parameters and of tokens.

    Returns
    -------
    (...) float, dimensionless
        kappa_reducible.

    References
    ----------
    Hoffmann et al. (2022), "Training Compute-Optimal Large Language Models", arXiv 2203.15556.
    """
    a, b = _positive(alpha=alpha, beta=beta)
    return _result(1.0 / (1.0 / a + 1.0 / b))


def chinchilla_nopt(C: ArrayLike, A: ArrayLike, B: ArrayLike, alpha: ArrayLike, beta: ArrayLike) -> FloatArray:
    """Compute-optimal number of parameters, (alpha A/(beta B))^(1/(alpha + beta)) (C/6)^(beta/(alpha + beta)).

    Parameters
    ----------
    C : (...) float, FLOP
    A, B : (...) float, nats
        Amplitudes of A N^-alpha and B D^-beta.
    alpha, beta : (...) float, dimensionless

    Returns
    -------
    (...) float, parameters
    """
    compute, a, b, slope_n, slope_d = _positive(C=C, A=A, B=B, alpha=alpha, beta=beta)
    balance = np.log(slope_n / slope_d) + np.log(a / b)
    return _result(np.exp((balance + slope_d * np.log(compute / FLOP_PER_PARAMETER_TOKEN)) / (slope_n + slope_d)))


def chinchilla_loss(
    C: ArrayLike, E: ArrayLike, A: ArrayLike, B: ArrayLike, alpha: ArrayLike, beta: ArrayLike
) -> FloatArray:
    """Loss of the compute-optimal run of C FLOP.

    Parameters
    ----------
    C, E, A, B, alpha, beta
        As in `compute_optimal_frontier`.

    Returns
    -------
    (...) float, nats
    """
    return _result(_floor(E) + _reducible(C, A, B, alpha, beta))


def _reducible(C: ArrayLike, A: ArrayLike, B: ArrayLike, alpha: ArrayLike, beta: ArrayLike) -> FloatArray:
    # at the optimum alpha A N^-alpha = beta B D^-beta, so one term gives both and the floor is added last
    params = np.asarray(chinchilla_nopt(C, A, B, alpha, beta))
    _, a, slope_n, slope_d = _positive(C=C, A=A, alpha=alpha, beta=beta)
    return np.asarray(np.exp(np.log(a) - slope_n * np.log(params)) * (1.0 + slope_n / slope_d))


def compute_optimal_frontier(
    C: ArrayLike, E: ArrayLike, A: ArrayLike, B: ArrayLike, alpha: ArrayLike, beta: ArrayLike
) -> Frontier:
    """Compute-optimal parameters, tokens, loss and local slope at C FLOP.

    Parameters
    ----------
    C : (...) float, FLOP
    E, A, B : (...) float, nats
    alpha, beta : (...) float, dimensionless

    Returns
    -------
    Frontier of (...) float
        params, tokens, tokens_per_param, loss_nats, reducible_share (1 - E/L) and kappa_effective.
    """
    params = np.asarray(chinchilla_nopt(C, A, B, alpha, beta))
    tokens = _positive(C=C)[0] / FLOP_PER_PARAMETER_TOKEN / params
    reducible = _reducible(C, A, B, alpha, beta)
    share = reducible / (_floor(E) + reducible)
    return Frontier(
        params=_result(params),
        tokens=_result(tokens),
        tokens_per_param=_result(tokens / params),
        loss_nats=_result(_floor(E) + reducible),
        reducible_share=_result(share),
        kappa_effective=_result(chinchilla_exponent(alpha, beta) * share),
    )


def power_law_loss(C: ArrayLike, kappa: ArrayLike, amplitude: ArrayLike, pivot: ArrayLike) -> FloatArray:
    """Total loss of the power law, amplitude (C/pivot)^-kappa.

    Parameters
    ----------
    C : (...) float, FLOP
    kappa : (...) float, dimensionless
        kappa_total at the pivot: outside the fitted range it is an optimistic tangent.
    amplitude : (...) float, nats
        Loss at the pivot.
    pivot : (...) float, FLOP

    Returns
    -------
    (...) float, nats

    References
    ----------
    Kaplan et al. (2020), "Scaling Laws for Neural Language Models", arXiv 2001.08361.
    """
    compute, slope, height, anchor = _positive(C=C, kappa=kappa, amplitude=amplitude, pivot=pivot)
    return _result(height * np.exp(-slope * np.log(compute / anchor)))


def floor_loss(C: ArrayLike, E: ArrayLike, a: ArrayLike, kappa: ArrayLike, pivot: ArrayLike = 1.0) -> FloatArray:
    """Total loss of the floor form, E + a (C/pivot)^-kappa.

    Parameters
    ----------
    C : (...) float, FLOP
    E : (...) float, nats
        Irreducible loss.
    a : (...) float, nats
        Reducible loss at the pivot.
    kappa : (...) float, dimensionless
        kappa_reducible.
    pivot : (...) float, FLOP

    Returns
    -------
    (...) float, nats
    """
    return _result(_floor(E) + power_law_loss(C, kappa, a, pivot))


def curvature_z(
    kappa: ArrayLike,
    reducible_share: ArrayLike,
    log_compute_range: ArrayLike,
    n_rows: ArrayLike,
    residual_sd: ArrayLike,
) -> FloatArray:
    """Signal-to-noise of the curvature that tells a floor from a power law.

    Parameters
    ----------
    kappa : (...) float, dimensionless
        kappa_reducible.
    reducible_share : (...) float, dimensionless
        q = 1 - E/L at the middle of the data, in [0, 1].
    log_compute_range : (...) float, nats
        Delta = ln(Cmax/Cmin).
    n_rows : (...) float, runs
    residual_sd : (...) float, nats
        sigma, of ln L.

    Returns
    -------
    (...) float, standard errors
        kappa^2 q (1 - q) Delta^2 sqrt(n)/(12 sqrt5 sigma): ln L has curvature kappa^2 q (1 - q) in ln C, and over n
        points uniform in ln C its estimate has the sd it is divided by.
    """
    slope, span, rows, sigma = _positive(
        kappa=kappa, log_compute_range=log_compute_range, n_rows=n_rows, residual_sd=residual_sd
    )
    share = np.asarray(reducible_share, dtype=np.float64)
    bad = ~((share >= 0.0) & (share <= 1.0))
    if np.any(bad):
        raise ValueError(f"reducible_share must lie in [0, 1], got {float(share[bad].flat[0])!r}")
    return _result(slope**2 * share * (1.0 - share) * span**2 * np.sqrt(rows) / (CURVATURE_CONSTANT * sigma))
