"""How forecasts of each grade came true: losses of larger runs that were settled, grade by grade at equal horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.grades import GRADES, MEANINGS

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.evaluation.score_records import GradeRecord


def grade_records(done: pd.DataFrame) -> list[GradeRecord]:
    """Return the record of each grade.

    Parameters
    ----------
    done : DataFrame
        As `scored_forecasts.scored` returns it.

    Returns
    -------
    list of dict
        grade, meaning, n (outcomes), targets (groups of runs), coverage_80, coverage_95, wis (log2 nats/token), and
        wis_ratio: how much worse than the grade above, the geometric mean over the horizons both have, with horizons,
        their number. What has no record is None.
    """
    own = done[done["grade"].isin(GRADES)]
    mean = {pair: float(its["wis"].mean()) for pair, its in own.groupby(["grade", "horizon_quarters"])}
    rows: list[GradeRecord] = []
    for place, (grade, meaning) in enumerate(zip(GRADES, MEANINGS, strict=True)):
        its = own[own["grade"] == grade]
        above = GRADES[place - 1] if place else ""
        both = [horizon for name, horizon in mean if name == grade and (above, horizon) in mean]
        ratios = [np.log(mean[grade, horizon] / mean[above, horizon]) for horizon in both]
        rows.append(
            {
                "grade": grade,
                "meaning": meaning,
                "n": len(its),
                "targets": int(its["target"].nunique()),
                "coverage_80": _covered(its, "q0.1", "q0.9"),
                "coverage_95": _covered(its, "q0.025", "q0.975"),
                "wis": float(its["wis"].mean()) if len(its) else None,
                "wis_ratio": float(np.exp(np.mean(ratios))) if ratios else None,
                "horizons": len(both),
            }
        )
    return rows


def _covered(own: pd.DataFrame, low: str, high: str) -> float | None:
    """Return the share of outcomes between two quantiles; None without any."""
    return float(((own[low] <= own["observed"]) & (own["observed"] <= own[high])).mean()) if len(own) else None
