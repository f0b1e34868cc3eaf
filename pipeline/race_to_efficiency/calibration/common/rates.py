"""A rate of growth in the units people use, with the ends of an interval in the right order in each."""

from __future__ import annotations

import math

MONTHS_PER_YEAR = 12.0
ORDERS_PER_DOUBLING = math.log10(2.0)


def doubling_time_months(doublings_per_year: float) -> float:
    """Return the months one doubling takes; negative for a halving time, infinite at a rate of 0.

    Parameters
    ----------
    doublings_per_year : float, doublings/yr

    Returns
    -------
    float, months

    Raises
    ------
    ValueError
        When the rate is not a number.
    """
    _check("doublings_per_year", doublings_per_year)
    return math.inf if doublings_per_year == 0 else MONTHS_PER_YEAR / doublings_per_year


def factor_per_year(doublings_per_year: float) -> float:
    """Return the yearly growth factor 2^rate (infinite above 1,024 doublings a year)."""
    _check("doublings_per_year", doublings_per_year)
    return math.inf if doublings_per_year >= 1024 else 2.0**doublings_per_year


def orders_per_year(doublings_per_year: float) -> float:
    """Return the rate in orders of magnitude a year (1 doubling = log10 2 orders)."""
    _check("doublings_per_year", doublings_per_year)
    return doublings_per_year * ORDERS_PER_DOUBLING


def doubling_time_interval(low: float, high: float) -> tuple[tuple[float, float], ...]:
    """Return the set of doubling times in months that the rates in [low, high] have, as ordered intervals.

    A rate interval of one sign maps to one interval with its ends exchanged. One that holds 0 maps to two: halving
    times below, doubling times above; everything between is excluded, so "from low to high" would be wrong there.

    Parameters
    ----------
    low, high : float, doublings/yr

    Returns
    -------
    tuple of (float, float), months
        One or two intervals, each with low <= high; an end is infinite where a rate of 0 is inside.

    Raises
    ------
    ValueError
        When low exceeds high.
    """
    _check("low", low)
    _check("high", high)
    if low > high:
        raise ValueError(f"low must not exceed high, got low={low!r}, high={high!r}")
    if low > 0 or high < 0:
        return ((doubling_time_months(high), doubling_time_months(low)),)
    parts: list[tuple[float, float]] = []
    if low < 0:
        parts.append((-math.inf, doubling_time_months(low)))
    if high > 0:
        parts.append((doubling_time_months(high), math.inf))
    return tuple(parts) or ((math.inf, math.inf),)


def in_other_units(value: float, low: float | None = None, high: float | None = None) -> dict[str, object]:
    """Return a rate and its interval in every unit, JSON-ready: infinite ends are None.

    Parameters
    ----------
    value : float, doublings/yr
    low, high : float, optional, doublings/yr

    Returns
    -------
    dict
        ``doubling_time`` (months), ``factor_per_year``, ``orders_of_magnitude_per_year``: each with value, low, high,
        unit. A doubling time whose interval is two pieces has low and high None and the pieces under ``intervals``.
    """
    bounded = low is not None and high is not None
    pieces = doubling_time_interval(low, high) if low is not None and high is not None else ()
    single = pieces[0] if len(pieces) == 1 else (math.inf, math.inf)
    return {
        "doubling_time": {
            "value": _finite(doubling_time_months(value)),
            "low": _finite(single[0]),
            "high": _finite(single[1]),
            "intervals": [[_finite(a), _finite(b)] for a, b in pieces],
            "unit": "months",
        },
        "factor_per_year": {
            "value": factor_per_year(value),
            "low": _finite(factor_per_year(low)) if bounded and low is not None else None,
            "high": _finite(factor_per_year(high)) if bounded and high is not None else None,
            "unit": "1/yr",
        },
        "orders_of_magnitude_per_year": {
            "value": orders_per_year(value),
            "low": orders_per_year(low) if low is not None else None,
            "high": orders_per_year(high) if high is not None else None,
            "unit": "orders of magnitude/yr",
        },
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _check(name: str, value: float) -> None:
    if math.isnan(value):
        raise ValueError(f"{name} must be a number, got {value!r}")
