"""A quarter as DVC's users compare quarters: a flat file of numbers, and a table behind each plot."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE
from race_to_efficiency.report.annex.kappa import REDUCIBLE_POOL, TOTAL_POOL

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.inputs import QuarterFiles

METRIC_ESTIMATES = {"kappa_total": TOTAL_POOL, "kappa_reducible": REDUCIBLE_POOL, "gamma": HEADLINE_ROUTE}

RELATIVE_LOSSES = {"total": "R_total", "reducible": "r_reducible", "reducible, whole loss": "R_whole_loss"}
"""Names of the headline's readings."""

SCORED_HORIZON = 4
"""Quarters ahead of the score that is shown: a year."""


def flat_metrics(inputs: QuarterFiles) -> dict[str, float]:
    """Return kappa, gamma and R with their intervals, skill, coverage and the number of estimates of each status.

    Parameters
    ----------
    inputs : QuarterFiles

    Returns
    -------
    dict of str to float
        What the stages before left out, or could not close, has no entry: every number is finite.
    """
    found: dict[str, float | None] = {}
    for name, estimate_id in METRIC_ESTIMATES.items():
        if estimate_id in inputs.estimates:
            low, value, high = _with_ends(inputs.estimates[estimate_id])
            found |= {name: value, f"{name}_low95": low, f"{name}_high95": high}
    for row in inputs.documents.get("headline", ()):
        found[f"{RELATIVE_LOSSES[row['reading']]}_{row['years']:g}y"] = row["point"]  # what the headline prints
    for row in inputs.documents.get("scores", {}).get("scores", ()):
        if row["target"] == "all" and row["horizon_quarters"] == SCORED_HORIZON:
            found |= {"skill_1y": row["skill"], "coverage80_1y": row["interval_coverage_80"]}
    statuses = Counter(item.status for item in inputs.estimates.values())
    found |= {f"estimates_{status}": float(n) for status, n in sorted(statuses.items())}
    return {name: value for name, value in found.items() if value is not None}


def _with_ends(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    ends = estimate.interval(0.95)
    return (None, estimate.value, None) if ends is None else (ends.low, estimate.value, ends.high)


def plot_tables(inputs: QuarterFiles) -> dict[str, pd.DataFrame]:
    """Return the tables behind DVC's plots, by file name: kappa by family, gamma by series, the fan, calibration."""
    import pandas as pd

    def listed(prefix: str, label: str) -> pd.DataFrame:
        rows = [
            (getattr(item, label), item.symbol, item.form or item.estimator, *_with_ends(item), item.status)
            for item in inputs.estimates.values()
            if item.symbol.startswith(prefix) and item.value is not None
        ]
        return pd.DataFrame(rows, columns=[label, "symbol", "form", "low95", "value", "high95", "status"])

    tables = {"kappa_families.csv": listed("kappa_", "group"), "gamma_series.csv": listed("gamma_", "component")}
    if "headline" in inputs.documents:
        columns = ["reading", "years", "low95", "low80", "median", "high80", "high95"]
        tables["fan.csv"] = pd.DataFrame(inputs.documents["headline"])[columns]
    for item in inputs.documents.get("scores", {}).get("pit", ()):
        if item["horizon_quarters"] is None:
            shares = {"from": item["edges"][:-1], "to": item["edges"][1:], "share": item["shares"]}
            tables["calibration.csv"] = pd.DataFrame(shares)
    return tables
