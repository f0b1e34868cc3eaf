"""kappa and gamma from one series of losses over time: the equation fitted jointly, and what such a fit cannot say.

Early losses show kappa/tau0 alone and late ones the product kappa gamma alone, so the two lie on a ridge (correlation
-.97 to -.99 in practice). The result therefore carries joint draws and a joint region, never two separate intervals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from race_to_efficiency.calibration.common.estimates import JointDraws
from race_to_efficiency.relative_loss import relative_loss, relative_loss_gradient

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.estimates import FitStatus

LEAST_YEARS_WITH_FREE_FLOOR = 3.0
"""Below this length a floor, kappa and gamma cannot be told apart."""

_RIDGE = 0.9
_STARTS = ((-3.0, 1.0), (-2.0, 0.3), (-1.5, 1.0))
_TOLERANCE = 1e-10
_SINGULAR = 1e-12


@dataclass(frozen=True)
class JointFit:
    """A least-squares fit of ln L(t) = ln L0 + ln(f + (1 - f) X(t)^-kappa).

    Parameters
    ----------
    years : (n,) float, years since the reference date
    loss : (n,) float, nats/token
    free_floor : bool
        Whether f is fitted; 0 otherwise.
    status : {'trusted', 'weak', 'refused'}
    reasons : tuple of str
    names : tuple of str
        log_loss0, log_kappa, gamma and, with a free floor, floor. Empty when refused.
    theta : (p,) float
    covariance : (p, p) float
    sum_of_squares : float
        Of the residuals of ln L.
    correlations : mapping of str to float
        ``kappa_gamma`` and, with a free floor, ``kappa_floor`` and ``gamma_floor``. Empty when refused.
    """

    years: Floats
    loss: Floats
    free_floor: bool
    status: FitStatus
    reasons: tuple[str, ...]
    names: tuple[str, ...] = ()
    theta: Floats = field(default_factory=lambda: np.empty(0))
    covariance: Floats = field(default_factory=lambda: np.empty((0, 0)))
    sum_of_squares: float = float("nan")
    correlations: dict[str, float] = field(default_factory=dict)

    def point(self) -> dict[str, float]:
        """Return L0 (nats/token), kappa, gamma (doublings/yr) and the floor of the best fit.

        Raises
        ------
        ValueError
            When the fit was refused.
        """
        if self.status == "refused":
            raise ValueError(f"status must not be 'refused', got it because {'; '.join(self.reasons)}")
        known = dict(zip(self.names, (float(x) for x in self.theta), strict=True))
        return {
            "loss0": float(np.exp(known["log_loss0"])),
            "kappa": float(np.exp(known["log_kappa"])),
            "gamma": known["gamma"],
            "floor": known.get("floor", 0.0),
        }

    def draws(self, count: int, seed: int) -> JointDraws:
        """Return joint draws of kappa, gamma, floor from the fit's covariance (normal in ln kappa)."""
        self.point()
        generator = np.random.default_rng(np.random.SeedSequence([seed]))
        values = generator.multivariate_normal(self.theta, self.covariance, size=count, method="eigh")
        floor = np.clip(values[:, 3], 0.0, 1.0 - 1e-9) if self.free_floor else np.zeros(count)
        columns = np.stack([np.exp(values[:, 1]), values[:, 2], floor], axis=1)
        return JointDraws(("kappa", "gamma", "floor"), columns, seed)

    def deviance(self, kappa: float, gamma: float) -> float:
        """Return the F statistic of a pair (kappa, gamma), the other parameters fitted again."""
        self.point()
        fixed = _fit(self.years, self.loss, self.free_floor, held=(float(np.log(kappa)), gamma))
        freedom = len(self.years) - len(self.theta)
        return float((fixed.sum_of_squares / self.sum_of_squares - 1.0) * freedom / 2.0)

    def region_holds(self, kappa: float, gamma: float, level: float = 0.95) -> bool:
        """Return whether the joint likelihood region of (kappa, gamma) holds a pair."""
        from scipy.stats import f as f_distribution

        limit = f_distribution.ppf(level, 2, len(self.years) - len(self.theta))
        return self.deviance(kappa, gamma) <= float(limit)


@dataclass(frozen=True)
class _Solution:
    names: tuple[str, ...]
    theta: Floats
    covariance: Floats | None
    sum_of_squares: float


