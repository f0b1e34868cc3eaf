"""``race.fit_gamma``: the growth rate of anyone's dated table, in doublings a year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as calendar_date
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from race_to_efficiency.api.questions import settings_here, source_of, spoken, texts
from race_to_efficiency.api.results import MOST_POINTS, Result, estimate_row
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

    from race_to_efficiency.api.result_records import FittedGamma
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.gamma.components import Fitted
    from race_to_efficiency.own_tables.table_rows import DatedRows, Question


@dataclass(frozen=True, eq=False, repr=False)
class GammaFit(Result):
    """Growth rates of a dated table.

    Parameters
    ----------
    name : str
        The table's.
    estimates : tuple of Estimate
        One a group: doublings/yr, with the doubling time and the factor a year among its diagnostics.
    draws : mapping of str to (m,) float, doublings/yr
        Bootstrap draws by group ('' for a table without groups); none of a group that is refused.
    account : mapping of str to int
        Rows: read = used + outside_window + missing + quarantined.
    quarantined : tuple of dict
        Cells that could not be read: file, line, column, value, rule, remedy.
    notes : tuple of str
    points : mapping of str to (n,) array
        year (decimal), log2_value and group of the rows used, at most 2,000 of them: what `plot` shows.
    """

    name: str
    estimates: tuple[Estimate, ...]
    draws: Mapping[str, np.ndarray[Any, Any]]
    account: Mapping[str, int]
    quarantined: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    points: Mapping[str, np.ndarray[Any, Any]]

    @property
    def all_refused(self) -> bool:
        """Whether not one estimate may be used."""
        return all(item.status == "refused" for item in self.estimates)

    @property
    def lost(self) -> str:
        """Why rows were not used, in words."""
        lacking, outside, aside = (self.account[key] for key in ("missing", "outside_window", "quarantined"))
        return f"{lacking} lack a cell, {outside} lie outside the window, {aside} set aside"

    def estimate(self, group: str | None = None) -> Estimate:
        """Return the rate of a group; of the only one when None.

        Raises
        ------
        UsageError
            When there is no such group, or there are several.
        """
        found = [item for item in self.estimates if group in (None, item.group)]
        if len(found) != 1:
            raise UsageError(f"{len(found)} rates", why=f"groups: {', '.join(str(i.group) for i in self.estimates)}")
        return found[0]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group: rate and its ends in doublings/yr, doubling time in months, n_rows, grade, status."""
        import pandas as pd

        rows = []
        for item in self.estimates:
            months = (item.diagnostics.get("doubling_time") or {}).get("value")
            first, then = {"group": item.group or ""}, {"doubling_time_months": months}
            rows.append(estimate_row(item, first, "doublings_per_year", then))
        return pd.DataFrame(rows)

    def to_json(self) -> FittedGamma:
        """Return what ``race fit gamma --json`` prints."""
        told = {
            "estimates": [item.to_json() for item in self.estimates],
            "account": dict(self.account),
            "quarantined": list(self.quarantined),
            "notes": list(self.notes),
        }
        return cast("FittedGamma", told)

    def summary(self) -> str:
        """Return the account of the rows, and one line a group with its reasons."""
        from race_to_efficiency.api.words import rate_line

        lines = [f"{self.name}: {self.account['used']} of {self.account['read']} rows used; {self.lost}"]
        for item in self.estimates:
            lines += [rate_line(item), *(f"  {reason}" for reason in item.reasons)]
        return "\n".join(lines)

    def _draw(self, ax: Axes) -> None:
        """Draw the rows and the line of each group through their middle."""
        from race_to_efficiency.visible import visible

        year, value, groups = (self.points[key] for key in ("year", "log2_value", "group"))
        for k, item in enumerate(self.estimates):
            mine = groups == (item.group or "")
            colour = f"C{k % 10}"
            ax.scatter(year[mine], 2.0 ** value[mine], s=10, color=colour, alpha=0.5)
            if item.value is not None and mine.any():
                ends = np.array([year[mine].min(), year[mine].max()])
                line = value[mine].mean() + item.value * (ends - year[mine].mean())
                words = f"{visible(item.group or self.name)}: {item.value:.3g} doublings/yr"
                ax.plot(ends, 2.0**line, color=colour, label=words)
        ax.set(yscale="log", xlabel="year", ylabel="value")
        ax.legend(frameon=False)


