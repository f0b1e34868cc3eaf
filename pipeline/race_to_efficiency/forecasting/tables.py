"""The tidy tables of a forecast, in the names of public forecast hubs, and the headline picked from them.

Targets: `relative_loss` is L/L0 (form total: R = X^-kappa_total; form reducible: floor + (1 - floor) r),
`reducible_loss` is r = (L - E)/(L0 - E), `loss` is L in nats per token of one group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from race_to_efficiency.forecasting.curves import GIVEN, POOLED, READINGS, CurveLabel
from race_to_efficiency.forecasting.fields import FORECAST_FIELDS, MILESTONE_FIELDS
from race_to_efficiency.forecasting.trust import date_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.forecasting.headline_records import HeadlineRow
    from race_to_efficiency.forecasting.milestones import Passage

POINT = "point"
GAP = 0.1
"""A drawn median further from the point than this share of the 80 % width is told beside it."""

HEADLINE_YEARS = (1.0, 3.0, 5.0, 10.0)

FORECAST_COLUMNS, MILESTONE_COLUMNS = tuple(FORECAST_FIELDS), tuple(MILESTONE_FIELDS)


@dataclass(frozen=True)
class ForecastCurve:
    """Quantiles and means of one reading along one path.

    Parameters
    ----------
    label : Label
    quantiles : (n_times, n_levels) float
    means : (n_times,) float
    reasons : tuple of str
        One entry per time: why it is weak, ';'-joined; empty when trusted.
    grades : tuple of str
        One entry per time, see `race_to_efficiency.calibration.common.grades`.
    points : (n_times,) float or None
        The equation at the printed inputs.
    """

    label: CurveLabel
    quantiles: Floats
    means: Floats
    reasons: tuple[str, ...]
    grades: tuple[str, ...]
    points: Floats | None = None


def forecast_frame(
    curves: Sequence[ForecastCurve], times: Floats, levels: Floats, *, as_of: date, run_id: str
) -> pd.DataFrame:
    """Return the forecast table: every curve's quantiles, mean and point at every horizon.

    The point is the equation at the printed inputs, quantiles and mean are the draws'.

    Parameters
    ----------
    curves : sequence of Curve
    times : (n_times,) float, years
    levels : (n_levels,) float
    as_of : date
    run_id : str
    """
    import pandas as pd

    width = levels.size + 2
    dates = np.array([date_after(as_of, float(t)) for t in times], dtype=object)
    block: dict[str, Any] = {
        "reference_date": np.full(times.size * width, as_of.isoformat(), dtype=object),
        "horizon": np.repeat(times, width),
        "target_end_date": np.repeat(dates, width),
        "output_type": np.tile(np.array(["quantile"] * levels.size + ["mean", POINT], dtype=object), times.size),
        "output_type_id": np.tile(np.append(levels, [np.nan, np.nan]), times.size),
        "run_id": np.full(times.size * width, run_id, dtype=object),
    }
    count = len(curves)
    columns: dict[str, Any] = {name: np.tile(values, count) for name, values in block.items()}
    empty = np.full(times.size, np.nan)
    points = [empty if curve.points is None else curve.points for curve in curves]
    values = [
        np.column_stack([curve.quantiles, curve.means, point]).ravel()
        for curve, point in zip(curves, points, strict=True)
    ]
    columns["value"] = np.concatenate(values) if values else np.empty(0)
    for name in ("target", "unit", "form", "convention", "scenario_id", "anchor", "route", "group"):
        labels = np.array([getattr(curve.label, name) for curve in curves], dtype=object)
        columns[name] = np.repeat(labels, times.size * width)
    reasons = np.array([text for curve in curves for text in curve.reasons], dtype=object)
    columns["reasons"] = np.repeat(reasons, width)
    columns["grade"] = np.repeat(np.array([word for curve in curves for word in curve.grades], dtype=object), width)
    columns["status"] = np.where(columns["reasons"] == "", "trusted", "weak").astype(object)
    frame = pd.DataFrame({name: columns[name] for name in FORECAST_COLUMNS})
    return frame[(frame["output_type"] != POINT) | frame["value"].notna()].reset_index(drop=True)


def milestone_rows(
    label: CurveLabel,
    threshold: float,
    passage: Passage,
    levels: Sequence[float],
    *,
    as_of: date,
    reasons: Sequence[str],
    grade: str,
    run_id: str,
) -> list[dict[str, Any]]:
    """Return the milestone rows of one target on one curve: years by quantile (never a mean); inf means never."""
    found = passage.quantiles(levels)
    shared = {
        **vars(label),
        "reference_date": as_of.isoformat(),
        "threshold": threshold,
        "output_type": "quantile",
        "unit": "years",
        "unreachable_probability": passage.probability_never,
        "status": "weak" if reasons else "trusted",
        "reasons": ";".join(reasons),
        "grade": grade,
        "run_id": run_id,
    }
    return [
        {**shared, "output_type_id": level, "value": float(years), "date": date_after(as_of, float(years))}
        for level, years in zip(levels, found, strict=True)
    ]


def milestone_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return milestone rows as a table with its columns in order."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(MILESTONE_COLUMNS))


def headline_rows(
    forecast: pd.DataFrame,
    *,
    scenario_id: str = "constant_power",
    anchor: str = "frontier_trend",
    years: Sequence[float] = HEADLINE_YEARS,
) -> list[HeadlineRow]:
    """Return the headline: relative loss by reading and year under one scenario and anchor.

    Parameters
    ----------
    forecast : DataFrame
        Of `forecast_frame`, or read back from forecast.parquet.
    scenario_id, anchor : str
    years : sequence of float
        Horizons in years that the table holds.

    Returns
    -------
    list of dict
        reading, target, form, meaning, scenario_id, anchor, convention, route, years, date, point, median, mean,
        low80, high80, low95, high95, median_apart, unit, status, reasons, grade; one entry a reading and year,
        readings side by side within a year.
    """
    chosen = forecast[
        (forecast["scenario_id"] == scenario_id)
        & (forecast["anchor"] == anchor)
        & forecast["group"].isin([POOLED, GIVEN])
    ]
    rows = []
    for year in years:
        for name, target, form, meaning in READINGS:
            cells = chosen[(chosen["target"] == target) & (chosen["form"] == form) & (chosen["horizon"] == year)]
            if not cells.empty:
                rows.append(_headline_row(cells, {"reading": name, "meaning": meaning, "years": float(year)}))
    return rows


def _headline_row(cells: pd.DataFrame, names: Mapping[str, Any]) -> HeadlineRow:
    quantiles = cells[cells["output_type"] == "quantile"].set_index("output_type_id")["value"]
    first = cells.iloc[0]
    point = cells.loc[cells["output_type"] == POINT, "value"]
    ends = {"median": 0.5, "low80": 0.1, "high80": 0.9, "low95": 0.025, "high95": 0.975}
    found = {key: float(quantiles[level]) if level in quantiles.index else None for key, level in ends.items()}
    told = float(point.iloc[0]) if len(point) else found["median"]
    row = {
        **names,
        **{key: str(first[key]) for key in ("target", "form", "scenario_id", "anchor", "convention", "route")},
        "date": str(first["target_end_date"]),
        "point": told,
        **found,
        "median_apart": _apart(told, found),
        "mean": float(cells.loc[cells["output_type"] == "mean", "value"].iloc[0]),
        "unit": str(first["unit"]),
        "status": str(first["status"]),
        "reasons": [text for text in str(first["reasons"]).split(";") if text],
        "grade": str(first["grade"]),
    }
    return cast("HeadlineRow", row)


def _apart(point: float | None, ends: Mapping[str, float | None]) -> bool:
    """Return whether the drawn median lies so far from the point that it must stand beside it."""
    median, low, high = ends["median"], ends["low80"], ends["high80"]
    known = point is not None and median is not None and low is not None and high is not None
    return bool(known and abs(median - point) > GAP * (high - low))  # type: ignore[operator]
