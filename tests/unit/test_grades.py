"""Grades: two axes that add up, their record by hand, and the frontier's rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.calibration.common.grades import (
    ASSUMED,
    FAMILIES_APART,
    FORMS_APART,
    GRADES,
    MEANINGS,
    REFUSED,
    UNGRADED,
    agreement_level,
    confidence_of,
    counted,
    estimate_grade,
    evidence_level,
    grades,
)
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


RESTS = ("measured", "modelled", "assumed")


@given(
    st.tuples(st.booleans(), st.booleans()),
    st.tuples(st.one_of(st.none(), st.floats(0, 1)), st.one_of(st.none(), st.floats(0, 1))),
    st.tuples(st.booleans(), st.booleans()),
    st.tuples(st.sampled_from(RESTS), st.sampled_from(RESTS)),
    st.tuples(st.floats(0, 3), st.floats(0, 3)),
)
def test_no_worse_fact_ever_gives_a_better_grade(sound, scatter, few, rests, apart) -> None:
    worse = {
        "sound": min(sound),
        "scatter": max(scatter, key=lambda sd: -1.0 if sd is None else sd),
        "few": max(few),
        "rests_on": max(rests, key=RESTS.index),
    }
    low = estimate_grade(evidence_level(**worse), agreement_level(max(apart), FAMILIES_APART))
    for facts in zip(sound, scatter, few, rests, apart, strict=True):
        own = dict(zip(worse, facts[:4], strict=True))
        grade = estimate_grade(evidence_level(**own), agreement_level(facts[4], FAMILIES_APART))
        assert GRADES.index(grade.confidence) <= GRADES.index(low.confidence)
        assert 0 <= grade.evidence <= ASSUMED
        # agreement never lifts a grade above what the evidence allows
        assert GRADES.index(grade.confidence) >= grade.evidence


def test_the_steps_of_an_estimate_by_hand() -> None:
    assert evidence_level(sound=False, few=True) == 2
    assert evidence_level(sound=False, few=True, scatter=0.2) == 3
    assert evidence_level(sound=True, scatter=0.02, rests_on="modelled") == 2
    assert evidence_level(sound=True, rests_on="modelled") == 1
    assert evidence_level(sound=False, scatter=0.5, rests_on="modelled") == ASSUMED  # there is no further step
    assert evidence_level(sound=True, rests_on="assumed") == ASSUMED
    assert [agreement_level(gap, FORMS_APART) for gap in (0.0, 0.24, 0.25, 0.99, 1.0, np.inf)] == [0, 0, 1, 1, 2, 2]
    told = [estimate_grade(evidence, agreement).confidence for evidence in range(4) for agreement in range(3)]
    assert told == [GRADES[min(evidence + agreement, 4)] for evidence in range(4) for agreement in range(3)]


@given(st.integers(0, 3), st.integers(0, 2))
def test_what_is_refused_stays_refused(evidence, agreement) -> None:
    assert estimate_grade(evidence, agreement, refused=True).confidence == REFUSED
    item = Estimate("x", "x", None, "1", status="refused", reasons=("7 rows",), evidence=evidence, agreement=agreement)
    assert item.grade.confidence == item.to_json()["grade"]["confidence"] == REFUSED


@given(st.integers(0, 3), st.integers(0, 2), st.booleans())
def test_a_record_carries_its_grade_and_gives_it_back(evidence, agreement, weak) -> None:
    fields = {"status": "weak", "reasons": ("why",)} if weak else {}
    if weak and evidence + agreement == 0:
        with pytest.raises(ValueError, match="best grade"):
            Estimate("x", "x", 1.0, "1", evidence=0, agreement=0, **fields)
        return
    item = Estimate("x", "x", 1.0, "1", evidence=evidence, agreement=agreement, **fields)
    told = item.to_json()
    assert told["grade"] == {
        "confidence": GRADES[min(evidence + agreement, 4)], "evidence": evidence, "agreement": agreement
    }  # fmt: skip
    assert not {"evidence", "agreement"} & set(told)
    assert Estimate.from_json(told) == item
    assert confidence_of(told) == item.grade.confidence


def test_a_record_made_before_there_were_grades_is_told_as_such_and_still_read() -> None:
    for status, confidence in (("trusted", UNGRADED), ("weak", UNGRADED), ("refused", REFUSED)):
        item = Estimate("x", "x", 1.0, "1", status=status, reasons=("why",))
        old = {key: value for key, value in item.to_json().items() if key != "grade"}
        assert confidence_of(old) == confidence_of({**old, "grade": ""}) == confidence
        assert Estimate.from_json(old) == item
    assert confidence_of({"grade": "low", "status": "weak"}) == "low"
    told = [{"grade": name, "status": "weak"} for name in ("low", "high", "", "low")]
    assert counted([*told, {"status": "refused"}]) == "1 high, 2 low, 1 not graded, 1 refused"