@spoken
def fit_gamma(
    data: Any,
    *,
    date: str,
    value: str,
    name: str = "table",
    compute: str | None = None,
    group: str | None = None,
    cluster: str | None = None,
    estimator: str = "mean",
    quantile: float | None = None,
    where: str | Sequence[str] = (),
    falling: bool = False,
    start: str | calendar_date | None = None,
    end: str | calendar_date | None = None,
    date_order: str | None = None,
    truncated_below: float | None = None,
    censored_below: float | None = None,
    draws: int | None = None,
    seed: int | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> GammaFit:
    """Fit doublings a year to any dated table, with honest intervals, a status and its reasons.

    Parameters
    ----------
    data : str, Path, DataFrame or mapping of str to (n,) array
        See `fit_kappa`.
    date : str
        Column of dates: ISO, decimal year, quarter, month by name, datetime.
    value : str
        Column of positive numbers, or a ratio of columns: ``"flop_s/tdp_w"``.
    name : str
        What a table in memory is called.
    compute : str, optional
        Column of training compute, FLOP, where ``value`` is a loss or an error: the rate is then that of algorithms,
        the doublings of compute a year saves at one value. Least squares of its logarithm on log compute and date.
    group : str, optional
        Column: each of its values is fitted alone.
    cluster : str, optional
        Column: rows that share a value are not independent.
    estimator : {'mean', 'quantile', 'frontier'}
        Least squares, quantile regression, or least squares through the records.
    quantile : float, optional
        Which quantile, in (0, 1).
    where : str or sequence of str
        Rows to use: ``"price > 0"``, ``"maker == Acme"``.
    falling : bool
        Smaller is better: the rate of 1/value.
    start, end : str or date, optional
        First and last day used.
    date_order : {'day_first', 'month_first'}, optional
        For dates as 03/04/2021.
    truncated_below, censored_below : float, optional
        Values below which rows are missing, or only known to lie.
    draws, seed : int, optional
        Bootstrap draws and their seed; as in params.yaml when None.
    step : callable, optional
        Told what is being done.

    Returns
    -------
    GammaFit

    Raises
    ------
    UsageError
        When an argument is off, or names a column that is not there.
    DataInvalid
        When no row can be used.
    InputMissing
        When there is no such file.

    References
    ----------
    Lu (2025), "The Race to Efficiency", arXiv 2501.02156, for gamma; MacKinnon & White (1985) for its robust errors;
    Ho et al. (2024), arXiv 2403.05812, for the compute that algorithms save.

    Examples
    --------
    >>> import numpy as np
    >>> import race_to_efficiency as race
    >>> year = np.arange(2010, 2024, 0.5)
    >>> chips = {"released": year, "flop_s": 1e12 * 2 ** (0.5 * (year - 2010) + 0.1 * np.sin(2.4 * np.arange(28)))}
    >>> fit = race.fit_gamma(chips, date="released", value="flop_s", draws=200)
    >>> round(fit.estimate().value, 2)
    0.5
    """
    from race_to_efficiency.own_tables.table_rows import Question, read_rows
    from race_to_efficiency.own_tables.table_trend import fit_trends

    if truncated_below is not None and censored_below is not None:
        raise UsageError("rows are either truncated or censored", remedy="give one of the two limits")
    if date_order not in (None, "day_first", "month_first"):
        raise UsageError(f"date_order must be day_first or month_first, got '{date_order}'")
    if quantile is not None and not 0 < quantile < 1:
        raise UsageError(f"quantile must lie between 0 and 1, got {quantile:g}")
    settings = settings_here()
    question = Question(
        date_column=date,
        value_column=value,
        group_column=group,
        cluster_column=cluster,
        estimator=estimator,
        falling=falling,
        start=_day("start", start),
        end=_day("end", end),
        order=date_order,  # type: ignore[arg-type]
        limit=censored_below if truncated_below is None else truncated_below,
        limit_kind="censored" if truncated_below is None else "truncated",
        where=texts(where),
        compute_column=compute,
    )
    chosen: dict[str, Any] = {"draws": settings.own_tables.draws if draws is None else draws}
    params = settings.fit_gamma.model_copy(update=chosen if quantile is None else {**chosen, "quantile": quantile})
    table = read_rows(source_of(data, name), question)
    step(f"fitting {len(table.line):,} rows")
    fits = fit_trends(table, question, params, seed=settings.own_tables.seed if seed is None else seed)
    return _of(table, question, fits)


def _of(table: DatedRows, question: Question, fits: list[Fitted]) -> GammaFit:
    """Gather the fits of a table's groups."""
    some = slice(None, None, 1 + len(table.line) // MOST_POINTS)
    sign = -1.0 if question.falling else 1.0
    return GammaFit(
        name=table.name,
        estimates=tuple(fit.estimate for fit in fits),
        draws={fit.estimate.group or "": fit.draws for fit in fits if fit.draws is not None},
        account={
            "read": table.n_read,
            "used": len(table.line),
            "outside_window": table.n_outside,
            "missing": table.n_missing,
            "quarantined": len(table.quarantined),
        },
        quarantined=tuple(table.quarantined),
        notes=tuple(table.notes),
        points={
            "year": table.decimal[some],
            "log2_value": sign * table.log2_value[some],
            "group": np.asarray(table.group[some]),
        },
    )


def _day(name: str, day: str | calendar_date | Path | None) -> calendar_date | None:
    if day is None or isinstance(day, calendar_date):
        return day
    try:
        return calendar_date.fromisoformat(str(day))
    except ValueError:
        raise UsageError(f"{name} must be a date as YYYY-MM-DD, got '{day}'") from None
