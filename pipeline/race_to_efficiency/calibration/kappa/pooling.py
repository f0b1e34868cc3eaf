"""Pooling kappa over FAMILIES by random effects: groups of one publication share grid and evaluation, so count once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.calibration.common.estimates import FitStatus

FAMILIES_FOR_PREDICTION = 5


@dataclass(frozen=True)
class FamilyEffect:
    """One family's kappa.

    Parameters
    ----------
    family : str
    value, stderr : float
    status : {'trusted', 'weak'}
    groups : tuple of str
    """

    family: str
    value: float
    stderr: float
    status: FitStatus
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Pooled:
    """A random-effects mean with what it does and does not say about a new family.

    Parameters
    ----------
    mean, stderr : float
        Paule-Mandel mean, Hartung-Knapp standard error.
    tau2 : float
        Between-family variance.
    interval : (float, float)
        Hartung-Knapp interval of the mean, t with k - 1 df, 95 %.
    prediction : (float, float) or None
        Where a new family is expected, t with k - 2 df, 95 %; None below five trusted families: not identified.
    naive_prediction : (float, float) or None
        The same formula whatever the number of families (at least three), for comparison only.
    range : (float, float)
        Smallest and largest family.
    range_level : float
        Chance that a new exchangeable family falls inside the range: (k - 1)/(k + 1).
    families : tuple of FamilyEffect
    left_out : tuple of (str, float, float, bool)
        Family, and the prediction interval of the others, and whether it covers the family.
    """

    mean: float
    stderr: float
    tau2: float
    interval: tuple[float, float]
    prediction: tuple[float, float] | None
    naive_prediction: tuple[float, float] | None
    range: tuple[float, float]
    range_level: float
    families: tuple[FamilyEffect, ...]
    left_out: tuple[tuple[str, float, float, bool], ...]

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return the Hartung-Knapp interval of the mean at a level, t with k - 1 df."""
        return _t_interval(self.mean, self.stderr, len(self.families) - 1, level)

    @property
    def coverage_left_out(self) -> float | None:
        """Share of families the others' prediction interval covers; None with fewer than four families."""
        return float(np.mean([covered for *_, covered in self.left_out])) if self.left_out else None


def family_effect(
    family: str, groups: Sequence[str], values: Sequence[float], stderrs: Sequence[float], statuses: Sequence[FitStatus]
) -> FamilyEffect:
    """Average a family's groups; their errors count as shared (one grid, one evaluation), so they do not shrink.

    The spread between the groups is added to the variance of the average.
    """
    effects = np.asarray(values, dtype=np.float64)
    spread = float(effects.var(ddof=1)) / len(effects) if len(effects) > 1 else 0.0
    variance = float(np.mean(np.square(stderrs))) + spread
    status: FitStatus = "trusted" if "trusted" in statuses else "weak"
    return FamilyEffect(family, float(effects.mean()), float(np.sqrt(variance)), status, tuple(groups))


def pool(families: Sequence[FamilyEffect]) -> Pooled:
    """Pool families by random effects (Paule-Mandel tau^2, Hartung-Knapp interval, t prediction with k - 2 df).

    Parameters
    ----------
    families : sequence of FamilyEffect
        At least two.

    Raises
    ------
    ValueError
        With fewer than two families, or a standard error that is not positive.

    References
    ----------
    Paule & Mandel (1982), J. Res. NBS 87; Hartung & Knapp (2001), Stat. Med. 20; Higgins, Thompson & Spiegelhalter
    (2009), J. R. Stat. Soc. A 172, equation 12, for the prediction interval.
    """
    if len(families) < 2:
        raise ValueError(f"families must be at least 2 to pool, got {len(families)}")
    bad = [item for item in families if not (np.isfinite(item.stderr) and item.stderr > 0)]
    if bad:
        raise ValueError(f"stderr of family {bad[0].family} must be positive, got {bad[0].stderr!r}")
    mean, stderr, tau2 = _random_effects(families)
    interval = _t_interval(mean, stderr, len(families) - 1)
    values = [item.value for item in families]
    naive = _prediction(families)
    trusted = sum(item.status == "trusted" for item in families)
    k = len(families)
    left_out = []
    for item in families if k >= 4 else ():
        ends = _prediction([other for other in families if other is not item])
        if ends is not None:
            left_out.append((item.family, *ends, ends[0] <= item.value <= ends[1]))
    return Pooled(
        mean=mean,
        stderr=stderr,
        tau2=tau2,
        interval=interval,
        prediction=naive if trusted >= FAMILIES_FOR_PREDICTION else None,
        naive_prediction=naive,
        range=(min(values), max(values)),
        range_level=(k - 1) / (k + 1),
        families=tuple(families),
        left_out=tuple(left_out),
    )


def _random_effects(families: Sequence[FamilyEffect]) -> tuple[float, float, float]:
    """Return Paule-Mandel mean, Hartung-Knapp standard error and tau^2."""
    from statsmodels.stats.meta_analysis import combine_effects

    effects = np.array([item.value for item in families])
    variances = np.array([item.stderr**2 for item in families])
    result = combine_effects(effects, variances, method_re="iterated", use_t=True)
    return float(result.mean_effect_re), float(result.sd_eff_w_re_hksj), float(max(result.tau2, 0.0))


def _t_interval(centre: float, stderr: float, df: int, level: float = 0.95) -> tuple[float, float]:
    from scipy.stats import t

    half = float(t.ppf(0.5 + level / 2, df)) * stderr
    return centre - half, centre + half


def _prediction(families: Sequence[FamilyEffect]) -> tuple[float, float] | None:
    """Return the 95 % prediction interval for a new family, None with fewer than three."""
    if len(families) < 3:
        return None
    mean, stderr, tau2 = _random_effects(families)
    return _t_interval(mean, float(np.sqrt(tau2 + stderr**2)), len(families) - 2)
