"""A statement in plain words: what is expected, how sure, and what comes if nothing happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEN = 10


def amount(value: float, unit: str) -> str:
    """Return a value with its unit, to two or three digits."""
    return f"{value:.3g} {unit}" if value < 1e4 else f"{value:.2g} {unit}"


def level_words(what: str, quantiles: Mapping[str, float], unit: str, last: float) -> str:
    """Return the plain-words line of a quantity.

    Examples
    --------
    >>> level_words("the cost in 2027Q1", {"0.1": 90.0, "0.5": 100.0, "0.9": 150.0}, "USD", 80.0)
    'We expect about 100 USD (four chances in five: 90 USD to 150 USD) for: the cost in 2027Q1. Today: 80 USD.'
    """
    low, middle, high = (amount(quantiles[level], unit) for level in ("0.1", "0.5", "0.9"))
    return f"We expect about {middle} (four chances in five: {low} to {high}) for: {what}. Today: {amount(last, unit)}."


def event_words(what: str, probability: float, last: float, unit: str) -> str:
    """Return the plain-words line of an event, in chances out of ten.

    Examples
    --------
    >>> event_words("a run costs at least 1e9 USD by the end of 2027Q1", 0.31, 4e8, "USD")
    'About 3 chances in 10 that a run costs at least 1e9 USD by the end of 2027Q1. Today: 4e+08 USD.'
    """
    chances = min(max(round(_TEN * probability), 1), _TEN - 1)
    plural = "s" if chances > 1 else ""
    return f"About {chances} chance{plural} in {_TEN} that {what}. Today: {amount(last, unit)}."


def why(implied: float, printed: tuple[float, float, float], weights: Mapping[str, float], *, mean: bool) -> str:
    """Return why a median implies another growth than the one the report prints.

    Parameters
    ----------
    implied : float, doublings/yr
    printed : (value, low, high), doublings/yr
    weights : mapping of member to weight
    mean : bool
        Whether the quantity is a mean or median over a window, whose last value scatters around its trend.
    """
    value, low, high = printed
    said = f"the median implies {implied:.2f} doublings a year where the trend over all years is {value:.2f} "
    said += f"[{low:.2f}, {high:.2f}]"
    if mean:
        side = "below" if implied > high else "above"
        return f"{said}: the last window lay {side} its trend, and the forecast returns to it"
    if not weights:
        return said
    heavy = sorted(weights, key=lambda name: (-weights[name], name))[:2]
    members = " and ".join(f"{name.replace('_', ' ')} ({weights[name]:.0%})" for name in heavy)
    return f"{said}: of its members {members} weigh most, and what they expect differs from that trend"
