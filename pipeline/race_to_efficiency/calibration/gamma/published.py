"""Ours beside published trends, value by value, matched on definition; a difference is explained or marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.common.estimates import NO_ENDS
from race_to_efficiency.calibration.gamma.components import Component
from race_to_efficiency.calibration.gamma.components_hardware import chip_series
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.calibration.common.estimates import Ends
    from race_to_efficiency.calibration.gamma.components import Fitted, Inputs
    from race_to_efficiency.calibration.gamma.records import PublishedRate, Verdict


@dataclass(frozen=True)
class Match:
    """What of ours answers the same question as a published value, and how it still differs.

    Parameters
    ----------
    ours : str or None
        ``component.estimator``, or None with ``numerator`` set.
    differs : str
        Known differences in rows or definition; empty when none is known.
    numerator : str or None
        Column of the accelerators view for a matched trend of our own.
    sign : int
        Of ours minus theirs, as those differences let expect before a value is looked at; 0 where they tell no side.
    """

    ours: str | None = None
    differs: str = ""
    numerator: str | None = None
    sign: int = 0


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
        "training_flop_per_joule.ols",
        "theirs is peak FLOP/s per watt of whole clusters; ours counts work done in runs, and so formats too",
        sign=1,
    ),
    "ho2024_lm_compute": Match(
        "algorithmic_lm.ln_loss", "theirs fits reducible loss with benchmark effects on 231 models; ours 46, mixed"
    ),
    "erdil2022_imagenet": Match(differs="no image classifiers in these ledgers"),
    "hernandez2020_alexnet": Match(differs="no image classifiers in these ledgers"),
    "hernandez2020_resnet50": Match(differs="no image classifiers in these ledgers"),
    "moore": Match(
        "hardware_tensor16.mean_chip",
        "a reference line for transistor counts, behind which energy efficiency falls since voltages stopped falling",
        sign=-1,
    ),
}
"""Published value -> ours, by value_id; a value not listed here is reported as unmatched."""


def compare_published(inputs: Inputs, fits: Mapping[str, Fitted]) -> tuple[list[PublishedRate], list[Fitted]]:
    """Return each published value beside ours.

    Parameters
    ----------
    inputs : Inputs
    fits : mapping of str to Fitted

    Returns
    -------
    list of dict
        value_id, quantity, published (value, low, high), ours (value, low, high, estimate), difference, overlap,
        verdict (see `verdict_of`), note.
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
    series = chip_series(inputs, match.numerator)
    if series is None:
        return None
    component = Component(match.numerator, "mean_chip", (), "none", f"{match.numerator}, least squares on release date")
    return fit_trend(inputs, component, series)


def _row(record: Mapping[str, Any], match: Match | None, fit: Fitted | None) -> PublishedRate:
    theirs = _number(record["gamma_per_year"])
    low, high = _number(record["gamma_lo"]), _number(record["gamma_hi"])
    value, ends = (None, NO_ENDS) if fit is None else (fit.estimate.value, fit.estimate.ends)
    verdict, why = verdict_of(match, value, theirs, (low, high), ends)
    notes = (why, "no definition of ours was matched to it" if match is None else match.differs)
    return {
        "value_id": record["value_id"],
        "quantity": record["quantity"],
        "published": theirs,
        "published_low": low,
        "published_high": high,
        "ours": value,
        "ours_low": ends[0],
        "ours_high": ends[1],
        "estimate": None if fit is None else fit.estimate.id,
        "difference": None if value is None or theirs is None else value - theirs,
        "overlap": _overlap(theirs, (low, high), ends),
        "verdict": verdict,
        "note": "; ".join(text for text in notes if text),
        "source": record["source"],
        "verified": record["verified"],
    }


def verdict_of(
    match: Match | None,
    ours: float | None,
    theirs: float | None,
    interval: Ends,
    own: Ends,
) -> tuple[Verdict, str]:
    """Return what a comparison tells, and why where that needs saying.

    Parameters
    ----------
    match : Match or None
    ours, theirs : float or None, doublings/yr
    interval, own : (float or None, float or None), doublings/yr
        The 95 % intervals: as published, and ours.

    Returns
    -------
    verdict : str
        agrees: the intervals meet, and neither is wider than the published rate itself; too wide to tell: they meet,
        but one holds half that rate and half as much again; explained: they part to the side the definitions let
        expect; differs: they part and the definitions differ, which tells no side; unexplained: no known difference,
        or to the other side; unmatched: we have no such quantity.
    why : str
        Empty where the verdict says it all.
    """
    if ours is None or theirs is None or match is None:
        return "unmatched", ""
    if _overlap(theirs, interval, own):
        wide = [
            whose
            for whose, (low, high) in (("our", own), ("their", interval))
            if low is not None and high is not None and high - low > abs(theirs)
        ]
        why = f"{' and '.join(wide)} 95 % interval is wider than the published rate itself" if wide else ""
        return ("too wide to tell" if wide else "agrees"), why
    if match.sign:
        return ("explained" if (ours - theirs) * match.sign > 0 else "unexplained"), ""
    return ("differs" if match.differs else "unexplained"), ""


def _overlap(theirs: float | None, interval: Ends, ours: Ends) -> bool | None:
    """Return whether the 95 % intervals meet; a published value without one counts as a point."""
    least, most = ours
    if theirs is None or least is None or most is None:
        return None
    low, high = (theirs if end is None else end for end in interval)
    return least <= high and low <= most


def _number(value: Any) -> float | None:
    number = float(value)
    return None if number != number else number  # noqa: PLR0124
