"""How many independent outcomes a set of forecasts really holds, and what can be said about them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation.scoring import COVERAGE_LEVELS, LEVELS, central_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from race_to_efficiency.arrays import Floats

TOO_FEW = "too few to judge"


def effective_n(blocks: Sequence[str], start: ArrayLike, end: ArrayLike, shared: ArrayLike) -> float:
    """Return the effective number of independent outcomes, n^2 divided by the sum of all pairwise correlations.

    Two outcomes of one block (one product launch, one benchmark round, one date) count as one. Two outcomes of
    different blocks correlate by the share of their forecast variance that is common (trend, level, drift; all of it
    for a path) times the share of their windows from origin to target date that overlaps: forecasts over the same
    quarters meet the same shocks.

    Parameters
    ----------
    blocks : (n,) str
    start, end : (n,) float, years (or any one clock)
        Origin and target date of each forecast.
    shared : (n,) float in [0, 1]
        Common share of the forecast variance.

    Returns
    -------
    float
        Between 1 and the number of blocks; 0 for no outcome.

    Raises
    ------
    ValueError
        When lengths differ, a window has no length, or a share lies outside [0, 1].

    References
    ----------
    Kish (1965), Survey Sampling: the design effect of correlated observations.
    """
    names = np.asarray(blocks, dtype=str)
    a, b, s = (np.asarray(x, dtype=np.float64) for x in (start, end, shared))
    if not names.shape == a.shape == b.shape == s.shape:
        raise ValueError(f"blocks, start, end and shared must have one length, got {names.shape} to {s.shape}")
    if names.size == 0:
        return 0.0
    if np.any(b <= a):
        raise ValueError(f"end must lie after start, got end - start = {float((b - a).min())!r}")
    if np.any(~((s >= 0) & (s <= 1))):
        raise ValueError(f"shared must lie in [0, 1], got {s[~((s >= 0) & (s <= 1))][0]!r}")
    return float(min(names.size**2 / correlations(names, a, b, s).sum(), np.unique(names).size))


def correlations(blocks: ArrayLike, start: ArrayLike, end: ArrayLike, shared: ArrayLike) -> Floats:
    """Return the (n, n) correlations between outcomes that `effective_n` sums; its parameters."""
    names = np.asarray(blocks, dtype=str)
    a, b, s = (np.asarray(x, dtype=np.float64) for x in (start, end, shared))
    overlap = np.minimum(b[:, None], b) - np.maximum(a[:, None], a)
    length = b - a
    alike = np.clip(overlap, 0.0, None) / np.sqrt(length[:, None] * length) * np.sqrt(s[:, None] * s)
    _, index = np.unique(names, return_inverse=True)
    return np.where(index[:, None] == index, 1.0, alike)


def intraclass_correlation(values: ArrayLike, groups: Sequence[str]) -> float:
    """Return the one-way intraclass correlation of values in groups (ANOVA estimator), at least 0; 0 if undefined.

    Parameters
    ----------
    values : (n,) float
    groups : (n,) str

    References
    ----------
    Shrout & Fleiss (1979), Intraclass correlations, case 1; Donner (1986) for unequal groups.
    """
    y = np.asarray(values, dtype=np.float64)
    _, index, counts = np.unique(np.asarray(groups, dtype=str), return_inverse=True, return_counts=True)
    n, k = y.size, counts.size
    if k < 2 or n == k:
        return 0.0
    means = np.bincount(index, weights=y) / counts
    between = (counts * (means - y.mean()) ** 2).sum() / (k - 1)
    within = ((y - means[index]) ** 2).sum() / (n - k)
    size = (n - (counts**2).sum() / n) / (k - 1)
    denominator = between + (size - 1.0) * within
    return float(np.clip((between - within) / denominator, 0.0, 1.0)) if denominator > 0 else 0.0


def coverage_band(n_eff: float, level: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the central band in which the coverage of a true ``level`` interval falls, binomial at floor(n_eff).

    Returns
    -------
    (float, float)
        Shares in [0, 1]; (0, 1) when there is not one whole independent outcome.
    """
    n = int(np.floor(n_eff + 1e-9))
    return (0.0, 1.0) if n < 1 else _binomial_band(n, level, confidence)


@functools.cache
def _binomial_band(n: int, level: float, confidence: float) -> tuple[float, float]:
    from scipy.special import bdtr

    tail = (1.0 - confidence) / 2.0
    # the binomial quantile is the least count whose probability reaches the level
    counts = np.searchsorted(bdtr(np.arange(n + 1.0), n, level), [tail, 1.0 - tail]) / n
    return float(counts[0]), float(counts[1])


