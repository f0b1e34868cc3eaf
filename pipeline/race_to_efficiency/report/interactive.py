"""The one interactive chart: its data and our own script; the page is complete without it.

The script draws the chart itself: a chart library in the page weighed more than all the rest of it. The sliders are
native range inputs a keyboard can move, and the equation is its stable form, which agrees with
`race_to_efficiency.relative_loss`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.report.html import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SLIDERS = (
    {"name": "kappa", "label": "κ, loss exponent", "unit": "", "low": 0.001, "high": 0.6, "step": 0.001, "log": False},
    {"name": "gamma", "label": "γ, doublings a year", "unit": "/yr", "low": -1, "high": 4, "step": 0.05, "log": False},
    {
        "name": "fleet",
        "label": "Fleet, multiple of today's power",
        "unit": "×",
        "low": -4,
        "high": 10,
        "step": 0.5,
        "log": True,
    },
    {
        "name": "floor",
        "label": "Floor, irreducible share of today's loss",
        "unit": "",
        "low": 0,
        "high": 0.999,
        "step": 0.001,
        "log": False,
    },
)
"""Sliders of the chart; a logarithmic one moves in doublings."""


def own_script() -> str:
    """Return our own script: the chart's sliders and the tables' CSV buttons."""
    return storage.read_text(TEMPLATES / "explorer.js")


def payload(
    presets: Sequence[Mapping[str, Any]],
    years: Sequence[float],
    horizon_years: float,
    bill: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Any]:
    """Return the data of the chart.

    Parameters
    ----------
    presets : sequence of mapping
        id, title, kappa, gamma, fleet, floor, convention ("cumulative" or "run"), baseline_years, and band: year, low
        and high end of what eight draws in ten say; the first is shown.
    years : sequence of float
        Times whose R is written out.
    horizon_years : float
    bill : mapping of str to sequence of float, optional
        energy (TWh) and money (billion USD) that the baseline fleet takes until each of ``years``.
    """
    return {
        "presets": [dict(item) for item in presets],
        "years": list(years),
        "horizon": horizon_years,
        "sliders": [dict(item) for item in SLIDERS],
        "bill": bill and dict(bill),
    }
