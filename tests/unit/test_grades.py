"""Grades: two axes that add up, their record by hand, and the frontier's rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.calibration.common.grades import ASSUMED, GRADES, MEANINGS, evidence_level, grades
from race_to_efficiency.calibration.kappa.compute_frontier import graded
from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
from race_to_efficiency.evaluation.grade_record import grade_records
from scipy.stats import gmean, t


def test_evidence_counts_scatter_and_the_gate() -> None:
    assert [evidence_level(sound=True, scatter=sd) for sd in (0.0, 0.0099, 0.011, 0.029, 0.031, 0.099, 0.11, 9.0)] == [
        *(0, 0, 1, 1, 2, 2, 3, 3)
    ]
    assert [evidence_level(sound=False, scatter=sd) for sd in (None, 0.001, 0.02, 0.05)] == [1, 1, 1, 2]
    assert evidence_level(sound=True) == 0


def test_decades_add_to_evidence_and_the_last_grade_is_the_last() -> None:
    decades = [-3.0, 0.0, 0.25, 0.26, 1.0, 1.1, 3.0, 3.1, 9.0]
    steps = [0, 0, 0, 1, 1, 2, 2, 3, 3]
    for evidence in range(4):
        assert grades(evidence, decades) == tuple(GRADES[min(evidence + step, 4)] for step in steps)
    assert grades(0, 0.1) == (GRADES[0],)
    # beyond any run nothing is better than low, and an assumption never is
    assert {word for evidence in range(4) for word in grades(evidence, [5.6, 12.0])} == set(GRADES[3:])
    assert set(grades(ASSUMED, [-1.0, 8.0])) == set(GRADES[3:])
    assert len(GRADES) == len(MEANINGS)


def test_the_record_of_a_grade_by_hand() -> None:
    rng = np.random.default_rng(1)
    n = 60
    done = pd.DataFrame(
        {
            "target": np.where(np.arange(n) % 2, "loss.a", "loss.b"),
            "horizon_quarters": np.tile([1, 1, 4, 4, 8], n // 5),
            "grade": np.repeat(["very high", "high", "low", ""], n // 4),
            "wis": rng.gamma(2.0, 0.01, n),
            "observed": rng.standard_normal(n),
            **{
                name: np.full(n, end)
                for name, end in zip(("q0.025", "q0.1", "q0.9", "q0.975"), (-2, -1, 1, 2), strict=True)
            },
        }
    )
    done.loc[done["horizon_quarters"].eq(8) & done["grade"].eq("very high"), "grade"] = ""
    rows = {row["grade"]: row for row in grade_records(done)}
    assert list(rows) == list(GRADES)
    own = {word: done[done["grade"] == word] for word in GRADES}
    for word in ("very high", "high", "low"):
        assert (rows[word]["n"], rows[word]["targets"]) == (len(own[word]), 2)
        assert rows[word]["wis"] == pytest.approx(own[word]["wis"].mean())
        assert rows[word]["coverage_80"] == pytest.approx((own[word]["observed"].abs() <= 1).mean())
        assert rows[word]["coverage_95"] == pytest.approx((own[word]["observed"].abs() <= 2).mean())
    means = {word: own[word].groupby("horizon_quarters")["wis"].mean() for word in ("very high", "high")}
    ratio = gmean([means["high"][horizon] / means["very high"][horizon] for horizon in (1, 4)])
    assert rows["high"]["wis_ratio"] == pytest.approx(float(ratio))
    assert rows["high"]["horizons"] == 2
    # medium has none, so low has nothing above it to be held against, and no grade above the first
    assert [rows[word]["wis_ratio"] for word in ("very high", "medium", "low")] == [None, None, None]
    assert (rows["medium"]["n"], rows["medium"]["wis"], rows["medium"]["coverage_80"]) == (0, None, None)


def test_a_frontiers_rows_are_graded_and_widen_beyond_the_runs() -> None:
    known = Discrepancy.of("floor", [("a", "a1", 9.0), ("b", "b1", 0.03), ("c", "c1", 0.03)])
    assert known is not None
    loss = {"value": 2.0, "low": 1.99, "high": 2.02}
    named = {"family": "a", "group": "a1", "form": "floor"}
    rows = [{**named, "decades_beyond_range": far, "loss_nats": loss} for far in (0.0, 2.0)]
    stock = {**named, "reading": "data run out"}
    near, far, same = graded([*rows, stock], {("a1", "floor"): 0}, {"floor": known})
    assert same == stock
    assert (near["grade"], near["loss_nats"]) == ("very high", loss)
    assert far["grade"] == "medium"
    # of the family's own runs the two others speak
    off = 2 * 0.03 / 0.6744897501960817 * t.ppf(0.975, 2)
    assert np.log(far["loss_nats"]["high"] / 2.0) == pytest.approx(np.hypot(off, np.log(1.01)))
    assert np.log(2.0 / far["loss_nats"]["low"]) == pytest.approx(np.hypot(off, np.log(2.0 / 1.99)))
    (bare,) = graded(rows[1:], {("a1", "floor"): 3}, {})
    assert (bare["grade"], bare["loss_nats"]) == ("very low", loss)
