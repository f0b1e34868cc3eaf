"""Intervals of a fitted form: bootstrap weights, percentile ends, and the robust (sandwich) covariance.

Which interval leads: the cluster bootstrap where runs share models (its percentiles expanded, since clusters are few),
else the bootstrap over runs; where the curvature of a floor form is too weak to see (z_curv below the gate) the profile
interval, whose ends may be open. Basic, studentised and BCa bootstraps, Wald intervals for E and CR1 with few clusters
under-cover here and are not offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.estimates import Interval, t_interval
from race_to_efficiency.calibration.kappa.record_fit import jacobian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Coordinates


_RESAMPLES = 500
_DATA_SETS = 1000


def bootstrap_weights(clusters: Sequence[str], replicates: int, seed: int | Sequence[int]) -> Floats:
    """Return multinomial bootstrap counts: whole clusters are drawn, every run of a cluster gets its count.

    Parameters
    ----------
    clusters : (n,) str
        Cluster of each run; all different for a bootstrap over runs.
    replicates : int
    seed : int or sequence of int
        Entropy of the generator.

    Returns
    -------
    (replicates, n) float
    """
    names, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    generator = np.random.default_rng(np.random.SeedSequence(seed))
    counts = generator.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=replicates)
    return np.asarray(counts[:, member], dtype=np.float64)


def percentile_intervals(
    draws: Floats, *, method: str, levels: Sequence[float], n_clusters: int | None = None
) -> tuple[Interval, ...]:
    """Return central percentile intervals of the finite draws; an end at infinity is open (None).

    Parameters
    ----------
    draws : (m,) float
    method : str
    levels : sequence of float
        Nominal levels.
    n_clusters : int, optional
        Of a cluster bootstrap: the percentiles are then expanded as a t interval with as many clusters would be.

    References
    ----------
    Hesterberg (2015), What teachers should know about the bootstrap, The American Statistician 69, section 4.3.
    """
    kept = draws[~np.isnan(draws)]
    if not len(kept):
        return ()
    intervals = []
    for level in levels:
        tail = expanded_tail(level, n_clusters)
        low, high = np.quantile(kept, [tail, 1.0 - tail], method="closest_observation")
        ends = [float(end) if np.isfinite(end) else None for end in (low, high)]
        intervals.append(Interval(method, level, ends[0], ends[1]))
    return tuple(intervals)


def expanded_tail(level: float, n_clusters: int | None) -> float:
    """Return the share of draws beyond each end of an interval: half of what the level leaves, or less, expanded."""
    from scipy.special import ndtr, stdtrit

    if n_clusters is None:
        return 0.5 - level / 2
    if n_clusters < 2:
        return 0.0
    return float(ndtr(-np.sqrt(n_clusters / (n_clusters - 1)) * stdtrit(n_clusters - 1, 0.5 + level / 2)))


def cluster_coverage(
    log_compute: Floats, clusters: Sequence[str], *, seed: int, level: float = 0.95, intraclass: float = 0.5
) -> float:
    """Return how often a cluster bootstrap of a slope holds the truth on these very runs, by simulation.

    A straight line of log loss in log compute by least squares stands for every form. Errors are normal, with the share
    ``intraclass`` of their variance between clusters.

    Parameters
    ----------
    log_compute : (n,) float
    clusters : (n,) str
    seed : int
    level : float
    intraclass : float, in [0, 1]

    Returns
    -------
    float
        Share of `_DATA_SETS` simulated data sets; NaN where too few resamples hold two different values of compute.
    """
    weights = bootstrap_weights(clusters, _RESAMPLES, seed)
    x = log_compute - log_compute.mean()
    deviation = weights * (x - (weights @ x / weights.sum(axis=1))[:, None])
    size = (deviation * x).sum(axis=1)
    usable = size > 1e-9 * size.max()
    if usable.mean() < 0.5:
        return float("nan")
    names, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    generator = np.random.default_rng(np.random.SeedSequence([seed, len(names)]))
    shared = generator.standard_normal((_DATA_SETS, len(names)))[:, member] * np.sqrt(intraclass)
    noise = shared + generator.standard_normal((_DATA_SETS, len(x))) * np.sqrt(1.0 - intraclass)
    slopes = noise @ (deviation[usable] / size[usable, None]).T
    tail = expanded_tail(level, len(names))
    low, high = np.quantile(slopes, [tail, 1.0 - tail], axis=1, method="closest_observation")
    return float(np.mean((low <= 0.0) & (high >= 0.0)))


def spread(values: Floats) -> float:
    """Return the standard deviation of the finite values; NaN with fewer than two."""
    finite = values[np.isfinite(values)]
    with np.errstate(over="ignore", invalid="ignore"):
        return float(finite.std(ddof=1)) if len(finite) > 1 else float("nan")


def covariance_intervals(value: float, stderr: float, df: int, levels: Sequence[float]) -> tuple[Interval, ...]:
    """Return value -+ t stderr at several levels; nothing when the standard error is not finite."""
    if not (np.isfinite(stderr) and np.isfinite(value)):
        return ()
    return tuple(Interval("covariance", level, *t_interval(value, stderr, df, level)) for level in levels)


@dataclass(frozen=True)
class Sandwich:
    """Robust covariance of a Huber fit in solver coordinates.

    Parameters
    ----------
    covariance : (p, p) float
        Sandwich covariance; cluster-summed scores where runs share models.
    bread : (p, p) float
        Inverse of the expected Hessian: what the objective's own curvature says.
    condition : float
        Condition number of the scaled information matrix.
    positive_definite : bool
    """

    covariance: Floats
    bread: Floats
    condition: float
    positive_definite: bool


def sandwich(space: Coordinates, x: Floats, residuals: Floats, clusters: Sequence[str], *, delta: float) -> Sandwich:
    """Return the covariance J^-1 K J^-1 of the M-estimator at its optimum.

    J sums g g' (g the gradient of the log prediction) over the rows whose residual lies within a bandwidth, scaled
    to the threshold: a threshold as small as 1e-3 holds too few rows to count (and always the p the fit runs
    through), and rows far from the frontier scatter more. K sums the scores psi(r) g within clusters (CR1 factor).

    Parameters
    ----------
    space : Coordinates
    x : (p,) float
        Optimum in solver coordinates.
    residuals : (n,) float
    clusters : (n,) str
    delta : float

    References
    ----------
    Huber & Ronchetti (2009), Robust Statistics, section 7.6; Powell (1991) for the density at zero.
    """
    n, p = len(residuals), len(x)
    gradient = jacobian(space, x)
    spread = min(float(np.std(residuals)), float(np.subtract(*np.quantile(residuals, [0.75, 0.25]))) / 1.349)
    size = np.abs(residuals)
    bandwidth = max(delta, 1.06 * spread * n**-0.2, float(np.sort(size)[min(n, 4 * p) - 1]))
    inside = (size <= bandwidth) * (delta / bandwidth)
    information = gradient.T @ (gradient * inside[:, None])
    scores = np.clip(residuals, -delta, delta)[:, None] * gradient
    names, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    summed = np.zeros((len(names), p))
    np.add.at(summed, member, scores)
    scale = np.sqrt(np.diag(information))
    if not np.all(scale > 0):
        return Sandwich(np.full((p, p), np.nan), np.full((p, p), np.nan), np.inf, positive_definite=False)
    eigenvalues = np.linalg.eigvalsh(information / np.outer(scale, scale))
    if eigenvalues[0] <= 1e-14:
        return Sandwich(np.full((p, p), np.nan), np.full((p, p), np.nan), np.inf, positive_definite=False)
    bread = np.linalg.inv(information)
    groups = len(names)
    correction = groups / max(groups - 1, 1) * (n - 1) / max(n - p, 1)
    covariance = bread @ (correction * summed.T @ summed) @ bread
    return Sandwich(covariance, bread, float(eigenvalues[-1] / eigenvalues[0]), positive_definite=True)


def kappa_gradient(space: Coordinates, x: Floats) -> Floats:
    """Return d kappa/dx, (p,), at solver coordinates x."""
    head = space.form.terms + space.form.floor
    gradient = np.zeros(len(x))
    if space.form.terms == 1:
        gradient[head] = 1.0 / space.width[0]
        return gradient
    alpha, beta = x[head:] / space.width
    gradient[head] = (beta / (alpha + beta)) ** 2 / space.width[0]
    gradient[head + 1] = (alpha / (alpha + beta)) ** 2 / space.width[1]
    return gradient


def natural_stderr(space: Coordinates, x: Floats, covariance: Floats) -> Floats:
    """Return standard errors of theta in the form's own parameters by the delta method, (p,)."""
    terms, head = space.form.terms, space.form.terms + space.form.floor
    theta = space.natural(x)
    slope = np.zeros((len(x), len(x)))
    for k in range(terms):
        slope[k, k] = theta[k]
        slope[k, head + k] = theta[k] * space.centre[k] / space.width[k]
        slope[head + k, head + k] = 1.0 / space.width[k]
    if space.form.floor:
        slope[terms, terms] = space.level
    return np.asarray(np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", slope, covariance, slope), 0.0)))
