"""Trends where rows below a limit are missing (truncated) or known only to lie below it (censored): lmfit likelihoods.

Least squares on such rows is biased towards 0, because early rows survive only when they lie high.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from race_to_efficiency.calibration.common.estimates import Interval, t_interval
from race_to_efficiency.calibration.common.rates import in_other_units
from race_to_efficiency.calibration.common.resampling import stream
from race_to_efficiency.calibration.gamma.components import from_draws, refused
from race_to_efficiency.calibration.gamma.trend_fit import refusal_of, weaknesses
from race_to_efficiency.calibration.gamma.trends import fit_line

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series
    from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs

LimitKind = Literal["truncated", "censored"]


@dataclass(frozen=True)
class LimitedFit:
    """A line of a limited normal, fitted by maximum likelihood.

    Parameters
    ----------
    slope : float, doublings/yr
    level : float, doublings
        At the mean date.
    sigma : float, doublings
    stderr : float, doublings/yr
        Of the slope: sandwich, summed within clusters.
    n_clusters : int
    n_limited : int
        Rows at the limit (0 when truncated: they are not there).
    objective : float
        Negative log-likelihood at the optimum.
    """

    slope: float
    level: float
    sigma: float
    stderr: float
    n_clusters: int
    n_limited: int
    objective: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the t interval of the slope with as many degrees of freedom as clusters, less one."""
        return t_interval(self.slope, self.stderr, max(self.n_clusters - 1, 1), level)


def fit_limited(series: Series, limit: Floats | float, kind: LimitKind) -> LimitedFit:
    """Fit value = level + slope (date - mean date) + normal noise with a lower limit, by lmfit.

    Parameters
    ----------
    series : Series
        Truncated: rows above the limit only. Censored: every row; those at or below the limit count as "below it".
    limit : float or (n,) float, doublings
    kind : {'truncated', 'censored'}
        Truncated normal (Hausman & Wise 1977) or Tobit (Tobin 1958).

    Returns
    -------
    LimitedFit

    Raises
    ------
    ValueError
        When a truncated row lies below its limit, all rows are censored, or the likelihood has no interior optimum.
    """
    import lmfit

    bounds = np.broadcast_to(np.asarray(limit, dtype=np.float64), series.value.shape)
    below = series.value <= bounds
    if kind == "truncated" and (series.value < bounds).any():
        raise ValueError(f"series.value must not lie below limit, got {int((series.value < bounds).sum())} such rows")
    hidden = below if kind == "censored" else np.zeros(len(series), dtype=bool)
    if hidden.sum() > len(series) - 3:
        raise ValueError(f"at least 3 rows must lie above limit, got {int((~hidden).sum())}")
    start = fit_line(series)
    time = series.time - start.center
    parameters = lmfit.Parameters()
    parameters.add("slope", value=start.slope)
    parameters.add("level", value=float(start.level or 0.0))
    parameters.add("log_sigma", value=float(np.log(max(start.residual_sd, 1e-6))))

    def unpack(values: Any) -> Floats:
        return np.asarray([values[name].value for name in ("slope", "level", "log_sigma")])

    def objective(values: Any) -> float:
        found = unpack(values)
        return float(-np.sum(_log_density(found, time, series.value, bounds, hidden, kind)))

    result = lmfit.minimize(objective, parameters, method="nelder", calc_covar=False, max_nfev=4000)
    result = lmfit.minimize(objective, result.params, method="bfgs", calc_covar=False)
    best = unpack(result.params)
    covariance, count = _sandwich(best, time, series, bounds, hidden, kind)
    if not np.isfinite(covariance).all() or covariance[0, 0] <= 0:
        raise ValueError("the likelihood of the limited trend has no interior optimum on these rows")
    return LimitedFit(
        slope=float(best[0]),
        level=float(best[1]),
        sigma=float(np.exp(best[2])),
        stderr=float(np.sqrt(covariance[0, 0])),
        n_clusters=count,
        n_limited=int(hidden.sum()),
        objective=objective(result.params),
    )


