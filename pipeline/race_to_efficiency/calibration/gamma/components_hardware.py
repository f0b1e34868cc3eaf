"""Components read from the accelerators ledger: efficiency of the mean chip, of the records, and of the upper tail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.quantile import quantile_slopes
from race_to_efficiency.calibration.common.series import Series
from race_to_efficiency.calibration.gamma.chips import ACCELERATORS, chip_families
from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs, refused
from race_to_efficiency.calibration.gamma.frontier import is_record, record_slopes, running_maximum_slopes
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend

if TYPE_CHECKING:
    from race_to_efficiency.calibration.gamma.components import Parts


_CATALOGUE = (
    "an unweighted mean over catalogued chips by rated power, not over the installed fleet; the interval for "
    "independent rows is shown first, as published trends are quoted; draws and routes carry the clustered spread"
)


def chip_series(inputs: Inputs, numerator: str, denominator: str | None = None) -> Series | None:
    """Return log2 of numerator (over denominator) for chips that state both; a 0 in a cell means missing.

    Parameters
    ----------
    inputs : Inputs
    numerator, denominator : str
        Columns of the accelerators view; ``denominator`` None takes the numerator alone.

    Returns
    -------
    Series or None
        Clustered by design family; None when no row qualifies.
    """
    rows = inputs.rows(ACCELERATORS, stating=numerator)
    if rows.empty:
        return None
    rows = rows.loc[rows[numerator].gt(0) & (rows[denominator].gt(0) if denominator else True)]
    if rows.empty:
        return None
    ratio = rows[numerator] / rows[denominator] if denominator else rows[numerator]
    return Series(
        table=ACCELERATORS,
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

    whole = chip_series(inputs, column, "tdp_w")
    parts = {
        "mean_chip": component("mean_chip", "least squares on release date", _CATALOGUE),
        "recent": component("recent", f"least squares from {windows.hardware_recent}", "an unweighted catalogue mean"),
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
    if whole is None:
        return [refused(part, f"no row states {column}, tdp_w and a date") for part in parts.values()]
    start = windows.hardware
    mean, late, quantile, records, maximum = parts.values()
    history = {"n_records": int(is_record(whole.since(start)).sum()), "records": records_of(whole.since(start))}
    upper = quantile_slopes(inputs.params.quantile)
    fits = [
        fit_trend(inputs, mean, whole, start=start, first="ols"),
        fit_trend(inputs, late, whole, start=windows.hardware_recent),
        fit_trend(inputs, quantile, whole, start=start, slopes=upper, resampling="presence"),
        fit_trend(
            inputs, records, whole, start=start, slopes=record_slopes, resampling="presence", diagnostics=history
        ),
        fit_trend(inputs, maximum, whole, start=start, slopes=running_maximum_slopes, resampling="presence"),
    ]
    biased = "a line through records alone is biased upwards; its bootstrap covers less than it says"
    fits = [fit.with_status("weak", [biased]) if fit.component is records else fit for fit in fits]
    return [*fits, per_dollar(inputs, name, column)]


def records_of(series: Series) -> list[dict[str, object]]:
    """Return each strict new record with its date and its gain over the one before, in doublings."""
    best = series.take(is_record(series))
    gains = [None, *np.diff(best.value).tolist()]
    return [
        {"row": f"{series.table}/{row}", "date": str(day), "gain_doublings": gain}
        for row, day, gain in zip(best.row_ids, best.dates, gains, strict=True)
    ]


def per_dollar(inputs: Inputs, name: str, column: str) -> Fitted:
    """Return the trend of FLOP/s per dollar of release price, deflated by the parameter (0: nominal).

    A rate per dollar already contains the fall of prices: nothing may be added for it.
    """
    deflator = inputs.params.deflator_per_year
    component = Component(
        name,
        "per_dollar",
        ("chip",),
        "dollar",
        f"{column} per {'real' if deflator else 'nominal'} dollar of release price, least squares on release date",
        "few chips have a list price, and data-centre prices are negotiated",
    )
    whole = chip_series(inputs, column, "release_price_usd")
    if whole is None:
        return refused(component, f"no row states {column}, release_price_usd and a date")
    # Dividing the price by the price level adds the level's growth to the logarithm of what a dollar buys.
    whole = replace(whole, value=whole.value + np.log2(1.0 + deflator) * (whole.time - whole.time.min()))
    return fit_trend(
        inputs, component, whole, start=inputs.params.windows.hardware, diagnostics={"deflator_per_year": deflator}
    )


PLACE = 1
"""Where these components stand among all."""

PARTS: Parts = {
    "hardware_tensor16": hardware,
    "hardware_fp32": lambda inputs: hardware(inputs, "hardware_fp32", "fp32_flop_s"),
}
