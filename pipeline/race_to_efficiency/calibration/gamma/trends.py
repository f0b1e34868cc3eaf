"""Trends of a logarithm in time: the series, lmfit's fit of record, and the same slope for thousands of weightings.

Bootstrap, cluster jackknife, moved windows and left-out rows are all the same computation: the slope under another set
of row weights. So every estimator here takes a (replicates, rows) weight matrix and returns (replicates,) slopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.estimates import t_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series


@dataclass(frozen=True)
class LineFit:
    """A straight line through a series, as lmfit returned it.

    Parameters
    ----------
    slope : float, doublings/yr
    level : float, doublings
        Value of the line at `center` (None with fixed effects).
    center : float, decimal years
        Mean date; the fit is made on centred dates.
    covariate_slope : float or None
        Coefficient of the covariate.
    stderr : float, doublings/yr
        Of the slope, for independent rows of equal variance.
    residual_sd : float, doublings
    dof : int
        Rows less free parameters (cells count).
    """

    slope: float
    level: float | None
    center: float
    covariate_slope: float | None
    stderr: float
    residual_sd: float
    dof: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the ends of the t interval of the slope for independent rows."""
        return t_interval(self.slope, self.stderr, self.dof, level)


def fit_line(series: Series) -> LineFit:
    """Fit level + slope x (date - mean date) [+ b x covariate] by least squares with lmfit.

    Cells are swept out first (Frisch, Waugh & Lovell 1963), which leaves slope and residuals as with one dummy a cell.

    Parameters
    ----------
    series : Series
        At least 3 rows on 2 dates, with more rows than parameters.

    Returns
    -------
    LineFit

    Raises
    ------
    ValueError
        When the rows cannot determine a slope and its error.
    """
    import lmfit

    ones = np.ones((1, len(series)))
    columns = {"slope": series.time - series.time.mean()}
    if series.covariate is not None:
        columns["covariate"] = series.covariate - series.covariate.mean()
    swept = {name: cell_deviations(column, series.cells, ones)[0] for name, column in columns.items()}
    target = cell_deviations(series.value, series.cells, ones)[0] if series.cells is not None else series.value
    n_levels = 1 if series.cells is None else len(np.unique(series.cells))
    dof = len(series) - n_levels - len(columns)
    if dof < 1 or not np.ptp(swept["slope"]) > 1e-9:
        raise ValueError(f"a trend needs more rows than parameters on at least 2 dates, got {len(series)} rows")
    parameters = lmfit.Parameters()
    for name in columns:
        parameters.add(name, value=0.0)
    parameters.add("level", value=float(target.mean()), vary=series.cells is None)

    def residual(values: Any) -> Floats:
        line = values["level"].value + sum(values[name].value * column for name, column in swept.items())
        return np.asarray(target - line, dtype=np.float64)

    # The jacobian is constant, so finite differences at a step near 1 are exact to rounding.
    result = lmfit.minimize(residual, parameters, method="leastsq", scale_covar=True, epsfcn=1e-4, ftol=1e-15)
    found = result.params
    rescale = np.sqrt(result.nfree / dof)
    return LineFit(
        slope=float(found["slope"].value),
        level=None if series.cells is not None else float(found["level"].value),
        center=float(series.time.mean()),
        covariate_slope=float(found["covariate"].value) if series.covariate is not None else None,
        stderr=float((found["slope"].stderr or 0.0) * rescale),
        residual_sd=float(np.sqrt(np.sum(result.residual**2) / dof)),
        dof=dof,
    )


