"""Components read from notable runs and MLPerf: utilisation, FLOP per joule, same-chip and system gains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.series import Series
from race_to_efficiency.calibration.gamma.chips import ACCELERATORS, named_rows, rated_watts
from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs, refused
from race_to_efficiency.calibration.gamma.mlperf_series import best_per_round, cell_series, mlperf_rows, with_names
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend
from race_to_efficiency.calibration.gamma.trends import fit_line
from race_to_efficiency.units import joules

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.gamma.components import Parts

NOTABLE_RUNS = "notable_training_runs"
_MODELLED = "power draw is modelled from rated power, so part of the trend is the trend of rated power itself"
_NO_ENERGY = "no run states compute, hours and power draw by this date"
_UNOFFICIAL = "unofficial, computed from result logs (MLPerf is a trademark of MLCommons)"
_PARTIAL = "rules fix the model but let batch size and optimiser move: part of the algorithm is inside"


def run_series(
    rows: pd.DataFrame, value: Floats, covariate: Floats | None = None, consulted: NDArray[Any] | None = None
) -> Series | None:
    """Return log2 of a positive quantity of notable runs, clustered by the organisation named first.

    Parameters
    ----------
    rows : DataFrame
        Used rows of the notable_training_runs view.
    value : (n,) float
        The quantity; rows where it is missing or not positive are left out.
    covariate : (n,) float, optional
        What its trend is to be cleared of; rows where it is missing are left out.
    consulted : (n,) tuple of str, optional
        Rows of other ledgers that the covariate was looked up in.

    Returns
    -------
    Series or None
    """
    keep = np.isfinite(value) & (value > 0)
    if covariate is not None:
        keep &= np.isfinite(covariate)
    if not keep.any():
        return None
    kept = rows.loc[keep]
    return Series(
        table=NOTABLE_RUNS,
        row_ids=kept["model_id"].to_numpy(object),
        dates=kept["released"].to_numpy("datetime64[D]"),
        value=np.log2(value[keep]),
        clusters=_first_named(kept["organization"]).to_numpy(object),
        covariate=None if covariate is None else covariate[keep],
        consulted=None if consulted is None else consulted[keep],
    ).ordered()


def _first_named(names: pd.Series) -> pd.Series:
    return names.fillna("").astype(str).str.split(",").str[0].str.strip()


def column(rows: pd.DataFrame, name: str) -> Floats:
    """Return a column as (n,) float64 with NaN for missing."""
    return rows[name].to_numpy(np.float64, na_value=np.nan)


def utilisation_headroom(inputs: Inputs) -> float | None:
    """Return the doublings between the median stated MFU and its limit; None when no run states one."""
    rows = inputs.rows(NOTABLE_RUNS)
    series = None if rows.empty else run_series(rows, column(rows, "mfu"))
    if series is None:
        return None
    return max(0.0, float(np.log2(inputs.params.caps.utilisation_limit) - np.median(series.value)))


def utilisation(inputs: Inputs) -> Fitted:
    """Return the trend of model FLOP utilisation; bounded by log2(1/MFU) doublings in all."""
    rows = inputs.rows(NOTABLE_RUNS)
    series = None if rows.empty else run_series(rows, column(rows, "mfu"))
    cap = utilisation_headroom(inputs)
    component = Component(
        "utilisation",
        "ols",
        ("utilisation",),
        "any",
        "model FLOP utilisation of notable training runs, least squares on date",
        "a bounded term: a level with a cap, never a rate for ever",
        cap,
    )
    if series is None:
        return refused(component, "no run states its model FLOP utilisation")
    start = inputs.params.windows.utilisation
    return fit_trend(
        inputs, component, series, start=start, diagnostics={"median_mfu": float(2 ** np.median(series.value))}
    )


def training_flop_per_joule(inputs: Inputs) -> list[Fitted]:
    """Return the trend of training compute per joule drawn, and the same without the move to 16-bit tensor units.

    That move came once: a path of many years cannot make it again, so it stands apart as a step, which runs make with
    the first chip they name.
    """
    caps, start = inputs.params.caps, inputs.params.windows.training_flop_per_joule
    # Its layers are bounded one by one: physics of the chip, width of the format, share of the peak.
    bound = caps.cmos_headroom + (utilisation_headroom(inputs) or 0.0)
    whole = Component(
        "training_flop_per_joule",
        "ols",
        ("chip", "format", "utilisation"),
        "joule",
        "training FLOP per joule of notable runs, least squares on date",
        _MODELLED,
        bound + caps.format_headroom,
        rests_on="modelled",
    )
    continuing = Component(
        "training_flop_per_joule",
        "same_format",
        ("chip", "utilisation"),
        "joule",
        "the same, with a step where runs move to chips with 16-bit tensor units",
        _MODELLED,
        bound,
        rests_on="modelled",
    )
    rows = inputs.rows(NOTABLE_RUNS)
    if rows.empty:
        return [refused(part, _NO_ENERGY) for part in (whole, continuing)]
    energy = joules(column(rows, "power_draw_w"), column(rows, "hours"))
    energy[~(energy > 0)] = np.nan
    efficiency = column(rows, "compute_flop") / energy
    series, stepped = run_series(rows, efficiency), run_series(rows, efficiency, *_on_tensor_units(inputs, rows))
    if series is None:
        return [refused(part, _NO_ENERGY) for part in (whole, continuing)]
    fitted = fit_trend(inputs, whole, series, start=start)
    within = None if stepped is None else stepped.since(start)
    if stepped is None or within is None or _on_one_side(within):
        return [fitted, refused(continuing, "fewer than three runs on either side of the move to 16-bit tensor units")]
    step = {"one_time_doublings": fit_line(within).covariate_slope}
    return [fitted, fit_trend(inputs, continuing, stepped, start=start, diagnostics=step)]


def _on_tensor_units(inputs: Inputs, rows: pd.DataFrame) -> tuple[Floats, NDArray[Any]]:
    """Return 1 for runs whose first chip has 16-bit tensor units, 0 for others, NaN where unknown, and the chips."""
    chips = inputs.rows(ACCELERATORS)
    named = _first_named(rows["hardware"])
    if chips.empty:
        return np.full(len(rows), np.nan), named_rows(named, {})
    known = dict(zip(chips["name"], chips["fp16_tensor_flop_s"].notna().astype(np.float64), strict=True))
    told = dict(zip(chips["name"], ((row,) for row in chips["accelerator_id"]), strict=True))
    return np.asarray(named.map(known), dtype=np.float64), named_rows(named, told)


def _on_one_side(series: Series) -> bool:
    """Return whether fewer than three runs stand on either side of the step."""
    after = 0 if series.covariate is None else int(series.covariate.sum())
    return min(after, len(series) - after) < 3


def mlperf_same_chip(inputs: Inputs) -> list[Fitted]:
    """Return the gain on an unchanged benchmark, chip and chip count: cell fixed effects, two-way clusters.

    A cell is told by the chip's name as the submitter spelt it (which keeps power limits apart), and beside it by the
    name in one spelling (which joins more rounds, and also variants of one chip).
    """
    rows = mlperf_rows(inputs)
    spelt = "accelerator_original" if "accelerator_original" in rows.columns else "accelerator"
    fits = []
    for estimator, name, how in (
        ("cell_effects", spelt, "as the submitter spelt it"),
        ("cell_effects_normalised", "accelerator", "in one spelling"),
    ):
        component = Component(
            "mlperf_same_chip",
            estimator,
            ("format", "utilisation", "algorithm"),
            "any",
            f"MLPerf minutes on the same benchmark, chip ({how}) and count; one level a cell",
            f"{_UNOFFICIAL}; front-loaded after a chip's launch; {_PARTIAL}",
        )
        by = ["benchmark", name, "accelerator_count"]
        best = rows if rows.empty else best_per_round(with_names(rows, by), by, 2)
        if best.empty:
            fits.append(refused(component, "no benchmark, chip and count was run in two rounds by this date"))
            continue
        series = cell_series(
            best,
            by,
            -np.log2(column(best, "minutes")),
            clusters=best["benchmark"].to_numpy(object),
            second_clusters=best["accelerator"].to_numpy(object),
        )
        cells = {"n_cells": int(best.groupby(by).ngroups)}
        fits.append(fit_trend(inputs, component, series, start=inputs.params.windows.mlperf, diagnostics=cells))
    return fits


def mlperf_system(inputs: Inputs) -> list[Fitted]:
    """Return the gain of the best eight-accelerator system a round, any and available, and its winners' rated power.

    All three are clustered by benchmark and share draws, so the rate per joule (rate less growth of watts) carries
    their covariance.
    """
    covers = ("chip", "format", "utilisation", "algorithm")
    note = f"{_UNOFFICIAL}; {_PARTIAL}; winners drew more watts every generation"
    parts = {
        "best_any": Component("mlperf_system", "best_any", covers, "accelerator_hour", "best time a round", note),
        "best_available": Component(
            "mlperf_system", "best_available", covers, "accelerator_hour", "best available system a round", note
        ),
    }
    watts = Component("growth", "winners_tdp", (), "watt", "rated power of the chips in the best available systems")
    rows = mlperf_rows(inputs)
    rows = rows if rows.empty else rows.loc[rows["accelerator_count"].eq(8)]
    start = inputs.params.windows.mlperf
    fits: list[Fitted] = []
    for name, component in parts.items():
        available = name == "best_available"
        chosen = rows if rows.empty or not available else rows.loc[rows["availability"].str.startswith("available")]
        best = chosen if chosen.empty else best_per_round(chosen, ["benchmark"], 3 if available else 2)
        if best.empty:
            fits += [refused(part, "too few rounds by this date") for part in ([component, watts][: 1 + available])]
            continue
        clusters = best["benchmark"].to_numpy(object)
        series = cell_series(best, ["benchmark"], -np.log2(column(best, "minutes")), clusters=clusters)
        n_benchmarks = {"n_benchmarks": series.n_clusters}
        fits.append(fit_trend(inputs, component, series, start=start, diagnostics=n_benchmarks))
        if available:
            fits.append(_winners_watts(inputs, watts, best))
    return fits


def _winners_watts(inputs: Inputs, component: Component, best: pd.DataFrame) -> Fitted:
    chips = inputs.rows(ACCELERATORS)
    if chips.empty:
        return refused(component, "no rated power is known by this date")
    name = "accelerator_original" if "accelerator_original" in best.columns else "accelerator"
    power, told = rated_watts(best[name], chips)
    known = power > 0
    if not known.any():
        return refused(component, "no rated power is known by this date")
    best, power = best.loc[known], power[known]
    series = cell_series(
        best, ["benchmark"], np.log2(power), clusters=best["benchmark"].to_numpy(object), consulted=told[known]
    )
    start = inputs.params.windows.mlperf
    return fit_trend(inputs, component, series, start=start, diagnostics={"n_without_rated_power": int((~known).sum())})


PLACE = 2
"""Where these components stand among all."""

PARTS: Parts = {
    "utilisation": lambda inputs: [utilisation(inputs)],
    "training_flop_per_joule": training_flop_per_joule,
    "mlperf_same_chip": mlperf_same_chip,
    "mlperf_system": mlperf_system,
}
