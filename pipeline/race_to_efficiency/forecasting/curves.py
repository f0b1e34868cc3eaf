"""What a curve of a forecast is of, and the readings that are shown side by side."""

from __future__ import annotations

from dataclasses import dataclass

POOLED = "pooled"
GIVEN = "given"
READINGS = (
    ("total", "relative_loss", "total", "R = L/L0, the paper's reading"),
    ("reducible", "reducible_loss", "reducible", "r = (L - E)/(L0 - E)"),
    ("reducible, whole loss", "relative_loss", "reducible", "L/L0 = floor + (1 - floor) r"),
)
"""Name, target, form and meaning of the readings shown side by side."""


@dataclass(frozen=True)
class CurveLabel:
    """What a curve is of; the columns its rows share.

    Parameters
    ----------
    target, unit, form, convention, scenario_id, anchor, route, group : str
    """

    target: str
    unit: str
    form: str
    convention: str
    scenario_id: str
    anchor: str
    route: str
    group: str = POOLED