def fit_joint(years: ArrayLike, loss: ArrayLike, *, floor: Literal["none", "free"] = "none") -> JointFit:
    """Fit kappa and gamma to losses over time alone, baseline fleet and tau0 = 1 year.

    Parameters
    ----------
    years : (n,) float, years since the reference date, at least 0
    loss : (n,) float, nats/token
    floor : {'none', 'free'}
        Whether an irreducible share of L0 is fitted too.

    Returns
    -------
    JointFit
        Refused with a free floor and less than three years of data, with too few rows, or where the ridge is flat.

    Raises
    ------
    ValueError
        When shapes or values make no sense.

    References
    ----------
    Lu (2025), arXiv 2501.02156, for the equation.
    """
    time, values = np.asarray(years, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    if time.ndim != 1 or time.shape != values.shape:
        raise ValueError(f"years must be one-dimensional and as long as loss, got {time.shape} and {values.shape}")
    for name, array, good in (("years", time, time >= 0), ("loss", values, values > 0)):
        if not (np.isfinite(array) & good).all():
            raise ValueError(f"{name} must be finite and {'>= 0' if name == 'years' else '> 0'}, got {array}")
    free = floor == "free"
    reasons = _refusals(time, free=free)
    if reasons:
        return JointFit(time, values, free, "refused", reasons)
    best = _fit(time, values, free)
    if best.covariance is None:
        flat = ("the information matrix is singular: kappa and gamma are not told apart",)
        return JointFit(time, values, free, "refused", flat)
    sigma = np.sqrt(np.diag(best.covariance))
    scaled = best.covariance / np.outer(sigma, sigma)
    correlations = {"kappa_gamma": float(scaled[1, 2])}
    if free:
        correlations |= {"kappa_floor": float(scaled[1, 3]), "gamma_floor": float(scaled[2, 3])}
    doubts = _doubts(best, correlations)
    return JointFit(
        time,
        values,
        free,
        "weak" if doubts else "trusted",
        doubts,
        best.names,
        best.theta,
        best.covariance,
        best.sum_of_squares,
        correlations,
    )


def _refusals(time: Floats, *, free: bool) -> tuple[str, ...]:
    reasons = []
    size, span = 3 + free, float(np.ptp(time)) if len(time) else 0.0
    if len(time) < 2 * size:
        reasons.append(f"{len(time)} losses cannot determine {size} parameters")
    if free and span < LEAST_YEARS_WITH_FREE_FLOOR:
        reasons.append(
            f"{span:.2g} years of losses: under {LEAST_YEARS_WITH_FREE_FLOOR:g} a free floor, kappa and gamma are one"
        )
    return tuple(reasons)


def _doubts(best: _Solution, correlations: dict[str, float]) -> tuple[str, ...]:
    reasons = [
        f"{pair.replace('_', ' and ')} are known together only (correlation {value:.3f}): use the joint draws"
        for pair, value in correlations.items()
        if abs(value) > _RIDGE
    ]
    if "floor" in best.names and best.covariance is not None:
        floor, stderr = float(best.theta[3]), float(np.sqrt(best.covariance[3, 3]))
        if floor < 3.0 * stderr:
            reasons.append(f"floor {floor:.3g} lies within 3 sigma of 0")
    return tuple(reasons)


def _fit(time: Floats, loss: Floats, free: bool, held: tuple[float, float] | None = None) -> _Solution:
    """Return the best of several least-squares fits; ``held`` fixes (ln kappa, gamma)."""
    import lmfit

    log_loss = np.log(loss)

    @lru_cache(maxsize=1)
    def above_floor(log_kappa: float, gamma: float) -> Floats:
        """Return the ratio of the loss above the floor; residual and slope ask for the same point in turn."""
        return np.asarray(relative_loss(time, float(np.exp(log_kappa)), gamma))

    def ratio(known: dict[str, float]) -> tuple[Floats, Floats]:
        """Return L/L0 and the ratio of the loss above the floor."""
        reducible = above_floor(known["log_kappa"], known["gamma"])
        return known["floor"] + (1.0 - known["floor"]) * reducible, reducible

    def residual(parameters: lmfit.Parameters) -> Floats:
        known = parameters.valuesdict()
        return np.asarray(known["log_loss0"] + np.log(ratio(known)[0]) - log_loss, dtype=np.float64)

    def slope(parameters: lmfit.Parameters) -> Floats:
        known = parameters.valuesdict()
        kappa, above = float(np.exp(known["log_kappa"])), 1.0 - known["floor"]
        whole, reducible = ratio(known)
        d_kappa, d_gamma, *_ = relative_loss_gradient(time, kappa, known["gamma"])
        columns = {
            "log_loss0": np.ones_like(time),
            "log_kappa": above * kappa * d_kappa / whole,
            "gamma": above * d_gamma / whole,
            "floor": (1.0 - reducible) / whole,
        }
        return np.stack([columns[name] for name in columns if parameters[name].vary], axis=1)

    found = []
    for log_kappa, gamma in (held,) if held else _STARTS:
        parameters = lmfit.Parameters()
        parameters.add("log_loss0", value=float(log_loss[time.argmin()]))
        parameters.add("log_kappa", value=log_kappa, min=-12.0, max=3.0, vary=held is None)
        parameters.add("gamma", value=gamma, min=-20.0, max=20.0, vary=held is None)
        parameters.add("floor", value=0.3 if free else 0.0, min=0.0, max=1.0, vary=free)
        # lmfit takes the root of its own covariance whatever that is; ours is computed below, and checked.
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(
                lmfit.minimize(
                    residual,
                    parameters,
                    method="least_squares",
                    jac=slope,
                    ftol=_TOLERANCE,
                    xtol=_TOLERANCE,
                    max_nfev=500,
                )
            )
    best = min(found, key=lambda result: float(result.chisqr))
    names = tuple(best.var_names)
    theta = np.array([best.params[name].value for name in names])
    squares = float((best.residual**2).sum())
    return _Solution(names, theta, _covariance(slope(best.params), squares), squares)


def _covariance(slopes: Floats, sum_of_squares: float) -> Floats | None:
    """Return s^2 (J'J)^-1; None where the columns of J are not independent."""
    rows, size = slopes.shape
    information = slopes.T @ slopes
    scale = np.sqrt(np.diag(information))
    if not (scale > 0).all() or np.linalg.eigvalsh(information / np.outer(scale, scale))[0] <= _SINGULAR:
        return None
    return np.asarray(np.linalg.inv(information) * (sum_of_squares / (rows - size)))


__all__ = ["LEAST_YEARS_WITH_FREE_FLOOR", "JointFit", "fit_joint"]
