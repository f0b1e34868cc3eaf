"""A remark on a kappa or a gamma that lies outside everything measured, with the range of the published estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.errors import RaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INPUTS = ("gamma_growth", "gamma_level")
"""Symbols of growths of inputs and of levels: no efficiency."""


def remarks(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each of kappa and gamma that no published estimate comes near; none without a publication.

    Parameters
    ----------
    values : mapping
        Holds kappa with its kappa_form, and gamma, where there are any.
    """
    found = []
    for name in ("kappa", "gamma"):
        value = values.get(name)
        if not isinstance(value, (int, float)):
            continue
        symbol = f"kappa_{values.get('kappa_form', 'total')}" if name == "kappa" else "gamma"
        try:
            measured = measured_range(symbol)
        except (
            RaceError,
            KeyError,
        ):  # the equation is solved without data; those that do not verify are told elsewhere
            continue
        if measured is not None and not measured[0] <= value <= measured[1]:
            low, high, count, quarter = measured
            found.append(
                f"{name} {value:g} lies outside anything measured: the 95 % intervals of the {count} estimates of "
                f"{symbol.replace('_', ', ')} published for {quarter} run from {low:.2g} to {high:.2g}"
            )
    return found


def measured_range(symbol: str) -> tuple[float, float, int, str] | None:
    """Return the ends of all 95 % intervals of a symbol that were not refused, how many they are, and their quarter."""
    from pathlib import Path

    from race_to_efficiency.checkout import root_of
    from race_to_efficiency.provenance.published_files import published_json
    from race_to_efficiency.provenance.registry import read_entries

    root = root_of(Path.cwd())
    entries = [] if root is None else read_entries(root / "reports")
    if root is None or not entries:
        return None
    newest = max(entries, key=lambda entry: (entry.quarter, entry.revision))
    document = published_json(root / "reports" / newest.folder / f"{symbol.partition('_')[0]}.json")
    ends = list(interval_ends(document, symbol))
    return (min(low for low, _ in ends), max(high for _, high in ends), len(ends), newest.quarter) if ends else None


def interval_ends(document: Mapping[str, Any], symbol: str) -> Iterator[tuple[float, float]]:
    """Yield the ends of the 95 % interval of each estimate of a symbol; one that does not close ends at its value."""
    for item in document["estimates"]:
        own = item["symbol"] == symbol or (symbol == "gamma" and item["symbol"] not in INPUTS)
        if own and item["status"] != "refused" and item["value"] is not None:
            found: dict[str, Any] = next((one for one in item["intervals"] if one["level"] == 0.95), {})
            low, high = found.get("low"), found.get("high")
            yield item["value"] if low is None else low, item["value"] if high is None else high
