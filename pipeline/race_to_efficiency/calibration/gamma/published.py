"""Ours beside published trends, value by value, matched on definition; a difference is explained or marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.gamma.components import Component
from race_to_efficiency.calibration.gamma.components_hardware import chip_series
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.calibration.common.estimates import Interval
    from race_to_efficiency.calibration.gamma.components import Fitted, Inputs


@dataclass(frozen=True)
class Match:
    """What of ours answers the same question as a published value, and how it still differs.

    Parameters
    ----------
    ours : str or None
        ``component.estimator``, or None with ``numerator`` set.
    differs : str
        Known differences in rows or definition; empty when none is known.
    numerator, denominator : str or None
        Columns of the accelerators view for a matched trend of our own.
    """

    ours: str | None = None
    differs: str = ""
    numerator: str | None = None
    denominator: str | None = None


_NEWER = "ours is a catalogue of AI accelerators with releases up to the quarter; theirs ends with its publication"
_GAMING = "theirs covers general GPUs since 2006, most of them for graphics; ours only AI accelerators"

MATCHES: dict[str, Match] = {
    "epoch2023_fp32_flop_s": Match(differs=f"{_GAMING}; {_NEWER}", numerator="fp32_flop_s"),
    "epoch2023_energy_eff_ml": Match("hardware_fp32.mean_chip", _NEWER),
    "epoch2023_price_perf_ml": Match("hardware_fp32.per_dollar", _NEWER),
    "epoch2023_memory_capacity": Match(differs=_NEWER, numerator="memory_gb"),
    "epoch2023_memory_bandwidth": Match(differs=_NEWER, numerator="memory_bandwidth_bytes_s"),
    "epoch2022_gpu_price_perf_all": Match("hardware_fp32.per_dollar", _GAMING),
    "epoch2022_gpu_price_perf_ml": Match("hardware_fp32.per_dollar", _NEWER),
    "epoch2022_gpu_price_perf_top": Match("hardware_fp32.per_dollar", f"theirs are top performers only; {_GAMING}"),
    "epoch2022_gpu_price_perf_fp16": Match(
        "hardware_tensor16.per_dollar", "theirs is FP16 without tensor cores, which our ledger never pools with tensor"
    ),
    "epoch2024_leading_energy_eff": Match(
        "hardware_tensor16.record_frontier", "their leading chips are chosen by hand"
    ),
    "pilz2025_cluster_energy_eff": Match(
        "training_flop_per_joule.ols", "theirs is peak FLOP/s per watt of whole clusters; ours counts work done in runs"
    ),
    "ho2024_lm_compute": Match(
        "algorithmic_lm.ln_loss", "theirs fits reducible loss with benchmark effects on 231 models; ours 46, mixed"
    ),
    "erdil2022_imagenet": Match(differs="no image classifiers in these ledgers"),
    "hernandez2020_alexnet": Match(differs="no image classifiers in these ledgers"),
    "hernandez2020_resnet50": Match(differs="no image classifiers in these ledgers"),
    "moore": Match("hardware_tensor16.mean_chip", "a reference line for transistor counts, not energy efficiency"),
}
"""Published value -> ours, by value_id; a value not listed here is reported as unmatched."""


def compare_published(inputs: Inputs, fits: Mapping[str, Fitted]) -> tuple[list[dict[str, Any]], list[Fitted]]:
    """Return each published value beside ours.

    Parameters
    ----------
    inputs : Inputs
    fits : mapping of str to Fitted

    Returns
    -------
    list of dict
        value_id, quantity, published (value, low, high), ours (value, low, high, estimate), difference, overlap,
        verdict (agrees / explained / unexplained / unmatched), note.
    list of Fitted
        Trends of ours fitted for the comparison alone.
    """
    rows, own = [], []
    table = inputs.rows("published_values")
    for record in table.to_dict("records"):
        match = MATCHES.get(str(record["value_id"]))
        fit = None if match is None else _ours(inputs, match, fits)
        if fit is not None and fit.component.key not in fits:
            own.append(fit)
        rows.append(_row({str(key): value for key, value in record.items()}, match, fit))
    return rows, own


def _ours(inputs: Inputs, match: Match, fits: Mapping[str, Fitted]) -> Fitted | None:
    if match.ours is not None:
        return fits.get(match.ours)
    if match.numerator is None:
        return None
    series = chip_series(inputs, match.numerator, match.denominator)
    if series is None:
        return None
    name = match.numerator if match.denominator is None else f"{match.numerator}_per_{match.denominator}"
    component = Component(name, "mean_chip", (), "none", f"{name}, least squares on release date")
    return fit_trend(inputs, component, series)


def _row(record: Mapping[str, Any], match: Match | None, fit: Fitted | None) -> dict[str, Any]:
    theirs = _number(record["gamma_per_year"])
    low, high = _number(record["gamma_lo"]), _number(record["gamma_hi"])
    headline = None if fit is None else fit.estimate.interval()
    value = None if fit is None else fit.estimate.value
    overlap = _overlap(theirs, low, high, headline)
    note = "no definition of ours was matched to it" if match is None else match.differs
    if value is None:
        verdict = "unmatched"
    elif overlap:
        verdict = "agrees"
    else:
        verdict = "explained" if note else "unexplained"
    return {
        "value_id": record["value_id"],
        "quantity": record["quantity"],
        "published": theirs,
        "published_low": low,
        "published_high": high,
        "ours": value,
        "ours_low": None if headline is None else headline.low,
        "ours_high": None if headline is None else headline.high,
        "estimate": None if fit is None else fit.estimate.id,
        "difference": None if value is None or theirs is None else value - theirs,
        "overlap": overlap,
        "verdict": verdict,
        "note": note,
        "source": record["source"],
        "verified": record["verified"],
    }


def _overlap(theirs: float | None, low: float | None, high: float | None, ours: Interval | None) -> bool | None:
    """Return whether the 95 % intervals meet; a published value without one counts as a point."""
    if theirs is None or ours is None or ours.low is None or ours.high is None:
        return None
    low, high = theirs if low is None else low, theirs if high is None else high
    return ours.low <= high and low <= ours.high


def _number(value: Any) -> float | None:
    number = float(value)
    return None if number != number else number  # noqa: PLR0124