def relative_distance(observed: ArrayLike, predicted: ArrayLike, level: float, levels: ArrayLike = LEVELS) -> Floats:
    """Return each outcome's distance from the median in units of the interval's half-width on its side.

    Parameters
    ----------
    observed : (n,) float
    predicted : (n, k) float, same unit
    level : float
        The central interval, one of those the levels hold.

    Returns
    -------
    (n,) float
        At most 1 inside the interval; 0 at the median; inf outside an interval without width.
    """
    y = np.atleast_1d(np.asarray(observed, dtype=np.float64))
    q = np.atleast_2d(np.asarray(predicted, dtype=np.float64))
    low, high = central_interval(q, level, levels)
    median = q[:, q.shape[1] // 2]
    distance = np.abs(y - median)
    width = np.where(y >= median, high - median, median - low)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = distance / width
    # an outcome exactly on the end must count as inside whatever the division rounds to
    inside = (y >= low) & (y <= high)
    ratio = np.where(inside, np.minimum(ratio, 1.0), np.maximum(ratio, np.nextafter(1.0, 2.0)))
    return np.where(distance == 0, 0.0, ratio)


def coverage_share(observed: ArrayLike, predicted: ArrayLike, level: float, levels: ArrayLike = LEVELS) -> Floats:
    """Return how far each outcome counts as covered by the central interval: 0 or 1, or a share at a point mass.

    A record that stays where it is equals many quantiles at once; counting it as covered by every interval would make
    right forecasts look too wide. It counts by the share of its jump in the distribution, F(y-) to F(y), that lies
    between the interval's levels: its mean is the level for a calibrated forecast of any kind.

    Parameters
    ----------
    observed : (n,) float
    predicted : (n, k) float, same unit
    level : float

    Returns
    -------
    (n,) float in [0, 1]

    References
    ----------
    Czado, Gneiting & Held (2009), Predictive model assessment for count data, eq. (2): the nonrandomised PIT.
    """
    y = np.atleast_1d(np.asarray(observed, dtype=np.float64))
    q = np.atleast_2d(np.asarray(predicted, dtype=np.float64))
    tau = np.asarray(levels, dtype=np.float64)
    low, high = central_interval(q, level, levels)
    plain = ((y >= low) & (y <= high)).astype(np.float64)
    equal = q == y[:, None]
    several = equal.sum(axis=1) > 1
    first, last = equal.argmax(axis=1), tau.size - 1 - equal[:, ::-1].argmax(axis=1)
    below = np.where(first == 0, 0.0, tau[first])
    above = np.where(last == tau.size - 1, 1.0, tau[last])
    inside = np.minimum(above, 0.5 + level / 2) - np.maximum(below, 0.5 - level / 2)
    share = np.clip(inside, 0.0, None) / np.where(above > below, above - below, 1.0)
    return np.asarray(np.where(several, share, plain))


@dataclass(frozen=True)
class Verdict:
    """Pass, fail or too few to judge, with the reason in words and the bands it rests on.

    Parameters
    ----------
    word : {'pass', 'fail', 'too few to judge'}
    reason : str
    bands : mapping of level to (low, high)
        Binomial band of the coverage at the effective number of outcomes.
    """

    word: str
    reason: str
    bands: Mapping[float, tuple[float, float]]


def coverage_verdict(
    observed: ArrayLike,
    predicted: ArrayLike,
    n_eff: float,
    *,
    levels: ArrayLike = LEVELS,
    coverage_levels: Sequence[float] = COVERAGE_LEVELS,
    minimum: float = 20.0,
    confidence: float = 0.95,
) -> Verdict:
    """Say whether intervals cover as they claim, and only where an interval of half the width would have been caught.

    Parameters
    ----------
    observed : (n,) float
    predicted : (n, k) float, same unit
    n_eff : float
        Effective number of outcomes, `effective_n`.
    levels : (k,) float
    coverage_levels : sequence of float
        Central intervals judged.
    minimum : float
        Effective outcomes below which nothing is said.
    confidence : float
        Level of the bands shown; the test itself shares its error over the levels (Bonferroni).

    Returns
    -------
    Verdict
        'fail' names the level and the side. When the intervals are too wide, the half-width is taken of the width
        that would have been right: otherwise the widest intervals could never be found out.
    """
    bands = {level: coverage_band(n_eff, level, confidence=confidence) for level in coverage_levels}
    if n_eff < minimum:
        return Verdict(TOO_FEW, f"{n_eff:.1f} independent outcomes, {minimum:g} are needed", bands)
    strict = 1.0 - (1.0 - confidence) / max(len(coverage_levels), 1)
    missed, caught = [], False
    for level in coverage_levels:
        share = coverage_share(observed, predicted, level, levels)
        ratio = relative_distance(observed, predicted, level, levels)
        low, high = coverage_band(n_eff, level, confidence=strict)
        cover = float(share.mean())
        if cover < low:
            missed.append(f"the {level:.0%} interval is too narrow (covered {cover:.0%})")
        elif cover > high:
            missed.append(f"the {level:.0%} interval is too wide (covered {cover:.0%})")
        scale = min(1.0, float(np.quantile(ratio, level, method="higher"))) if cover > high else 1.0
        half = float((share * (ratio <= 0.5 * scale)).mean())
        caught = caught or not low <= half <= high
    if not caught:
        return Verdict(TOO_FEW, "an interval of half the width would have passed as well", bands)
    if missed:
        return Verdict("fail", "; ".join(missed), bands)
    named = ", ".join(f"{level:.0%}" for level in coverage_levels)
    return Verdict("pass", f"coverage at {named} lies in its band, half the width would not", bands)
