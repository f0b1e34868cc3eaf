"""Whether a group's reducible forms agree: if not, the form decides the number rather than the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INFINITE = float("inf")


def contradiction(estimates: Sequence[Mapping[str, Any]], group: str, fit: str) -> str:
    """Return why a group's two reducible forms contradict each other, '' when they do not or only one was fitted.

    Agreement means that each form's value lies inside the other's 95 % interval.

    Parameters
    ----------
    estimates : sequence of mapping
        Records of kappa.json.
    group, fit : str
    """
    records = {
        str(item["form"]): item
        for item in estimates
        if item.get("symbol") == "kappa_reducible" and item.get("group") == group and item.get("value") is not None
    }
    other = next((name for name in sorted(records) if name != fit), None)
    if fit not in records or other is None:
        return ""
    ends = {name: _interval(records[name]) for name in (fit, other)}
    values = {name: float(records[name]["value"]) for name in (fit, other)}
    if all(ends[a][0] <= values[b] <= ends[a][1] for a, b in ((fit, other), (other, fit))):
        return ""
    told = ", ".join(f"{name} {values[name]:.3f} [{ends[name][0]:.3f}, {ends[name][1]:.3f}]" for name in (fit, other))
    return f"its reducible forms contradict each other: {told}"


def _interval(record: Mapping[str, Any]) -> tuple[float, float]:
    """Return the first 95 % interval, open ends as infinities; everything when there is none."""
    for item in record.get("intervals", ()):
        if item["level"] == 0.95:
            low, high = item["low"], item["high"]
            return (-INFINITE if low is None else float(low), INFINITE if high is None else float(high))
    return (-INFINITE, INFINITE)
