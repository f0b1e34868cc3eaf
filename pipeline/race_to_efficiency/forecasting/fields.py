"""Columns of the forecast's tables: name, unit ('' for words, ISO dates as text) and what stands in them."""

from __future__ import annotations

_MADE = {"reference_date": ("ISO date", "last day of the quarter the forecast was made for")}
_CURVE = {
    "form": ("", "how loss depends on compute: total (R = L/L0) or reducible (r = (L - E)/(L0 - E))"),
    "convention": ("", "cumulative: compute gathers, as in the paper; run: the largest single run"),
    "anchor": ("", "where today's loss and compute are read"),
    "route": ("", "measured gamma that drives efficiency, or given"),
    "group": ("", "family of runs whose kappa it is, pooled over families, or given"),
    "status": ("", "trusted or weak"),
    "reasons": ("", "why it is weak, ';'-joined; empty when trusted"),
    "grade": ("", "very high to very low: what it rests on and how far its compute has gone"),
    "run_id": ("", "run that made the table"),
}
_TARGET = ("", "relative_loss L/L0, reducible_loss r, or loss of one group")
_SCENARIO = ("", "scenario; scenarios.json says what it assumes")
_LEVEL = ("1", "probability level of the quantile; empty for a mean or a point")

FORECAST_FIELDS = {
    **_MADE,
    "target": _TARGET,
    "scenario_id": _SCENARIO,
    "horizon": ("years", "time ahead of the reference date"),
    "target_end_date": ("ISO date", "day the value is about"),
    "output_type": ("", "quantile, mean, or point (the equation at the printed inputs)"),
    "output_type_id": _LEVEL,
    "value": ("as unit says", "forecast"),
    "unit": ("", "unit of value: 1 for a share, nats/token for a loss"),
    **_CURVE,
}
"""forecast.parquet, in order."""

MILESTONE_FIELDS = {
    **_MADE,
    "target": _TARGET,
    "threshold": ("1", "value to be reached"),
    "scenario_id": _SCENARIO,
    "output_type": ("", "quantile: a time that may be never has no mean"),
    "output_type_id": _LEVEL,
    "value": ("years", "time from the reference date until the threshold is reached; inf: never within sight"),
    "unit": ("", "unit of value"),
    "date": ("ISO date", "day the threshold is reached; empty when never"),
    "unreachable_probability": ("1", "share of draws that never reach it"),
    **_CURVE,
}
"""milestones.parquet, in order."""

SOURCE = "computed by race stage forecast from the draws of kappa and gamma"
