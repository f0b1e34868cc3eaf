"""Trends of a logarithm in time: the series, lmfit's fit of record, and the same slope for thousands of weightings.

Bootstrap, cluster jackknife, moved windows and left-out rows are all the same computation: the slope under another set
of row weights. So every estimator here takes a (replicates, rows) weight matrix and returns (replicates,) slopes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.units import decimal_years

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Series:
    """Dated values of one quantity, sorted by date, then value.

    Parameters
    ----------
    table : str
        Ledger the rows came from.
    row_ids : (n,) str
    dates : (n,) datetime64[D]
    value : (n,) float, doublings
        Base-2 logarithm of the quantity (for `algorithmic_lm`: the natural logarithm of the loss).
    clusters : (n,) str
        Rows that share a label are not independent.
    cells : (n,) int, optional
        Fixed effects: each cell has a level of its own.
    covariate : (n,) float, optional
        A second regressor (log2 of compute).
    second_clusters : (n,) str, optional
        A crossed second clustering.
    decimal_year : (n,) float, optional
        Dates given as decimal years, kept as they were.
    """

    table: str
    row_ids: NDArray[Any]
    dates: NDArray[np.datetime64]
    value: Floats
    clusters: NDArray[Any]
    cells: NDArray[np.int64] | None = None
    covariate: Floats | None = None
    second_clusters: NDArray[Any] | None = None
    decimal_year: Floats | None = None

    def __len__(self) -> int:
        return len(self.value)

    @property
    def time(self) -> Floats:
        """(n,) decimal years."""
        return decimal_years(self.dates) if self.decimal_year is None else self.decimal_year

    @property
    def window(self) -> tuple[str, str] | None:
        """First and last ISO date."""
        return (str(self.dates.min()), str(self.dates.max())) if len(self) else None

    @property
    def n_clusters(self) -> int:
        """Number of clusters; of the coarser side when two clusterings are crossed."""
        return min(len(np.unique(labels)) for labels in self.clusterings)

    @property
    def clusterings(self) -> tuple[NDArray[Any], ...]:
        """The one or two label arrays."""
        return (self.clusters,) if self.second_clusters is None else (self.clusters, self.second_clusters)

    @property
    def rows_used(self) -> tuple[str, ...]:
        """``TABLE/ID`` of each row."""
        return tuple(f"{self.table}/{row}" for row in self.row_ids)

    def take(self, keep: NDArray[Any]) -> Series:
        """Return the rows selected by a mask or an index array, in that order."""
        return Series(
            self.table,
            self.row_ids[keep],
            self.dates[keep],
            self.value[keep],
            self.clusters[keep],
            *(
                None if column is None else column[keep]
                for column in (self.cells, self.covariate, self.second_clusters, self.decimal_year)
            ),
        )

    def since(self, start: date | None) -> Series:
        """Return the rows released on or after ``start`` (all of them for None)."""
        return self if start is None else self.take(self.dates >= np.datetime64(start))

    def ordered(self) -> Series:
        """Return the rows sorted by date, then value, then id (the order that running maxima are defined in)."""
        return self.take(np.lexsort((self.row_ids.astype(str), self.value, self.time)))


Slopes = Callable[[Series, "Floats"], "Floats"]


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
        from scipy.special import stdtrit

        half = float(stdtrit(self.dof, 0.5 + level / 2)) * self.stderr
        return self.slope - half, self.slope + half


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
    swept = {name: sweep(column, series.cells, ones)[0] for name, column in columns.items()}
    target = sweep(series.value, series.cells, ones)[0] if series.cells is not None else series.value
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


def sweep(column: Floats, cells: NDArray[np.int64] | None, weights: Floats) -> Floats:
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
    weighted = weights * column
    if cells is None:
        total = weights.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(column - weighted.sum(axis=1, keepdims=True) / total)
    _, index = np.unique(cells, return_inverse=True)
    member = np.zeros((len(index), int(index.max()) + 1))
    member[np.arange(len(index)), index] = 1.0
    total = weights @ member
    mean = np.divide(weighted @ member, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(column - mean[:, index])


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
    """Return the weighted coefficients of time and of the covariate (None without one), each (b,)."""
    time, value = series.time - series.time.mean(), series.value - series.value.mean()
    if series.cells is None and series.covariate is None:
        total, one = weights.sum(axis=1), weights @ time
        with np.errstate(invalid="ignore", divide="ignore"):
            return _ratio(
                weights @ (time * value) - one * (weights @ value) / total, weights @ time**2 - one**2 / total
            ), None
    time, value = sweep(time, series.cells, weights), sweep(value, series.cells, weights)
    weighted = weights * time
    tt, ty = (weighted * time).sum(axis=1), (weighted * value).sum(axis=1)
    if series.covariate is None:
        return _ratio(ty, tt), None
    extra = sweep(series.covariate - series.covariate.mean(), series.cells, weights)
    tx, xx, xy = (weighted * extra).sum(axis=1), (weights * extra**2).sum(axis=1), (weights * extra * value).sum(axis=1)
    determinant = tt * xx - tx**2
    return _ratio(ty * xx - xy * tx, determinant), _ratio(xy * tt - ty * tx, determinant)


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
    return _ratio(time, extra)


def running_maximum_slopes(series: Series, weights: Floats) -> Floats:
    """Return the slope of a line through the running maximum at every present row, (b,) doublings/yr."""
    high = np.maximum.accumulate(np.where(weights > 0, series.value, -np.inf), axis=1)
    return row_slopes(series.time, high, np.where(weights > 0, weights, 0.0))


def record_slopes(series: Series, weights: Floats) -> Floats:
    """Return the slope of a line through the rows that set a strict new record, (b,) doublings/yr."""
    high = np.maximum.accumulate(np.where(weights > 0, series.value, -np.inf), axis=1)
    before = np.concatenate([np.full((len(high), 1), -np.inf), high[:, :-1]], axis=1)
    return row_slopes(series.time, high, (high > before).astype(np.float64))


def is_record(series: Series) -> NDArray[np.bool_]:
    """Return which rows of an ordered series set a strict new record."""
    high = np.maximum.accumulate(series.value)
    return np.concatenate([[True], high[1:] > high[:-1]])


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
        return _ratio((deviation * (values - mean)).sum(axis=1), (deviation * (time - mean_time)).sum(axis=1))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    safe = np.abs(denominator) > 1e-10
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=safe)
