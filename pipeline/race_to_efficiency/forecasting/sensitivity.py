"""What the width of a forecast comes from: shares of variance of ln R, and what each end of one input does alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats

LEVEL = 0.95
"""Central share of the draws that the ends of an input enclose."""


def forecast_variance_shares(kappa: Floats, log_ratio: Floats, mean_stderr: float) -> dict[str, float]:
    """Return shares of Var(ln R), ln R = -kappa ln X with kappa and ln X independent.

    For a product of independent factors Var(k x) = E[x]^2 Var(k) + E[k]^2 Var(x) + Var(k) Var(x), so the shares are
    exact moments, not a simulation; Var(k) splits into the part between families and that of their mean.

    Parameters
    ----------
    kappa : (n,) float
        A new family's.
    log_ratio : (n,) float
        ln X.
    mean_stderr : float
        Standard error of the mean over families.

    Returns
    -------
    mapping
        kappa_between_families, kappa_mean, compute_growth, interaction; they sum to 1 (all 0 when nothing varies).
    """
    slope, growth = float(kappa.var()), float(log_ratio.var())
    mean = min(mean_stderr**2, slope)
    parts = {
        "kappa_between_families": float(log_ratio.mean()) ** 2 * (slope - mean),
        "kappa_mean": float(log_ratio.mean()) ** 2 * mean,
        "compute_growth": float(kappa.mean()) ** 2 * growth,
        "interaction": slope * growth,
    }
    total = sum(parts.values())
    return {name: value / total if total > 0 else 0.0 for name, value in parts.items()}


def tornado(kappa: Floats, log_ratio: Floats) -> dict[str, list[float]]:
    """Return R at the ends of one input, which enclose 95 % of its draws, with the other at its median.

    Parameters
    ----------
    kappa : (n,) float
    log_ratio : (n,) float
        ln X.

    Returns
    -------
    mapping
        "kappa" and "compute_growth": [R at the input's low end, R at its high end]; "median": [R at both medians].
    """
    ends = ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2)
    slope = np.quantile(kappa, ends)
    growth = np.quantile(log_ratio, ends)
    return {
        "kappa": [float(np.exp(-slope[k] * growth[1])) for k in (0, 2)],
        "compute_growth": [float(np.exp(-slope[1] * growth[k])) for k in (0, 2)],
        "median": [float(np.exp(-slope[1] * growth[1]))],
    }
