"""Uncertainty when rows are not independent: cluster bootstrap by weights, and the cluster jackknife.

A bootstrap weight belongs to a cluster's NAME, not to its position: its random stream is keyed by table and label. Two
components that share rows therefore share draws, and adding a chip to a table leaves every other weight as it was.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series, Slopes


CELLS_AT_ONCE = 4_000_000
"""Entries of a weight matrix made at a time: bounds memory at some 100 MB."""


def stream(seed: int, *keys: str) -> np.random.Generator:
    """Return the random generator that belongs to a seed and a name, the same on every machine."""
    words = np.frombuffer(hashlib.sha256("\x1f".join(keys).encode()).digest()[:16], dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([seed, *(int(word) for word in words)]))


def cluster_weights(series: Series, draws: int, seed: int, *, counts: bool = False) -> Floats:
    """Return bootstrap weights that all rows of a cluster share.

    Exponential weights of mean 1 (Rubin 1981, the Bayesian bootstrap, applied to clusters) have the mean and variance
    of resampling with replacement and never lose the slope; Poisson counts (Hanley & MacGibbon 2006) drop clusters and
    are needed where presence matters (records). Both come from the same uniforms. Crossed clusterings multiply their
    weights (Owen 2007, the pigeonhole bootstrap).

    Parameters
    ----------
    series : Series
    draws : int
    seed : int
    counts : bool
        Poisson counts instead of exponential weights.

    Returns
    -------
    (draws, n) float
    """
    weights = np.ones((draws, len(series)))
    for labels in series.clusterings:
        names, index = np.unique(labels.astype(str), return_inverse=True)
        uniform = np.stack([stream(seed, series.table, str(name)).random(draws) for name in names], axis=1)
        weights *= (_poisson(uniform) if counts else -np.log1p(-uniform))[:, index]
    return weights


def _poisson(uniform: Floats) -> Floats:
    """Return Poisson(1) counts by inversion; 10 terms reach 1 - 1e-8."""
    terms = np.exp(-1.0) / np.cumprod(np.concatenate([[1.0], np.arange(1.0, 11.0)]))
    return np.searchsorted(np.cumsum(terms), uniform).astype(np.float64)


def bootstrap_slopes(series: Series, slopes: Slopes, draws: int, seed: int, *, counts: bool = False) -> Floats:
    """Return (draws,) slopes over resampled clusters; an undetermined draw is replaced by the next determined one.

    Raises
    ------
    ValueError
        When fewer than half of the draws determine a slope.
    """
    return _determined(slopes(series, cluster_weights(series, draws, seed, counts=counts)))


def _determined(found: Floats) -> Floats:
    usable, draws = np.flatnonzero(np.isfinite(found)), len(found)
    if 2 * len(usable) < draws:
        raise ValueError(f"draws of the slope must be finite, got {draws - len(usable)} of {draws} undetermined")
    follow = usable[np.minimum(np.searchsorted(usable, np.arange(draws)), len(usable) - 1)]
    return np.asarray(found[follow])


def increment_slopes(series: Series, draws: int, block_rows: int, seed: int) -> Floats:
    """Return (draws,) least-squares slopes of paths rebuilt from resampled blocks of increments.

    A series of records is a sum of improvements: each stays in every later value, so deviations from its line are as
    persistent as a random walk and their own scatter covers a small part of what it says (case
    ``records_63_independent_rows`` of `race_to_efficiency.recovery.trends`). Here the steps (days waited, doublings
    gained) are resampled in circular blocks of consecutive steps, summed to a path, and the line is fitted to that. The
    draws are centred on the estimate and stretched by t/z, with one degree of freedom less than there are blocks.

    Parameters
    ----------
    series : Series
        Ordered by date, one level, at least 5 rows.
    draws, block_rows, seed : int

    Returns
    -------
    (draws,) float, doublings/yr

    Raises
    ------
    ValueError
        When most paths determine no slope (all steps on one day).
    """
    from scipy.special import ndtri, stdtrit

    from race_to_efficiency.calibration.gamma.trends import line_slopes, row_slopes

    time, path, blocks = block_paths(
        series.time, series.value, draws, block_rows, stream(seed, series.table, "increments")
    )
    found = _determined(row_slopes(time, path, np.ones_like(path)))
    point = float(line_slopes(series, np.ones((1, len(series))))[0])
    factor = float(stdtrit(max(blocks - 1, 1), 0.975) / ndtri(0.975))
    return np.asarray(point + (found - np.median(found)) * factor)


def block_paths(
    time: Floats, value: Floats, draws: int, block_rows: int, rng: np.random.Generator
) -> tuple[Floats, Floats, int]:
    """Return (draws, n) times and values rebuilt from 0 of circular blocks of a series' steps, and its whole blocks.

    Parameters
    ----------
    time, value : (n,) float
        Ordered by time.
    draws, block_rows : int
        A block is at most a third of the steps.
    rng : Generator
    """
    steps = len(value) - 1
    block = min(block_rows, max(steps // 3, 1))
    starts = rng.integers(0, steps, size=(draws, -(-steps // block)))
    index = ((starts[:, :, None] + np.arange(block)) % steps).reshape(draws, -1)[:, :steps]
    zero = np.zeros((draws, 1))
    times, path = (
        np.concatenate([zero, np.cumsum(np.diff(column)[index], axis=1)], axis=1) for column in (time, value)
    )
    return times, path, steps // block


def jackknife_stderr(series: Series, slopes: Slopes) -> tuple[float, int]:
    """Return the cluster-jackknife standard error (CV3) of a slope and the number of clusters behind it.

    V = (G-1)/G sum_g (b_without_g - b)^2 (MacKinnon, Nielsen & Webb 2023); it errs to the wide side where the usual
    cluster-robust estimator (CV1) with few clusters is short. Crossed clusterings combine as V_a + V_b - V_ab (Cameron,
    Gelbach & Miller 2011), not below the larger of the two.

    Returns
    -------
    (float, int)
        doublings/yr; infinite when leaving out one cluster leaves no slope.
    """
    point = float(slopes(series, np.ones((1, len(series))))[0])
    parts = [_jackknife_variance(series, slopes, labels, point) for labels in series.clusterings]
    if len(parts) == 2:
        both = np.asarray([f"{a}\x1f{b}" for a, b in zip(*series.clusterings, strict=True)])
        joint = _jackknife_variance(series, slopes, both, point)
        variance = max(sum(parts) - joint, *parts)
    else:
        variance = parts[0]
    return float(np.sqrt(variance)), series.n_clusters


def _jackknife_variance(series: Series, slopes: Slopes, labels: NDArray[Any], point: float) -> float:
    names, index = np.unique(labels.astype(str), return_inverse=True)
    count = len(names)
    if count < 2:
        return float("inf")
    parts = np.array_split(np.arange(count), 1 + count * len(series) // CELLS_AT_ONCE)
    without = np.concatenate([slopes(series, (part[:, None] != index).astype(np.float64)) for part in parts])
    if not np.isfinite(without).all():
        return float("inf")
    return float((count - 1) / count * np.sum((without - point) ** 2))


def stretched(draws: Floats, value: float, stderr: float, dof: int) -> Floats:
    """Return draws widened about the estimate until their spread matches the jackknife's t interval.

    With few clusters the bootstrap is short; draws feed forecasts, so they are stretched by the ratio of the t
    interval's half-width to 1.96 bootstrap standard deviations where that exceeds 1, and left alone otherwise.
    """
    from scipy.special import ndtri, stdtrit

    spread = float(np.std(draws))
    if not np.isfinite(stderr) or spread == 0:
        return draws
    wanted = float(stdtrit(dof, 0.975)) * stderr / (float(ndtri(0.975)) * spread)
    return np.asarray(value + (draws - value) * max(1.0, wanted))


def stated_coverage(series: Series, seed: int, *, data_sets: int = 2000, intraclass: float = 0.5) -> float:
    """Return how often the jackknife's 95 % interval holds the truth on these very dates and clusters, by simulation.

    Errors are normal with the share ``intraclass`` of their variance between clusters. A nominal level is a promise for
    many clusters; this is what it is worth for the ones at hand.

    Parameters
    ----------
    series : Series
        One level, one clustering.
    seed : int
    data_sets : int
    intraclass : float, in [0, 1]

    Returns
    -------
    float
        Share of simulated data sets; NaN when leaving out a cluster leaves no slope.
    """
    from scipy.special import stdtrit

    names, index = np.unique(series.clusters.astype(str), return_inverse=True)
    count = len(names)
    if count < 2 or count * len(series) > CELLS_AT_ONCE // 16:
        return float("nan")
    weights = np.concatenate([np.ones((1, len(series))), (np.arange(count)[:, None] != index).astype(np.float64)])
    # A least-squares slope is linear in the values: one row of coefficients a weighting.
    time = series.time - series.time.mean()
    deviation = weights * (time - (weights @ time / weights.sum(axis=1))[:, None])
    size = (deviation * time).sum(axis=1, keepdims=True)
    if not (size > 1e-12).all():
        return float("nan")
    rng = stream(seed, "stated_coverage")
    shared = rng.standard_normal((data_sets, count))[:, index] * np.sqrt(intraclass)
    noise = shared + rng.standard_normal((data_sets, len(series))) * np.sqrt(1.0 - intraclass)
    slopes = noise @ (deviation / size).T
    stderr = np.sqrt((count - 1) / count * np.sum((slopes[:, 1:] - slopes[:, :1]) ** 2, axis=1))
    return float(np.mean(np.abs(slopes[:, 0]) <= float(stdtrit(count - 1, 0.975)) * stderr))
