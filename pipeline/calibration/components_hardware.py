"""Components read from the accelerators ledger: efficiency of the mean chip, of the records, and of the upper tail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.calibration.chips import chip_families
from pipeline.calibration.components import Component, Fitted, Inputs, fit_trend, refused
from pipeline.calibration.quantile import quantile_slopes
from pipeline.calibration.trends import Series, is_record, record_slopes, running_maximum_slopes

if TYPE_CHECKING:
    from datetime import date


TABLE = "accelerators"
_CATALOGUE = "an unweighted mean over catalogued chips by rated power, not over the installed fleet"


def chip_series(inputs: Inputs, numerator: str, denominator: str | None, *, start: date | None = None) -> Series | None:
    """Return log2 of numerator (over denominator) for chips that state both; a 0 in a cell means missing.

    Parameters
    ----------
    inputs : Inputs
    numerator, denominator : str
        Columns of the accelerators view; ``denominator`` None takes the numerator alone.
    start : date, optional
        Chips released before are left out.

    Returns
    -------
    Series or None
        Clustered by design family; None when no row qualifies.
    """
    rows = inputs.rows(TABLE)
    if rows.empty:
        return None
    stated = rows[numerator].gt(0) & (rows[denominator].gt(0) if denominator else True)
    if start is not None:
        stated &= rows["released"].ge(np.datetime64(start))
    rows = rows.loc[stated]
    if rows.empty:
        return None
    ratio = rows[numerator] / rows[denominator] if denominator else rows[numerator]
    return Series(
        table=TABLE,
        row_ids=rows["accelerator_id"].to_numpy(object),
        dates=rows["released"].to_numpy("datetime64[D]"),
        value=np.log2(ratio.to_numpy(np.float64)),
        clusters=chip_families(rows),
    ).ordered()


def hardware(inputs: Inputs, name: str = "hardware_tensor16", column: str = "fp16_tensor_flop_s") -> list[Fitted]:
    """Return the five rates of one number format: mean chip, recent, upper quantile, records, running maximum.

    Formats are never pooled: a ratio near 2 between formats is a sparse figure, not progress.
    """
    windows, label = inputs.params.windows, f"{column} per watt of rated power"

    def component(estimator: str, meaning: str, caveat: str) -> Component:
        headroom = inputs.params.caps.cmos_headroom
        return Component(name, estimator, ("chip",), "joule", f"{label}: {meaning}", caveat, headroom)

    series = chip_series(inputs, column, "tdp_w", start=windows.hardware)
    parts = {
        "mean_chip": component("mean_chip", "least squares on release date", _CATALOGUE),
        "recent": component("recent", f"least squares from {windows.hardware_recent}", _CATALOGUE),
        f"quantile_{inputs.params.quantile:g}": component(
            f"quantile_{inputs.params.quantile:g}", "quantile regression on release date", "a tail of the catalogue"
        ),
        "record_frontier": component(
            "record_frontier",
            "least squares through the chips that set a strict new record",
            "records alone are biased upwards and their interval under-covers",
        ),
        "running_maximum": component(
            "running_maximum", "least squares of the best so far, at every chip", "long flat stretches weigh fully"
        ),
    }
    if series is None:
        return [refused(part, f"no row states {column}, tdp_w and a date") for part in parts.values()]
    recent = series.take(series.dates >= np.datetime64(windows.hardware_recent))
    mean, late, quantile, records, maximum = parts.values()
    fits = [
        fit_trend(inputs, mean, series, first="ols"),
        fit_trend(inputs, late, recent),
        fit_trend(inputs, quantile, series, slopes=quantile_slopes(inputs.params.quantile), first="cluster_bootstrap"),
        fit_trend(
            inputs,
            records,
            series,
            slopes=record_slopes,
            first="cluster_bootstrap",
            diagnostics={"n_records": int(is_record(series).sum())},
        ),
        fit_trend(inputs, maximum, series, slopes=running_maximum_slopes, first="cluster_bootstrap"),
    ]
    biased = "a line through records alone is biased upwards; its bootstrap covers less than it says"
    return [fit.with_status("weak", [biased]) if fit.component is records else fit for fit in fits]