def cell_deviations(column: Floats, cells: NDArray[np.int64] | None, weights: Floats) -> Floats:
    """Return deviations of a column from its weighted mean in each cell (in all rows without cells).

    Parameters
    ----------
    column : (n,) or (b, n) float
    cells : (n,) int or None
    weights : (b, n) float

    Returns
    -------
    (b, n) float
    """
    member = _membership(cells, weights.shape[1])
    total, sums = weights @ member, (weights * column) @ member
    mean = np.divide(sums, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(column - mean[:, member.argmax(axis=1)])


def line_slopes(series: Series, weights: Floats) -> Floats:
    """Return the weighted least-squares slope for each row of ``weights`` (NaN where it is not determined).

    Parameters
    ----------
    series : Series
        With cells, their levels are swept out; with a covariate, its effect too.
    weights : (b, n) float, not negative

    Returns
    -------
    (b,) float, doublings/yr
    """
    return coefficients(series, weights)[0]


def coefficients(series: Series, weights: Floats) -> tuple[Floats, Floats | None]:
    """Return the weighted coefficients of time and of the covariate (None without one), each (b,).

    Cross products about the weighted means of the cells follow from sums over rows and over cells, all of them matrix
    products; columns are centred in their cells first, so that no digits cancel.
    """
    columns = [series.time, series.value] + ([] if series.covariate is None else [series.covariate])
    ones, member = np.ones((1, len(series))), _membership(series.cells, len(series))
    centred = [cell_deviations(column, series.cells, ones)[0] for column in columns]
    total = weights @ member
    sums = [weights @ (member * column[:, None]) for column in centred]
    means = [np.divide(part, total, out=np.zeros_like(part), where=total > 0) for part in sums]

    def product(i: int, k: int) -> Floats:
        return np.asarray(weights @ (centred[i] * centred[k]) - np.vecdot(sums[i], means[k]))

    tt, ty = product(0, 0), product(0, 1)
    if series.covariate is None:
        return ratio(ty, tt), None
    tx, xx, xy = product(0, 2), product(2, 2), product(2, 1)
    determinant = tt * xx - tx**2
    return ratio(ty * xx - xy * tx, determinant), ratio(xy * tt - ty * tx, determinant)


def _membership(cells: NDArray[np.int64] | None, count: int) -> Floats:
    """Return 1 where a row belongs to a cell, (n, cells); all rows to one without cells."""
    if cells is None:
        return np.ones((count, 1))
    _, index = np.unique(cells, return_inverse=True)
    return np.asarray(index[:, None] == np.arange(index.max() + 1), dtype=np.float64)


def line_levels(series: Series, weights: Floats, at: float) -> Floats:
    """Return the value of the weighted line at decimal year ``at`` for each row of ``weights``: (b,) doublings."""
    slope = line_slopes(series, weights)
    total = weights.sum(axis=1)
    mean_time, mean_value = weights @ (series.time - at) / total, weights @ series.value / total
    return np.asarray(mean_value - slope * mean_time)


def gain_slopes(series: Series, weights: Floats) -> Floats:
    """Return the compute-equivalent rate b_t/b_C of value = a + b_C covariate + b_t time, (b,) doublings/yr.

    Loss is regressed on (log compute, time) and the ratio taken; the reverse regression of compute on (loss, time)
    answers another question and is biased towards 0 here (errors in the loss).
    """
    time, extra = coefficients(series, weights)
    if extra is None:
        raise ValueError("series.covariate must hold log2 of compute, got None")
    return ratio(time, extra)


def row_slopes(time: Floats, values: Floats, weights: Floats) -> Floats:
    """Return the weighted slope of each row of ``values``, (b,) doublings/yr.

    Parameters
    ----------
    time : (n,) or (b, n) float, decimal years
    values : (b, n) float, doublings
        May be infinite where the weight is 0.
    weights : (b, n) float
    """
    values, time = np.where(weights > 0, values, 0.0), np.broadcast_to(time, weights.shape)
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_time, mean = ((weights * part).sum(axis=1, keepdims=True) / total for part in (time, values))
        deviation = weights * (time - mean_time)
        return ratio((deviation * (values - mean)).sum(axis=1), (deviation * (time - mean_time)).sum(axis=1))


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return numerator / denominator, NaN where the denominator is 0 to rounding."""
    safe = np.abs(denominator) > 1e-10
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=safe)
