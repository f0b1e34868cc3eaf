"""How far a fit lies from the truth, and a run from its law, against what refits and residuals show.

Residuals are smaller than the noise by what the fit took up. The refits of a fit whose threshold lies below the noise,
nearly a median regression, scatter more than the fit does: its optimum moves from run to run, and a resample leaves a
third of them out. The excess shrinks only with the root of the runs a parameter has (a third of the variance at twenty
of them). Both follow for these very runs from the law's tangent plane, on which the fit is a linear regression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.arrays import Floats

MOST_ROWS = 2_000
"""With more runs the refits are taken as they are: they scatter a tenth too much at most, about a law that is known."""

MOST_LEVERAGE = 0.5
"""Where one run has more, a resample without it tells something else, and no factor makes it the fit's own scatter."""

_CELLS, _FEWEST, _MOST = 40_000, 100, 1_000
"""Simulated runs in all, and the least and most tables of them."""

_STEPS = 40
_FIRST_THRESHOLD, _LOWERED = 2.0, 0.6
_NOTHING = 1e-12


class Scatter(NamedTuple):
    """Factors that make what a fit shows what it stands for.

    Parameters
    ----------
    draws : float
        Of the distance of refits from the fit, so that it is that of the fit from the truth.
    residuals : float
        Of residuals, so that they are errors of new runs.
    """

    draws: float
    residuals: float

    @classmethod
    def by_count(cls, n_rows: int, n_parameters: int) -> Scatter:
        """Return refits as they are and residuals as of least squares, widened as Student's t is for their number."""
        spare = max(n_rows - n_parameters, 1)
        return cls(1.0, float(np.sqrt(n_rows / spare)) * _student(spare))

    def itself(self) -> Scatter:
        """Return these factors, where others are still to be made."""
        return self

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Scatter:
        """Rebuild the factors from a mapping of their names.

        Raises
        ------
        KeyError, TypeError, ValueError
            When one is missing or is no positive number.
        """
        found = cls(float(document["draws"]), float(document["residuals"]))
        if not all(0.0 < factor < np.inf for factor in found):
            raise ValueError(f"factors of scatter must be positive and finite, got {found}")
        return found


def not_known() -> None:
    """Return that nothing is known beyond the number of runs."""


def scatter_of(slopes: Floats, residuals: Floats, delta: float) -> Scatter:
    """Return the factors of a Huber fit to independent runs.

    Parameters
    ----------
    slopes : (n, p) float
        Derivatives of ln(predicted loss) by the parameters, of full rank.
    residuals : (n,) float
        ln(observed) - ln(fitted).
    delta : float
        Huber threshold in ln(loss).

    Notes
    -----
    With normal noise of variance s^2 the estimate has the covariance v s^2 (X'X)^-1 (`inefficiency`), and its residuals
    the mean square s^2 (1 - (2 - v) p/n): n - p degrees of freedom for least squares, where v is 1. What refits of
    resampled runs scatter about it is simulated. Both factors hold t/z of n - p degrees of freedom, so that with a
    threshold far above the noise the interval of a new run is that of linear regression.

    References
    ----------
    Huber & Ronchetti (2009), Robust Statistics, section 7.6, for v, and Huber (1981), Robust Statistics, section 7.2,
    for the leverage of .5 above which refits are taken as they are; Hall & Martin (1988), Probability Theory and
    Related Fields 80:261, and De Angelis, Hall & Young (1993), Journal of the American Statistical Association 88:1310,
    for how slowly the bootstrap of a median and of median regression approaches its limit.
    """
    n, p = slopes.shape
    spare = max(n - p, 1)
    middle = float(np.subtract(*np.quantile(residuals, [0.75, 0.25]))) / 1.349
    noise = min(float(np.sqrt(np.mean(residuals**2) * n / spare)), middle)
    if not (noise > 0 and np.isfinite(noise)):
        return Scatter.by_count(n, p)
    threshold = delta / noise
    wasted, student = inefficiency(threshold), _student(spare)
    of_residuals = float(np.sqrt(n / max(n - p * (2.0 - wasted), 1.0))) * student
    axes = np.linalg.qr(slopes)[0]
    if n > MOST_ROWS or not np.square(axes).sum(axis=1).max() <= MOST_LEVERAGE:
        return Scatter(1.0, of_residuals)
    return Scatter(float(np.sqrt(wasted * p / refit_variance(axes, threshold))) * student, of_residuals)


def inefficiency(threshold: float) -> float:
    """Return the variance of a Huber estimate of normal data over that of least squares, from pi/2 down to 1.

    Parameters
    ----------
    threshold : float
        In standard deviations of the noise.

    Examples
    --------
    >>> round(inefficiency(1.345), 3), round(inefficiency(1e-9), 3)
    (1.053, 1.571)
    """
    from scipy.special import ndtr

    beyond = ndtr(-threshold)
    inside = 1.0 - 2.0 * beyond
    if threshold < 1e-4:
        return float(np.pi / 2.0)
    height = np.exp(-0.5 * threshold**2) / np.sqrt(2.0 * np.pi)
    return float((inside - 2.0 * threshold * height + 2.0 * threshold**2 * beyond) / inside**2)


def refit_variance(axes: Floats, threshold: float) -> float:
    """Return the expected squared distance of a resample's Huber estimate from that of all runs, summed over axes.

    In the coordinates in which least squares has variance 1 along each of the p axes, and with standard normal noise.

    Parameters
    ----------
    axes : (n, p) float
        Orthonormal columns that span the slopes.
    threshold : float
        In standard deviations of the noise.
    """
    n, p = axes.shape
    tables = min(max(_CELLS // n, _FEWEST), _MOST)
    generator = np.random.default_rng(np.random.SeedSequence([n, p]))
    noise = generator.standard_normal((tables, n))
    counts = generator.multinomial(n, np.full(n, 1.0 / n), size=tables).astype(np.float64)
    enough = (counts > 0).sum(axis=1) > p  # the others are no refits either
    noise, counts = noise[enough], counts[enough]
    apart = huber_lines(axes, noise, counts, threshold) - huber_lines(axes, noise, np.ones_like(counts), threshold)
    return float(np.mean(np.sum(apart**2, axis=1)))


def huber_lines(axes: Floats, values: Floats, weights: Floats, threshold: float) -> Floats:
    """Return Huber regressions on the same orthonormal columns, (b, p), by reweighting with a threshold that falls.

    Parameters
    ----------
    axes : (n, p) float
    values, weights : (b, n) float
    threshold : float

    References
    ----------
    Huber & Ronchetti (2009), Robust Statistics, section 7.8.
    """
    n, p = axes.shape
    products = (axes[:, :, None] * axes[:, None, :]).reshape(n, p * p)
    left, found = values, np.zeros((len(values), p), dtype=np.float64)
    for step in range(_STEPS):
        pull = max(threshold, _FIRST_THRESHOLD * _LOWERED**step)
        shares = weights * np.minimum(1.0, pull / np.maximum(np.abs(left), _NOTHING))
        normal = (shares @ products).reshape(-1, p, p) + _NOTHING * np.eye(p)
        target = (shares * values) @ axes
        found = np.asarray(np.linalg.solve(normal, target[..., None])[..., 0], dtype=np.float64)
        left = values - found @ axes.T
    return found


def _student(spare: int) -> float:
    """Return the 97.5 % quantile of Student's t over that of the normal."""
    from scipy.special import ndtri, stdtrit

    return float(stdtrit(spare, 0.975) / ndtri(0.975))
