"""Horizons, in quarters, that are shown of all that are scored."""

from __future__ import annotations

SHOWN_HORIZONS = (1, 4, 8, 12)
HEADLINE_HORIZON = 4
"""At which scorecard and weights are read first."""
