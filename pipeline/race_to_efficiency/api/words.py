"""Estimates in one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.calibration.common.grades import REFUSED

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate


def confidence(estimate: Estimate) -> str:
    """Return the grade of an estimate in words."""
    told = estimate.grade.confidence
    return told if told == REFUSED else f"{told} confidence"


def estimate_line(estimate: Estimate) -> str:
    """Return an estimate of kappa in one line: value, interval and its method, unit, rows, grade."""
    value = "-" if estimate.value is None else f"{estimate.value:.5g}"
    interval = estimate.interval()
    ends = ""
    if interval is not None:
        low = "open" if interval.low is None else f"{interval.low:.4g}"
        high = "open" if interval.high is None else f"{interval.high:.4g}"
        ends = f" [{low}, {high}] (95 %, {interval.method})"
    pivot = f" at {estimate.pivot_compute_flop:.3g} FLOP" if estimate.pivot_compute_flop else ""
    unit = "" if estimate.unit == "1" else f" {estimate.unit}"
    name = f"{estimate.form or '':<10} {estimate.symbol:<15}"
    return f"{name} {value}{unit}{ends}{pivot}; {estimate.n_rows} rows, {confidence(estimate)}"


def rate_line(estimate: Estimate) -> str:
    """Return a rate in one line: doublings a year, doubling time and factor a year, each with its interval."""
    facts, name = estimate.diagnostics, estimate.group or estimate.component
    headline = estimate.interval()
    if estimate.value is None or headline is None:
        return f"{name}: {estimate.n_rows} rows, {confidence(estimate)}"
    factor, doubling = facts["factor_per_year"], facts["doubling_time"]
    value, pieces, word = doubling["value"], doubling["intervals"], "doubling"
    if estimate.value < 0 and headline.high is not None and headline.high < 0:
        value, pieces, word = -value, [[-high, -low] for low, high in pieces], "halving"
    times = " or ".join(f"[{_end(low, '-inf')}, {_end(high, 'inf')}]" for low, high in pieces)
    return (
        f"{name}: {estimate.value:.4g} doublings/yr [{_end(headline.low)}, {_end(headline.high)}] "
        f"(95 %, {headline.method}); {word} in {_end(value, 'inf')} months {times}; "
        f"x{factor['value']:.4g} a year [{_end(factor['low'])}, {_end(factor['high'], 'inf')}]; "
        f"{estimate.n_rows} rows, {confidence(estimate)}"
    )


def _end(value: float | None, missing: str = "-") -> str:
    return missing if value is None else f"{value:.4g}"