def limited_trend(
    inputs: Inputs, component: Component, series: Series, limit: Floats | float, kind: LimitKind
) -> Fitted:
    """Return a component whose trend is fitted by the limited likelihood; the biased least-squares slope stands beside.

    Parameters
    ----------
    inputs : Inputs
    component : Component
    series : Series
    limit : float or (n,) float, doublings
    kind : {'truncated', 'censored'}

    Returns
    -------
    Fitted
        Draws are a t distribution about the estimate. Refused where the likelihood has no interior optimum.
    """
    refusal = refusal_of(inputs, series)
    if refusal is not None:
        return refused(component, refusal, series)
    try:
        fit = fit_limited(series, limit, kind)
    except ValueError as error:
        return refused(component, str(error), series)
    dof = max(fit.n_clusters - 1, 1)
    noise = stream(inputs.seed, component.key, kind).standard_t(dof, inputs.params.draws)
    fitted = from_draws(
        inputs,
        component,
        fit.slope + fit.stderr * noise,
        value=fit.slope,
        n_rows=len(series),
        diagnostics={
            "kind": kind,
            "sigma": fit.sigma,
            "n_limited": fit.n_limited,
            "least_squares_slope": fit_line(series).slope,
            "objective": fit.objective,
        },
        rows_used=series.rows_used,
    )
    interval = Interval("cluster", 0.95, *fit.interval())
    units = in_other_units(fit.slope, interval.low, interval.high)
    estimate = replace(
        fitted.estimate,
        intervals=(interval, *fitted.estimate.intervals),
        stderr=fit.stderr,
        n_clusters=fit.n_clusters,
        window=series.window,
        diagnostics={**fitted.estimate.diagnostics, **units},
    )
    fitted = replace(fitted, estimate=estimate, series=series)
    reasons = weaknesses(inputs, series)
    return fitted.with_status("weak", reasons) if reasons else fitted


def _log_density(
    parameters: Floats, time: Floats, value: Floats, limit: Floats, hidden: Any, kind: LimitKind
) -> Floats:
    """Return the log-likelihood of each row."""
    from scipy.special import log_ndtr

    slope, level, log_sigma = parameters
    sigma = np.exp(np.clip(log_sigma, -30.0, 30.0))
    mean = level + slope * time
    seen = -0.5 * ((value - mean) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2.0 * np.pi)
    if kind == "truncated":
        return np.asarray(seen - log_ndtr((mean - limit) / sigma))
    return np.asarray(np.where(hidden, log_ndtr((limit - mean) / sigma), seen))


def _scores(parameters: Floats, time: Floats, value: Floats, limit: Floats, hidden: Any, kind: LimitKind) -> Floats:
    """Return the (n, 3) derivatives of each row's log-likelihood by slope, level and log sigma."""
    slope, level, log_sigma = parameters
    sigma = np.exp(log_sigma)
    mean = level + slope * time
    z = (value - mean) / sigma
    by_mean, by_sigma = z / sigma, z**2 - 1.0
    if kind == "truncated":
        above = (mean - limit) / sigma
        mills = _mills(above)
        by_mean, by_sigma = by_mean - mills / sigma, by_sigma + mills * above
    else:
        under = (limit - mean) / sigma
        mills = _mills(under)
        by_mean = np.where(hidden, -mills / sigma, by_mean)
        by_sigma = np.where(hidden, -mills * under, by_sigma)
    return np.stack([by_mean * time, by_mean, by_sigma], axis=1)


def _mills(x: Floats) -> Floats:
    """Return phi(x)/Phi(x), stable far below 0."""
    from scipy.special import log_ndtr

    return np.asarray(np.exp(-0.5 * x**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(x)))


def _sandwich(
    best: Floats, time: Floats, series: Series, limit: Floats, hidden: Any, kind: LimitKind
) -> tuple[Floats, int]:
    """Return the cluster-robust covariance (White 1982) and the number of clusters."""
    step = 1e-5 * np.maximum(np.abs(best), 1.0)

    def total(at: Floats) -> Floats:
        return np.asarray(_scores(at, time, series.value, limit, hidden, kind).sum(axis=0))

    hessian = np.stack([(total(best + move) - total(best - move)) / (2.0 * move.max()) for move in np.diag(step)])
    hessian = 0.5 * (hessian + hessian.T)
    if not np.isfinite(hessian).all() or (np.linalg.eigvalsh(hessian) >= 0).any():
        return np.full((3, 3), np.nan), 0
    inverse = np.linalg.inv(hessian)
    names, index = np.unique(series.clusters.astype(str), return_inverse=True)
    count = len(names)
    summed = np.zeros((count, 3))
    np.add.at(summed, index, _scores(best, time, series.value, limit, hidden, kind))
    factor = count / max(count - 1, 1) * len(time) / max(len(time) - 3, 1)
    return factor * inverse @ (summed.T @ summed) @ inverse, count
